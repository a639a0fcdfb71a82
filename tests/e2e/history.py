"""Clients that write and read a few keys through the balancer, remember every operation, and can say whether what they
saw has an order that explains it."""

from __future__ import annotations

import itertools
import random
import threading
import time
from dataclasses import dataclass
from typing import Optional

from client import Unreachable
from haproxy import FrontClient, HAProxy
from waiting import wait_for

NAMESPACE = "history"
KEYS = 4


@dataclass(frozen=True)
class Operation:
    key: str
    writes: bool
    value: bytes
    revision: int  # of the value, 0: there was none
    began: float
    ended: float

    def place(self) -> tuple[int, int]:
        """In the order that the revisions give: a read comes after the write whose value it saw."""
        return (self.revision, 0 if self.writes else 1)


class History:
    """Every request must succeed at once: nothing is repeated here. `keys` of the writes make the balancer's own
    repetitions harmless."""

    def __init__(self, balancer: HAProxy, threads: int = 4) -> None:
        self._balancer = balancer
        self._stopping = threading.Event()
        self.faults: list[str] = []
        self.slowest = 0.0
        self._operations: list[list[Operation]] = [[] for _ in range(threads)]
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(threads)]

    def __enter__(self) -> History:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)

    def operations(self) -> list[Operation]:
        return [one for own in self._operations for one in own]

    def wait_for_more(self, count: int) -> None:
        goal = len(self.operations()) + count
        wait_for(f"{count} more operations", lambda: self.faults or len(self.operations()) >= goal)
        assert not self.faults, "; ".join(self.faults[:5])

    def check(self) -> None:
        """Raises unless each key's operations are linearizable (Herlihy and Wing, 1990). The revisions name the order, so
        it is enough that it agrees with the times, and that each read saw what was written at its revision."""
        assert not self.faults, f"{len(self.faults)} requests failed: {'; '.join(self.faults[:5])}"
        for key in {one.key for one in self.operations()}:
            own = [one for one in self.operations() if one.key == key]
            written = {one.revision: one.value for one in own if one.writes}
            assert len(written) == sum(one.writes for one in own), f"two writes of {key} have one revision"
            for one in own:
                assert one.revision == 0 or written.get(one.revision) == one.value, f"nobody wrote what was read: {one}"
            self._check_times(own)

    @staticmethod
    def _check_times(own: list[Operation]) -> None:
        by_end = sorted(own, key=lambda one: one.ended)
        finished = 0
        latest: Optional[Operation] = None  # of those that have ended, the last in the order
        for one in sorted(own, key=lambda one: one.began):
            while by_end[finished].ended < one.began:
                if latest is None or by_end[finished].place() > latest.place():
                    latest = by_end[finished]
                finished += 1
            assert latest is None or latest.place() <= one.place(), f"{one} saw the past: {latest} had ended before"

    def _run(self, thread: int) -> None:
        # Half of them stick to a node, as browsers do; the others are scripts without cookies.
        client = self._balancer.client(keeps_cookies=thread % 2 == 0)
        chance = random.Random(thread)
        for number in itertools.count():
            if self._stopping.is_set() or len(self.faults) > 20:
                return
            key = f"k{chance.randrange(KEYS)}"
            name = f"t{thread}-{number}"
            try:
                if chance.random() < 0.5:
                    self._write(client, thread, key, name)
                else:
                    self._read(client, thread, key)
            except Unreachable as error:
                self.faults.append(f"{name}: {error}")

    def _write(self, client: FrontClient, thread: int, key: str, name: str) -> None:
        began = time.monotonic()
        answer = client.put(NAMESPACE, key, name.encode(), {"Idempotency-Key": name})
        ended = time.monotonic()
        if answer.status not in (200, 201):
            self.faults.append(f"write {name} after {ended - began:.2f} s: {answer}")
            return
        self.slowest = max(self.slowest, ended - began)
        self._operations[thread].append(
            Operation(key, True, name.encode(), answer.json()["mod_revision"], began, ended))

    def _read(self, client: FrontClient, thread: int, key: str) -> None:
        began = time.monotonic()
        answer = client.get(NAMESPACE, key)
        ended = time.monotonic()
        if answer.status not in (200, 404):
            self.faults.append(f"read of {key} after {ended - began:.2f} s: {answer}")
            return
        self.slowest = max(self.slowest, ended - began)
        found = answer.status == 200
        revision = int(answer.headers["etag"].strip('"')) if found else 0
        self._operations[thread].append(Operation(key, False, answer.body if found else b"", revision, began, ended))
