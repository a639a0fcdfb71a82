"""Clients that write without a break and remember every acknowledgement."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass
from typing import Any, Iterable, Mapping, Optional

from client import Answer, Unreachable, value_of
from cluster import Cluster, Node
from waiting import PATIENCE, wait_for

NAMESPACE = "load"
BULK = "bulk"
BULK_BYTES = 100_000
WRITERS = 4
# From the order to stop: longer than the server's request timeout and an election together.
LAST_WRITE_SECONDS = 40.0
RETRY_SECONDS = 0.02
# Anything else is final: the write was refused although nothing is wrong with it.
RETRYABLE = (429, 503, 504)


@dataclass(frozen=True)
class Acknowledged:
    key: str
    value: bytes
    mod_revision: int
    at: float  # monotonic
    node: str
    attempts: int


class Writers:
    """Threads that each write one new key after the other, every write repeated under its Idempotency-Key to one
    node after the other until it is acknowledged."""

    def __init__(self, cluster: Cluster, threads: int = WRITERS, nodes: Optional[Iterable[Node]] = None) -> None:
        self._nodes = list(nodes if nodes is not None else cluster.nodes)
        self._lock = threading.Lock()
        self._acknowledged: list[Acknowledged] = []
        self._faults: list[str] = []
        self._stopping = threading.Event()
        self._give_up_at = float("inf")
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(threads)]

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        self._give_up_at = 0.0
        for thread in self._threads:
            thread.join(LAST_WRITE_SECONDS)

    def finish(self) -> list[Acknowledged]:
        """Lets each thread get its last write acknowledged, and returns all."""
        self._give_up_at = time.monotonic() + LAST_WRITE_SECONDS * PATIENCE
        self._stopping.set()
        for thread in self._threads:
            thread.join(LAST_WRITE_SECONDS * PATIENCE + 20)
        assert not self._faults, "; ".join(self._faults[:5])
        return self.acknowledged()

    def acknowledged(self) -> list[Acknowledged]:
        with self._lock:
            return list(self._acknowledged)

    def wait_for_more(self, count: int) -> None:
        """Until so many writes that began after this call are acknowledged."""
        # Each thread may have one write under way whose acknowledgement says nothing of now.
        target = len(self.acknowledged()) + count + len(self._threads)
        wait_for(f"{count} more writes", lambda: self._faults or len(self._acknowledged) >= target)
        assert not self._faults, "; ".join(self._faults[:5])

    def longest_gap(self) -> float:
        """The longest time in which nothing was acknowledged."""
        times = sorted(one.at for one in self.acknowledged())
        return max((later - earlier for earlier, later in itertools.pairwise(times)), default=0.0)

    def _run(self, thread: int) -> None:
        for number in itertools.count():
            if self._stopping.is_set() or self._faults:
                return
            fault = self._write(f"w{thread}-{number:06}", thread + number)
            if fault:
                self._faults.append(fault)

    def _write(self, key: str, turn: int) -> Optional[str]:
        """Writes one key until it is acknowledged; returns what is wrong, if something is."""
        value = f"value of {key}".encode()
        headers = {"Idempotency-Key": f"load-{key}", "Content-Type": "text/plain"}
        last: object = None
        for attempt in itertools.count():
            node = self._nodes[(turn + attempt) % len(self._nodes)]
            try:
                answer = node.put(NAMESPACE, key, value, headers)
            except Unreachable as error:
                last = error
            else:
                if answer.status == 201:
                    return self._note(key, value, answer, node, attempt + 1)
                if answer.status not in RETRYABLE or not answer.problem()["retryable"]:
                    return f"write of {key} through {node}, attempt {attempt + 1}: {answer}"
                last = answer
            if time.monotonic() > self._give_up_at:
                return None if self._give_up_at == 0.0 else f"{key} was never acknowledged; last: {last}"
            time.sleep(RETRY_SECONDS)
        return None

    def _note(self, key: str, value: bytes, answer: Answer, node: Node, attempts: int) -> Optional[str]:
        fields = answer.json()
        if fields["version"] != 1 or fields["create_revision"] != fields["mod_revision"]:
            return f"{key} was written more than once: {fields}"
        with self._lock:
            self._acknowledged.append(
                Acknowledged(key, value, fields["mod_revision"], time.monotonic(), node.name, attempts))
        return None


def check_stored(node: Node, writes: Iterable[Acknowledged], **parameters: Any) -> int:
    """Every acknowledged write is there through this node as it was acknowledged, and nothing else is."""
    stored: Mapping[str, Mapping[str, Any]] = node.list_all(NAMESPACE, **parameters)
    expected = {one.key: one for one in writes}
    lost = sorted(expected.keys() - stored.keys())
    assert not lost, f"{node}: {len(lost)} acknowledged writes are lost: {[expected[key] for key in lost[:5]]}"
    invented = sorted(stored.keys() - expected.keys())
    assert not invented, f"{node}: {len(invented)} keys nobody was told of: {invented[:5]}"
    for key, one in expected.items():
        item = stored[key]
        assert value_of(item) == one.value, f"{node}: {key} holds {item}, acknowledged was {one}"
        assert item["mod_revision"] == one.mod_revision, f"{node}: {key} has another revision: {item}, {one}"
        assert item["version"] == 1, f"{node}: {key} was written more than once: {item}"
    return len(expected)


def fill(node: Node, first: int, count: int) -> dict[str, bytes]:
    """Writes keys of a size that soon fills what is kept of the log where that is little."""
    written = {}
    for number in range(first, first + count):
        key = f"k{number:05}"
        value = (f"{number} ".encode() * BULK_BYTES)[:BULK_BYTES]
        answer = node.put(BULK, key, value)
        assert answer.status in (200, 201), str(answer)
        written[key] = value
    return written


def check_bulk(node: Node, written: Mapping[str, bytes]) -> None:
    for key, value in written.items():
        answer = node.get(BULK, key)
        assert answer.status == 200 and answer.body == value, f"{node}: {key}: {answer.status}, {len(answer.body)} bytes"
