#!/usr/bin/env python3
"""A write repeated under its Idempotency-Key is done once and answered the same, whatever happened in between."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from case import Case, SharedClusterCase, main
from client import Answer
from cluster import Cluster, Node


class Idempotency(SharedClusterCase):
    def test_repeated_through_every_node(self) -> None:
        key = {"Idempotency-Key": "put-1", "Content-Type": "text/plain"}
        first = self.assert_status(self.cluster.nodes[0].put("app", "key", b"value", key), 201)
        for node in self.cluster.nodes * 2:
            again = node.put("app", "key", b"value", key)
            self.assertEqual((again.status, again.body), (first.status, first.body))
            self.assertEqual(again.headers.get("etag"), first.headers.get("etag"))
        self.assertEqual(self.cluster.nodes[1].get("app", "key", meta=1).json()["version"], 1)
        self.saw(f"7 requests, one write: {first.text()}")

    def test_answer_of_the_past(self) -> None:
        """The answer is the first one even if the key has moved on since."""
        node = self.cluster.nodes[0]
        key = {"Idempotency-Key": "past-1"}
        first = self.assert_status(node.put("app", "past", b"one", key), 201)
        self.assert_status(node.put("app", "past", b"two"), 200)
        again = self.cluster.nodes[1].put("app", "past", b"one", key)
        self.assertEqual((again.status, again.body), (first.status, first.body))
        self.assertEqual(node.get("app", "past").body, b"two")
        self.saw("the first answer, and the second value stays")

    def test_same_key_for_something_else(self) -> None:
        node, other = self.cluster.nodes[:2]
        key = {"Idempotency-Key": "reuse-1"}
        self.assert_status(node.put("app", "reuse", b"one", key), 201)
        for answer in (other.put("app", "reuse", b"two", key), other.put("app", "elsewhere", b"one", key),
                       other.delete("app", "reuse", key), other.batch("app", {"then": []}, key),
                       other.put("app", "reuse", b"one", {**key, "If-None-Match": "*"})):
            fields = self.assert_problem(answer, 422)
            self.assertIs(fields["retryable"], False)
        self.assertEqual(node.get("app", "reuse").body, b"one")
        self.saw(f"5 times 422, {fields['code']}")

    def test_deletes_and_batches(self) -> None:
        one, two, three = self.cluster.nodes
        self.assert_status(one.put("app", "doomed", b"x"), 201)
        delete = {"Idempotency-Key": "delete-1"}
        self.assert_status(one.delete("app", "doomed", delete), 204)
        self.assert_status(two.delete("app", "doomed", delete), 204)
        batch = {"Idempotency-Key": "batch-1"}
        request = {"compare": [{"key": "made", "target": "exists", "op": "=", "value": False}],
                   "then": [{"op": "put", "key": "made", "value": "x"}]}
        first = self.assert_status(one.batch("app", request, batch), 200)
        for node in (two, three):
            again = node.batch("app", request, batch)
            self.assertEqual((again.status, again.body), (first.status, first.body))
        self.saw("204 twice; a batch whose comparison holds no more is answered as the first time")

    def test_refused_writes_are_remembered_too(self) -> None:
        """A repeated request must not find another world than the first one did."""
        one, two, _ = self.cluster.nodes
        key = {"Idempotency-Key": "refused-1", "If-None-Match": "*"}
        self.assert_status(one.put("app", "taken", b"mine"), 201)
        self.assert_problem(one.put("app", "taken", b"yours", key), 412)
        self.assert_status(one.delete("app", "taken"), 204)
        self.assert_problem(two.put("app", "taken", b"yours", key), 412)
        self.assert_problem(one.get("app", "taken"), 404)
        self.saw("412, and 412 again although the key is free now")

    def test_all_at_once(self) -> None:
        key = {"Idempotency-Key": "rush-1"}

        def put(turn: int) -> Answer:
            return self.cluster.nodes[turn % 3].put("app", "rush", b"x", key)

        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(put, range(24)))
        self.assertEqual({(answer.status, answer.body) for answer in answers}, {(201, answers[0].body)})
        self.assertEqual(self.cluster.nodes[0].get("app", "rush", meta=1).json()["version"], 1)
        self.saw(f"{len(answers)} at once, one write")


class AcrossFailures(Case):
    def test_across_a_lost_leader_and_a_restart(self) -> None:
        key = {"Idempotency-Key": "across-1"}
        with Cluster().start() as cluster:
            first = self.assert_status(cluster.nodes[0].put("app", "key", b"value", key), 201)
            leader = cluster.leader()
            leader.kill()
            new = cluster.leader(cluster.others(leader))
            self._repeat(cluster.others(leader), first, key)
            leader.start()
            cluster.wait_ready()
            self._repeat(cluster.nodes, first, key)
            for node in cluster.nodes:
                node.kill()
            for node in cluster.nodes:
                node.start()
            cluster.wait_ready()
            self._repeat(cluster.nodes, first, key)
            self.assert_problem(cluster.nodes[0].put("app", "key", b"other", key), 422)
            self.assertEqual(cluster.nodes[2].get("app", "key", meta=1).json()["version"], 1)
            self.saw(f"one write through {leader}'s and {new}'s terms and a restart of all: {first.text()}")

    def _repeat(self, nodes: list[Node], first: Answer, key: dict[str, str]) -> None:
        for node in nodes:
            again = node.put("app", "key", b"value", key)
            self.assertEqual((again.status, again.body), (first.status, first.body), node)


if __name__ == "__main__":
    main()
