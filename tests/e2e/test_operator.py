#!/usr/bin/env python3
"""What operators do while the cluster serves: leadership is moved, to whom they say or to whoever is best, and nothing
acknowledged is lost; a node is drained and taken in again."""

from __future__ import annotations

import threading
from typing import Any, Optional

from case import Case, main
from client import Answer, Unreachable
from cluster import Cluster, Node
from proxy import Mode
from waiting import wait_for

FORCE = "/api/v1/admin/force-election"
DRAIN, UNDRAIN = "/api/v1/admin/drain", "/api/v1/admin/undrain"


def history(node: Node) -> list[dict[str, Any]]:
    """With what was just decided: a leader says that it leads before the entry that says so is applied."""
    answer = node.ask("GET", "/api/v1/cluster/history?consistency=linearizable")
    assert answer.status == 200, str(answer)
    changes: list[dict[str, Any]] = answer.json()["changes"]
    return changes


class Writer:
    """Writes one value after the other under keys, each until it is acknowledged, to nodes in turn."""

    def __init__(self, nodes: list[Node]) -> None:
        self.written = 0
        self.slowest = 0.0
        self._nodes = nodes
        self._stop = threading.Event()
        self._failure: Optional[str] = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            node = self._nodes[self.written % len(self._nodes)]
            try:
                answer = node.put("moves", f"k{self.written}", str(self.written).encode(),
                                  {"Idempotency-Key": f"w{self.written}"})
            except Unreachable as error:
                self._failure = str(error)
                return
            if answer.status != 201:
                self._failure = f"write {self.written}: {answer}"
                return
            self.slowest = max(self.slowest, answer.seconds)
            self.written += 1

    def wait_for_more(self, writes: int) -> None:
        goal = self.written + writes
        wait_for(f"{writes} more writes", lambda: self.written >= goal or self._failure)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        assert self._failure is None, self._failure


