#!/usr/bin/env python3
"""Who belongs to the cluster changes while it serves: nodes come and are taken out, leadership moves, every node is
restarted, and whoever asks through the balancer sees nothing of it."""

from __future__ import annotations

from typing import Any, Optional

from balanced import BalancedCluster
from case import Case, main
from cluster import Cluster, Node
from history import History
from waiting import holds_for, wait_for

NODES = "/api/v1/cluster/nodes"
FORCE = "/api/v1/admin/force-election"


def shown(asked: Node, name: str) -> Optional[dict[str, Any]]:
    nodes = asked.ask("GET", NODES).json()["nodes"]
    return next((one for one in nodes if one["id"] == name), None)


def votes(asked: Node, name: str) -> bool:
    found = shown(asked, name)
    return found is not None and found["standing"] == "voter" and bool(found["healthy"])


class Membership(Case):
    def test_everything_changes_under_load(self) -> None:
        with BalancedCluster(spares=2).start() as cluster:
            with History(cluster.balancer) as history:
                history.wait_for_more(100)
                self._grow(cluster)
                history.wait_for_more(100)
                moved = self._move_leadership(cluster)
                for node in list(cluster.nodes):
                    cluster.restart(node)
                history.wait_for_more(100)
                gone = [self._take_out(cluster, cluster.followers()[0]), self._take_out(cluster, cluster.leader())]
                history.wait_for_more(100)
            history.check()
            self.assertEqual(len(cluster.leader().status()["nodes"]), 3)
            cluster.wait_caught_up()
            self.saw(f"three nodes became five and, without {gone}, three; leadership moved {moved} times; every node was "
                     f"restarted: {len(history.operations())} operations, all answered at once (the slowest after "
                     f"{history.slowest:.2f} s), linearizable")

    def _grow(self, cluster: BalancedCluster) -> None:
        asked = cluster.nodes[0]
        for spare in cluster.spares:
            answer = asked.post(NODES, {"id": spare.name, "address": f"127.0.0.1:{spare.peer_port}"})
            self.assert_status(answer, 202)
            spare.token = asked.token
            spare.start()
            cluster.nodes.append(spare)
            wait_for(f"{spare} to have a vote", lambda: votes(asked, spare.name))
        cluster.wait_ready()
        cluster.balancer.wait_states({node.name: "UP" for node in cluster.nodes})

    def _move_leadership(self, cluster: Cluster) -> int:
        for turn in range(10):
            target = cluster.followers()[turn % 4]
            answer = cluster.nodes[turn % 5].post(FORCE, {"target": target.name})
            self.assert_status(answer, 200)
            self.assertEqual(answer.json()["new_leader"], target.name)
        return 10

    def _take_out(self, cluster: BalancedCluster, node: Node) -> Node:
        """It drains, hands over if it leads, and ends by itself with code 0."""
        asked = cluster.others(node)[0]
        self.assert_status(asked.ask("DELETE", f"{NODES}/{node.name}"), 200)
        self.assertEqual(node.wait_ended(), 0, f"{node} was removed and is done")
        self.assertIn("removed from the cluster", node.log_lines()[-1])
        cluster.nodes.remove(node)
        wait_for(f"{node} to be out", lambda: shown(asked, node.name) is None)
        return node

    def test_a_node_waits_outside_until_it_is_expected(self) -> None:
        with Cluster(settings={"PATRONUS_AUTO_JOIN": "off"}).start() as cluster:
            asked = cluster.nodes[0]
            spare = cluster.new_node("n4")
            spare.token = asked.token
            spare.start()
            wait_for("it to answer", spare.is_live)
            holds_for("it stays outside", lambda: shown(asked, "n4") is None, 2)
            self.assertFalse(spare.is_ready())
            address = f"127.0.0.1:{spare.peer_port}"
            self.assert_status(asked.post(NODES, {"id": "n4", "address": address}), 202)
            wait_for("it to have a vote", lambda: votes(asked, "n4"))
            cluster.nodes.append(spare)
            cluster.wait_ready()
            again = asked.post(NODES, {"id": "n4", "address": address})
            self.assertEqual(self.assert_problem(again, 409)["code"], "already_member")
            self.saw("nothing of it before, a vote after")

    def test_the_quorum_is_guarded(self) -> None:
        with Cluster().start() as cluster:
            leader = cluster.leader()
            dead, other = cluster.others(leader)
            dead.kill()
            wait_for(f"{leader} to miss {dead}", lambda: not (shown(leader, dead.name) or {})["healthy"])
            refused = other.ask("DELETE", f"{NODES}/{leader.name}")
            self.assertEqual(self.assert_problem(refused, 409)["code"], "would_break_quorum")
            self.assertIsNotNone(shown(leader, leader.name))
            self.assert_status(other.put("app", "key", b"value"), 201)
            # Whom nobody hears can go: then two of two are well.
            self.assert_status(other.ask("DELETE", f"{NODES}/{dead.name}"), 200)
            wait_for(f"{dead} to be out", lambda: shown(other, dead.name) is None)
            gone = other.ask("DELETE", f"{NODES}/{dead.name}")
            self.assertEqual(self.assert_problem(gone, 404)["code"], "unknown_node")
            # It learns of it when it comes back, and stays out under its old disk.
            dead.start()
            self.assertEqual(dead.wait_ended(), 0)
            self.assertIn("removed from the cluster", dead.log_lines()[-1])
            dead.start()
            self.assertEqual(dead.wait_ended(), 0, "however often it is started")
            dead.wipe()
            dead.start()
            wait_for("its empty disk to have a vote", lambda: votes(leader, dead.name))
            cluster.wait_ready()
            self.saw(f"{refused.problem()['detail']}; {dead} came back with an empty disk only")

    def test_what_is_wrong_is_said(self) -> None:
        with Cluster(size=1).start() as cluster:
            node = cluster.nodes[0]
            for body, field in (({"address": "a:1"}, "id"), ({"id": "a b", "address": "a:1"}, "id"),
                                ({"id": "n2"}, "address"), ({"id": "n2", "address": "nowhere"}, "address"),
                                ({"id": "n2", "address": "a:1", "role": "x"}, "role")):
                with self.subTest(body=body):
                    answer = node.post(NODES, body)
                    self.assertIn(answer.status, (400, 422), str(answer))
                    self.assertEqual([error["field"] for error in answer.problem()["errors"]], [field])
            last = node.ask("DELETE", f"{NODES}/n1")
            self.assertEqual(self.assert_problem(last, 409)["code"], "would_break_quorum")
            self.assert_problem(node.ask("DELETE", f"{NODES}/n9"), 404)
            self.assert_problem(node.ask("DELETE", f"{NODES}/n1?force=perhaps"), 400)
            forced = node.ask("DELETE", f"{NODES}/n1?force=1")
            self.assertEqual(self.assert_problem(forced, 409)["code"], "would_break_quorum", "nobody would be left")
            self.saw("each mistake is named")


if __name__ == "__main__":
    main()
