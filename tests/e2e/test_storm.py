#!/usr/bin/env python3
"""Everything at once: nodes are killed, frozen, cut off one way and both, while clients write and read. Nothing
acknowledged is lost, nothing is done twice, and no read is older than what was acknowledged before it began."""

from __future__ import annotations

import os
import random
import threading
import time
from typing import Callable

from case import Case, main
from client import Unreachable
from cluster import Cluster
from load import Writers, check_stored
from proxy import Mode

STORM_SECONDS = float(os.environ.get("PATRONUS_E2E_STORM_SECONDS", "12"))
READERS = 3
# Shorter than the storm by far, so that clients of a node that is cut off go elsewhere during it.
SETTINGS = {"PATRONUS_REQUEST_TIMEOUT": "2s"}
CUTS = [Mode.RESET, Mode.BLACKHOLE, Mode.FREEZE]


class Register:
    """One key that one client counts up and others read: what they find must never lie behind."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._stopping = threading.Event()
        self.acknowledged = 0
        self.reads = 0
        self.faults: list[str] = []
        self._threads = [threading.Thread(target=self._count_up, daemon=True)]
        self._threads += [threading.Thread(target=self._read, daemon=True) for _ in range(READERS)]

    def __enter__(self) -> Register:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(20)

    def _count_up(self) -> None:
        turn = 0
        while not self._stopping.is_set():
            turn += 1
            wanted = self.acknowledged + 1
            node = self._cluster.nodes[turn % len(self._cluster.nodes)]
            try:
                # Under its key a late attempt can't bring an old number back.
                answer = node.put("storm", "number", str(wanted).encode(), {"Idempotency-Key": f"n{wanted}"})
                if answer.status in (200, 201):
                    self.acknowledged = wanted
            except Unreachable:
                self._stopping.wait(0.01)

    def _read(self) -> None:
        while not self._stopping.is_set():
            node = random.choice(self._cluster.nodes)
            least = self.acknowledged
            try:
                answer = node.get("storm", "number")
            except Unreachable:
                self._stopping.wait(0.01)
                continue
            found = int(answer.body) if answer.status == 200 else 0 if answer.status == 404 else None
            if found is not None:
                self.reads += 1
            if found is not None and found < least:
                self.faults.append(f"{node} read {found} after {least} was acknowledged")


class Storm:
    """Does one bad thing after the other; the same seed gives the same sequence, if not the same moments."""

    def __init__(self, cluster: Cluster, seed: int) -> None:
        self._cluster = cluster
        self._chance = random.Random(seed)
        self.blows: list[str] = []

    def strike(self) -> None:
        blows: list[Callable[[], str]] = [self._kill, self._kill, self._kill_all, self._terminate, self._pause,
                                          self._isolate, self._isolate, self._cut_one_way, self._cut_one_way]
        self.blows.append(self._chance.choice(blows)())
        self._hold([0, 0.2, 0.7])

    def _hold(self, choices: list[float]) -> None:
        time.sleep(self._chance.choice(choices))

    def _kill(self) -> str:
        node = self._chance.choice(self._cluster.nodes)
        node.kill()
        self._hold([0.1, 0.3, 0.8, 1.5])
        node.start()
        return f"kill {node}"

    def _kill_all(self) -> str:
        for node in self._cluster.nodes:
            node.kill()
        for node in self._cluster.nodes:
            node.start()
        return "kill all"

    def _terminate(self) -> str:
        node = self._chance.choice(self._cluster.nodes)
        node.terminate()
        node.start()
        return f"restart {node}"

    def _pause(self) -> str:
        node = self._chance.choice(self._cluster.nodes)
        node.pause()
        self._hold([0.1, 0.8, 1.5])
        node.resume()
        return f"pause {node}"

    def _isolate(self) -> str:
        node, mode = self._chance.choice(self._cluster.nodes), self._chance.choice(CUTS)
        self._cluster.isolate(node, mode)
        self._hold([0.1, 0.8, 1.5])
        self._cluster.heal()
        return f"{mode.value} {node}"

    def _cut_one_way(self) -> str:
        sender, receiver = self._chance.sample(self._cluster.nodes, 2)
        mode = self._chance.choice(CUTS)
        self._cluster.cut(sender, receiver, mode)
        self._hold([0.1, 0.8, 1.5])
        self._cluster.heal()
        return f"{mode.value} {sender} to {receiver}"


class StormTest(Case):
    summary = ""

    def test_storm(self) -> None:
        seed = int(os.environ.get("PATRONUS_E2E_SEED") or random.SystemRandom().randrange(1_000_000))
        with Cluster(proxied=True, settings=SETTINGS).start() as cluster:
            storm = Storm(cluster, seed)
            try:
                self._weather(cluster, storm)
            except BaseException:
                print(f"PATRONUS_E2E_SEED={seed}: {', '.join(storm.blows)}", flush=True)
                raise
            self.saw(f"seed {seed}: {len(storm.blows)} blows, {self.summary}")

    def _weather(self, cluster: Cluster, storm: Storm) -> None:
        end = time.monotonic() + STORM_SECONDS
        with Writers(cluster) as writers, Register(cluster) as register:
            while time.monotonic() < end and not register.faults:
                storm.strike()
            calm = time.monotonic()
            cluster.wait_ready()
            writers.wait_for_more(20)
            took = time.monotonic() - calm
            writes = writers.finish()
        self.assertEqual(register.faults, [])
        cluster.wait_caught_up()
        for node in cluster.nodes:
            check_stored(node, writes)
            self.assertGreaterEqual(int(node.get("storm", "number").body), register.acknowledged)
        self.summary = (f"{len(writes)} writes kept, {register.reads} reads none of the past, "
                        f"all well {took:.2f} s after the last")


if __name__ == "__main__":
    main()