class Operator(Case):
    def assert_moved(self, answer: Answer, old: Node) -> dict[str, Any]:
        self.assert_status(answer, 200)
        moved: dict[str, Any] = answer.json()
        self.assertEqual(set(moved), {"old_leader", "new_leader", "term", "took_ms"})
        self.assertEqual(moved["old_leader"], old.name)
        self.assertNotEqual(moved["new_leader"], old.name)
        return moved

    def test_leadership_is_moved_under_load(self) -> None:
        with Cluster().start() as cluster:
            writer = Writer(cluster.nodes)
            times = []
            try:
                for turn in range(10):
                    old = cluster.leader()
                    asked = cluster.nodes[turn % 3]
                    target = cluster.others(old)[turn % 2] if turn % 2 else None
                    moved = self.assert_moved(asked.post(FORCE, {"target": target.name} if target else None), old)
                    if target is not None:
                        self.assertEqual(moved["new_leader"], target.name)
                    latest = history(asked)[0]
                    self.assertEqual((latest["leader"], latest["term"], latest["cause"]),
                                     (moved["new_leader"], moved["term"], "forced"))
                    times.append(moved["took_ms"])
                    writer.wait_for_more(20)
            finally:
                writer.stop()
            items = cluster.nodes[0].list_all("moves")
            self.assertEqual(len(items), writer.written)
            for number in range(writer.written):
                self.assertEqual((items[f"k{number}"]["value"], items[f"k{number}"]["version"]), (str(number), 1))
            self.saw(f"10 moves in {min(times)} to {max(times)} ms, {writer.written} writes, none failed or lost; "
                     f"the slowest took {writer.slowest * 1000:.0f} ms")

    def test_what_cannot_be(self) -> None:
        with Cluster(proxied=True).start() as cluster:
            leader = cluster.leader()
            follower, other = cluster.others(leader)
            ask = follower.post
            self.assertEqual(self.assert_problem(ask(FORCE, {"target": "n9"}), 404)["code"], "unknown_node")
            self.assertEqual(self.assert_problem(ask(FORCE, {"target": leader.name}), 409)["code"], "leads_already")
            self.assert_problem(ask(FORCE, {"target": "no/node"}), 422)
            self.assert_problem(ask(FORCE, {"tarjet": "n1"}), 400)
            self.assert_problem(follower.ask("GET", FORCE), 405)
            self.assert_problem(ask(FORCE, {}, {"Authorization": "Bearer nonsense"}), 401)
            self.assertEqual(other.post(DRAIN).json()["draining"], True)
            wait_for("the leader to know", lambda: self.seen_draining(leader, other))
            problem = self.assert_problem(ask(FORCE, {"target": other.name}), 409)
            self.assertEqual(problem["code"], "node_draining")
            self.assertEqual(other.post(UNDRAIN).json(), {"node": other.name, "draining": False})
            wait_for("the leader to know that too", lambda: not self.seen_draining(leader, other))
            cluster.isolate(other, Mode.BLACKHOLE)
            wait_for("the leader to miss it", lambda: not self.view(leader, other)["healthy"])
            self.assertEqual(self.assert_problem(ask(FORCE, {"target": other.name}), 409)["code"], "node_unhealthy")
            self.assertEqual(self.assert_problem(other.post(FORCE), 503)["retryable"], True)
            self.saw("unknown 404, leading, draining and silent ones 409, without a quorum 503")

    @staticmethod
    def view(asked: Node, node: Node) -> dict[str, Any]:
        shown: dict[str, Any] = asked.ask("GET", f"/api/v1/cluster/nodes/{node.name}").json()
        return shown

    def seen_draining(self, asked: Node, node: Node) -> bool:
        return bool(self.view(asked, node)["draining"])

    def test_drain_and_undrain(self) -> None:
        with Cluster().start() as cluster:
            node = cluster.leader()
            answer = self.assert_status(node.post(DRAIN), 200)
            self.assertEqual(answer.json(), {"node": node.name, "draining": True, "until": "undrain or restart"})
            new = cluster.leader(cluster.others(node))
            self.assertNotEqual(new, node)
            self.assertEqual(history(new)[0]["cause"], "drain")
            self.assertEqual(node.ask("GET", "/health/ready").status, 404)
            self.assertEqual(node.ask("GET", "/health").json()["status"], "draining")
            self.assert_status(node.put("drain", "a", b"served all the same"), 201)
            self.assertTrue(wait_for("all to know", lambda: all(self.seen_draining(one, node) for one in cluster.nodes)))
            # The next leader dies: of the two that are left the one that does not drain takes over.
            last = cluster.others(node, new)[0]
            new.kill()
            self.assertEqual(cluster.leader([node, last]), last)
            new.start()
            cluster.wait_ready([new])
            self.assertEqual(node.post(UNDRAIN).json()["draining"], False)
            cluster.wait_ready([node])
            self.assertEqual(self.assert_moved(cluster.nodes[0].post(FORCE, {"target": node.name}), last)["new_leader"],
                             node.name)
            # Nothing of it is written down.
            self.assert_status(node.post(DRAIN), 200)
            node.kill()
            node.start()
            cluster.wait_ready([node])
            self.saw("a drained node serves, is unready and not elected; undrain or a restart brings it back")

    def test_the_preferred_node_leads_in_the_end(self) -> None:
        cluster = Cluster(election_timeout="1s")
        wished = cluster.nodes[1]
        wished.environment["PATRONUS_LEADER_PRIORITY"] = "50"
        with cluster.start():
            wait_for("the preferred node to lead", wished.is_leader)
            wished.kill()
            other = cluster.leader()
            self.assertNotEqual(other, wished)
            wished.start()
            cluster.wait_ready([wished])
            wait_for("the preferred node to lead again", wished.is_leader)
            change = history(wished)[0]
            self.assertEqual((change["leader"], change["cause"]), (wished.name, "transfer"))
            self.saw("it was handed leadership, also after a crash")

    def test_nodes(self) -> None:
        with Cluster().start() as cluster:
            asked = cluster.followers()[0]
            shown = asked.ask("GET", "/api/v1/cluster/nodes").json()
            self.assertEqual([node["id"] for node in shown["nodes"]], ["n1", "n2", "n3"])
            self.assertEqual(shown["leader"], cluster.leader().name)
            for node in shown["nodes"]:
                self.assertTrue({"id", "address", "role", "voter", "healthy", "last_contact_ms", "applied_index",
                                 "lag_entries", "version", "draining"} <= node.keys())
                self.assertEqual(asked.ask("GET", f"/api/v1/cluster/nodes/{node['id']}").json()["id"], node["id"])
                head = asked.ask("HEAD", f"/api/v1/cluster/nodes/{node['id']}")
                self.assertEqual((head.status, head.body), (200, b""))
            self.assert_problem(asked.ask("GET", "/api/v1/cluster/nodes/n9"), 404)
            anonymous = {"Authorization": ""}
            for path in ("nodes", "nodes/n1"):
                answer = asked.ask("GET", f"/api/v1/cluster/{path}", headers=anonymous)
                self.assertEqual(answer.status, 401, str(answer))
            self.saw("lists of nodes and single nodes, for viewers alone")


if __name__ == "__main__":
    main()
