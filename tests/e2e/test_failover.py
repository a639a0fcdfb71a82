#!/usr/bin/env python3
"""Nodes die, freeze and come back: writes go on, and what was acknowledged stays."""

from __future__ import annotations

import time
from typing import Any

from case import Case, main
from client import Unreachable
from cluster import Cluster, Node
from load import Writers, check_stored
from waiting import wait_for

CAUSES = {"start", "timeout", "crash", "transfer", "drain", "forced"}


def history(node: Node) -> dict[str, Any]:
    answer = node.ask("GET", "/api/v1/cluster/history?consistency=linearizable")
    assert answer.status == 200, str(answer)
    fields: dict[str, Any] = answer.json()
    return fields


class Failover(Case):
    def test_every_node_writes_and_every_node_reads(self) -> None:
        with Cluster().start() as cluster:
            for writer in cluster.nodes:
                value = f"through {writer.name}".encode()
                answer = self.assert_status(writer.put("app", writer.name, value), 201)
                revision = answer.json()["mod_revision"]
                for reader in cluster.nodes:
                    self._read_both_ways(reader, writer.name, value, revision)
            self.saw(f"{len(cluster.nodes)} writers, {len(cluster.nodes)} readers, linearizable and stale")

    def _read_both_ways(self, reader: Node, key: str, value: bytes, revision: int) -> None:
        linearizable = self.assert_status(reader.get("app", key), 200)
        stale = self.assert_status(reader.get("app", key, consistency="stale", min_revision=revision), 200)
        for answer in (linearizable, stale):
            self.assertEqual(answer.body, value)
            self.assertEqual(answer.headers["etag"], f'"{revision}"')
            self.assertEqual(answer.headers["x-patronus-node"], reader.name)
            self.assertGreaterEqual(int(answer.headers["x-patronus-revision"]), revision)

    def test_leaders_killed_under_writes(self) -> None:
        with Cluster().start() as cluster, Writers(cluster) as writers:
            gaps = []
            for _ in range(2):
                writers.wait_for_more(50)
                gaps.append(self._kill_leader_and_bring_it_back(cluster, writers))
            writes = writers.finish()
            cluster.wait_caught_up()
            for node in cluster.nodes:
                check_stored(node, writes)
            retried = sum(1 for one in writes if one.attempts > 1)
            self.saw(f"{len(writes)} writes kept, {retried} of them repeated, new leader after "
                     f"{' and '.join(f'{gap:.2f} s' for gap in gaps)}, longest pause {writers.longest_gap():.2f} s")

    def _kill_leader_and_bring_it_back(self, cluster: Cluster, writers: Writers) -> float:
        leader = cluster.leader()
        leader.kill()
        killed = time.monotonic()
        wait_for("another leader", lambda: cluster.leader(cluster.others(leader)) is not leader)
        took = time.monotonic() - killed
        writers.wait_for_more(50)
        leader.start()
        cluster.wait_ready([leader])
        goal = cluster.leader().applied_index()
        wait_for(f"{leader} to catch up", lambda: leader.applied_index() >= goal)
        return took

    def test_all_killed_at_once(self) -> None:
        with Cluster().start() as cluster:
            with Writers(cluster) as writers:
                writers.wait_for_more(200)
                for node in cluster.nodes:
                    node.kill()
                acknowledged = writers.acknowledged()
                for node in cluster.nodes:
                    node.start()
                restarted = time.monotonic()
                cluster.wait_ready()
                took = time.monotonic() - restarted
                writes = writers.finish()
            self.assertLessEqual({one.key for one in acknowledged}, {one.key for one in writes})
            cluster.wait_caught_up()
            for node in cluster.nodes:
                check_stored(node, writes)
                check_stored(node, writes, consistency="stale")
            self.saw(f"{len(acknowledged)} writes acknowledged before, all there; ready again in {took:.2f} s")

    def test_restarted_from_disk_alone(self) -> None:
        """Nothing is written after the kill, so that nothing can repair what the disk lacks."""
        with Cluster().start() as cluster:
            with Writers(cluster) as writers:
                writers.wait_for_more(100)
                writes = writers.finish()
            for _ in range(2):
                for node in cluster.nodes:
                    node.kill()
                for node in cluster.nodes:
                    node.start()
                cluster.wait_ready()
                cluster.wait_caught_up()
                for node in cluster.nodes:
                    check_stored(node, writes)
            self.saw(f"{len(writes)} writes survived two losses of all processes")

    def test_frozen_leader_wakes_up(self) -> None:
        """A leader that slept through its own replacement must not answer from what it last knew."""
        with Cluster().start() as cluster:
            old = cluster.leader()
            self.assert_status(old.put("app", "key", b"before"), 201)
            term = old.status()["term"]
            old.pause()
            rest = cluster.others(old)
            new = cluster.leader(rest)
            self.assertIsNot(new, old)
            self.assert_status(new.put("app", "key", b"after"), 200)
            old.resume()
            answers = self._read_until_answered(old)
            self.assertEqual({answer for answer in answers}, {b"after"})
            cluster.wait_ready()
            self.assertGreater(old.status()["term"], term)
            cluster.wait_caught_up()
            self.saw(f"{len(answers)} reads of the woken leader, none of the past")

    def _read_until_answered(self, node: Node) -> list[bytes]:
        values: list[bytes] = []

        def read() -> bool:
            try:
                answer = node.get("app", "key")
            except Unreachable:
                return False
            if answer.status == 200:
                values.append(answer.body)
            return len(values) >= 20

        wait_for("the woken leader to answer reads", read)
        return values

    def test_terminated_nodes_end_well(self) -> None:
        with Cluster().start() as cluster:
            leader = cluster.leader()
            began = time.monotonic()
            self.assertEqual(leader.terminate(), 0)
            took = time.monotonic() - began
            rest = cluster.others(leader)
            self.assert_status(rest[0].put("app", "key", b"value"), 201)
            leader.start()
            cluster.wait_ready()
            self.assert_status(leader.get("app", "key"), 200)
            self.saw(f"SIGTERM ended the leader with 0 in {took:.2f} s, the others went on")

    def test_history_of_leaders(self) -> None:
        with Cluster().start() as cluster:
            first = cluster.leader()
            first.kill()
            second = cluster.leader()
            first.start()
            cluster.wait_ready()
            cluster.wait_caught_up()
            histories = [history(node) for node in cluster.nodes]
            changes = [one["changes"] for one in histories]
            self.assertEqual(changes[0], changes[1])
            self.assertEqual(changes[0], changes[2])
            self._check_changes(changes[0], histories[0]["total"], first, second)
            self.saw(" <- ".join(f"{one['leader']} (term {one['term']}, {one['cause']})" for one in changes[0]))

    def _check_changes(self, changes: list[dict[str, Any]], total: int, first: Node, second: Node) -> None:
        self.assertGreaterEqual(len(changes), 2)
        self.assertEqual(total, len(changes))
        by_index = sorted(changes, key=lambda change: int(change["index"]))
        for earlier, later in zip(by_index, by_index[1:]):
            self.assertLess(earlier["term"], later["term"])
            self.assertLessEqual(earlier["time"], later["time"])
        for change in changes:
            self.assertLessEqual({"index", "term", "leader", "cause", "time"}, change.keys())
            self.assertIn(change["cause"], CAUSES)
            self.assertRegex(change["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        self.assertEqual(by_index[0]["cause"], "start")
        self.assertIn((second.name, True), [(one["leader"], one["cause"] in ("timeout", "crash")) for one in changes])
        self.assertIn(first.name, [one["leader"] for one in changes])


if __name__ == "__main__":
    main()
