"""One round of each way in which a cluster loses its leader, under a client that writes through another node."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import Any, Callable, ContextManager, Iterator, Optional

from network import Wire
from systems import BenchError, Cluster
from writer import PATIENCE_SECONDS, Writer

# The impatient client gives an attempt up after this, and begins another: a request that a server holds or has lost
# then hides no more than this of how soon the cluster takes writes again.
IMPATIENCE_SECONDS = 0.1
VALUE_BYTES = 256
WRITES_BEFORE = 100
WRITES_AFTER = 20
# A round that has not brought writes back by then counts as endless.
ROUND_SECONDS = 40.0
SETTLE_SECONDS = 60.0


@dataclass
class Seen:
    """What one client saw of one round; seconds, and None for what did not come within ROUND_SECONDS."""

    next_write: Optional[float]  # from the strike to the first acknowledgement of a write begun after it
    gap: Optional[float]  # the longest time without an acknowledgement, around the strike
    usual: Optional[float]  # the median time of a write before it
    failures: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        def ms(seconds: Optional[float]) -> Optional[float]:
            return None if seconds is None else round(1000 * seconds, 3)

        return {"next_write_ms": ms(self.next_write), "gap_ms": ms(self.gap), "usual_write_ms": ms(self.usual),
                "failures": self.failures}


class Round:
    """Clients write, the leader is struck, they go on until the cluster serves again."""

    def __init__(self, cluster: Cluster, number: int, patiences: list[float],
                 clients_inside: Callable[[], ContextManager[None]] = contextlib.nullcontext) -> None:
        self.cluster = cluster
        with clients_inside():
            self.leader = cluster.leader()
            survivors = [address for address in cluster.addresses if address != self.leader]
            self.writers = []
            for i, patience in enumerate(patiences):
                address = survivors[(number + i) % len(survivors)]  # in turn: none is always the next leader
                write = cluster.write_request(f"writer-{i}", os.urandom(VALUE_BYTES))
                self.writers.append(Writer(address, write, cluster.context, patience))
            for writer in self.writers:
                writer.start()

    @contextlib.contextmanager
    def clients(self) -> Iterator[None]:
        try:
            began = time.monotonic()
            for writer in self.writers:
                if not writer.wait_for_writes(WRITES_BEFORE, began, ROUND_SECONDS):
                    raise BenchError(f"{self.cluster.name}: no {WRITES_BEFORE} writes through {writer.address} "
                                     f"before the strike: {writer.failures_since(began)}")
            yield
        finally:
            for writer in self.writers:
                writer.finish()

    def wait(self, after: float) -> None:
        end = time.monotonic() + ROUND_SECONDS
        for writer in self.writers:
            writer.wait_for_writes(WRITES_AFTER, after, max(0.0, end - time.monotonic()))

    def seen(self, struck: float, done: float) -> list[Seen]:
        """`struck`: when the strike began; `done`: a moment at which it was over."""
        result = []
        for writer in self.writers:
            first = writer.first_after(done)
            gap = writer.longest_gap(struck, writer.acknowledged[-1].seen) if first else None
            result.append(Seen(first.seen - struck if first else None, gap, writer.usual_seconds(struck),
                               writer.failures_since(struck)))
        return result


def settle(cluster: Cluster) -> None:
    cluster.wait_for("all nodes to be ready and equal again", cluster.is_settled, SETTLE_SECONDS)


def kill_leader(cluster: Cluster, number: int) -> list[Seen]:
    """kill -9; a patient client through one survivor, an impatient one through the other."""
    turn = Round(cluster, number, [PATIENCE_SECONDS, IMPATIENCE_SECONDS])
    node = cluster.node_at(turn.leader)
    with turn.clients():
        struck = time.monotonic()
        node.kill()
        # Only now is it certain that the old leader acknowledges nothing any more.
        gone = time.monotonic()
        turn.wait(gone)
    node.start()
    settle(cluster)
    return turn.seen(struck, gone)


def hand_over(cluster: Cluster, number: int) -> list[Seen]:
    """SIGTERM, as a service manager sends it: the leader is to leave in order."""
    turn = Round(cluster, number, [PATIENCE_SECONDS, IMPATIENCE_SECONDS])
    node = cluster.node_at(turn.leader)
    assert node.process is not None
    with turn.clients():
        struck = time.monotonic()
        node.process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        try:
            code = node.process.wait(ROUND_SECONDS)
        except subprocess.TimeoutExpired:
            raise BenchError(f"{node.name} has not ended {ROUND_SECONDS:.0f} s after SIGTERM") from None
        turn.wait(time.monotonic())
    seen = turn.seen(struck, told)
    if code not in (0, -signal.SIGTERM):  # etcd ends with the signal once its work is done.
        seen[0].failures[f"exit code {code}"] = 1
    node.start()
    settle(cluster)
    return seen


def drop_packets(cluster: Cluster, number: int, wire: Wire) -> list[Seen]:
    """The leader's machine vanishes from the wire: no reset, no end of stream, no answer."""
    turn = Round(cluster, number, [PATIENCE_SECONDS], wire.clients.inside)
    machine = cluster.addresses.index(turn.leader) + 1
    with turn.clients():
        struck = time.monotonic()
        wire.cut(machine)
        cut = time.monotonic()
        try:
            turn.wait(cut)
        finally:
            wire.heal()
    with wire.clients.inside():
        settle(cluster)
    return turn.seen(struck, cut)
