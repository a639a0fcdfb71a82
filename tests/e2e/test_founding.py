#!/usr/bin/env python3
"""Only all first nodes together, all of them empty, found a cluster; nodes that forgot never do harm."""

from __future__ import annotations

import time
from typing import Any

from case import Case, main
from cluster import Cluster, Node
from load import Writers, check_stored
from waiting import holds_for, wait_for

ELECTION_SECONDS = 0.5
SEVERAL_ELECTIONS = 6 * ELECTION_SECONDS


def reasons(node: Node) -> str:
    """Why the node is not ready, in its own words."""
    answer = node.ask("GET", "/health/ready?verbose")
    assert answer.status == 503, str(answer)
    return "; ".join(one["reason"] for one in answer.json()["components"] if not one["ok"])


def stands_aside(node: Node) -> bool:
    """Neither ready nor leading nor following, but alive."""
    status = node.status()
    return node.is_live() and not node.is_ready() and not node.is_leader() and status["leader"] is None


class Founding(Case):
    def test_two_of_three_do_not_found(self) -> None:
        with Cluster() as cluster:
            two, third = cluster.nodes[:2], cluster.nodes[2]
            for node in two:
                node.start()
            for node in two:
                wait_for(f"{node} to answer", node.is_live)
                wait_for(f"{node} to meet the other", lambda: "2 present" in reasons(node))
            looks = holds_for("two nodes found nothing", lambda: all(map(stands_aside, two)), SEVERAL_ELECTIONS)
            why = reasons(two[0])
            self.assertIn("3", why)
            for node in two:
                self.assertIsNone(node.status()["cluster_id"])
            third.start()
            cluster.wait_ready()
            self.assertEqual(len({node.status()["cluster_id"] for node in cluster.nodes}), 1)
            cluster.log_in()
            self.assert_status(third.put("app", "key", b"value"), 201)
            self.saw(f"{looks} looks: {why}; founded once the third came")

    def test_started_in_any_order(self) -> None:
        for order in ((2, 1, 0), (1, 0, 2)):
            with Cluster() as cluster:
                for index in order:
                    cluster.nodes[index].start()
                    wait_for("the node to answer", cluster.nodes[index].is_live)
                cluster.wait_ready()
                self.assertEqual(len({node.status()["cluster_id"] for node in cluster.nodes}), 1)
        self.saw("founded twice, in two orders")

    def test_one_and_five_nodes(self) -> None:
        for size in (1, 5):
            with Cluster(size=size).start() as cluster:
                for node in cluster.nodes:
                    self.assert_status(node.put("app", node.name, b"value"), 201)
                status = cluster.leader().status()
                self.assertEqual(status["quorum"], size // 2 + 1)
                self.assertEqual(status["failure_tolerance"], size // 2)
                for node in cluster.nodes:
                    self.assertEqual(len(node.list_all("app")), size)
        self.saw("founded with one node, and with five")

    def test_two_wiped_nodes_found_nothing_beside_the_third(self) -> None:
        with Cluster().start() as cluster:
            with Writers(cluster) as writers:
                writers.wait_for_more(50)
                writes = writers.finish()
            cluster.wait_caught_up()
            keeper = cluster.nodes[1]
            wiped = cluster.others(keeper)
            identity = keeper.status()["cluster_id"]
            for node in cluster.nodes:
                node.kill()
            for node in wiped:
                node.wipe()
            for node in cluster.nodes:
                node.start()
            for node in wiped:
                wait_for(f"{node} to say what is wrong", lambda: f"node {keeper.name} belongs to" in reasons(node))
            looks = holds_for("nobody leads", lambda: all(map(stands_aside, cluster.nodes)), SEVERAL_ELECTIONS)
            for node in wiped:
                self.assertIsNone(node.status()["cluster_id"])
            self.assertEqual(keeper.status()["cluster_id"], identity)
            why = reasons(wiped[0])
            for node in wiped:
                node.kill()
                node.find_disk_again()
                node.start()
            cluster.wait_ready()
            cluster.wait_caught_up()
            for node in cluster.nodes:
                self.assertEqual(node.status()["cluster_id"], identity)
                check_stored(node, writes)
            self.saw(f"{looks} looks without a leader: {why}; with the old disks {len(writes)} writes are there")

    def test_two_nodes_wiped_while_the_third_lives(self) -> None:
        with Cluster().start() as cluster:
            self.assert_status(cluster.nodes[0].put("app", "key", b"value"), 201)
            cluster.wait_caught_up()
            keeper = cluster.leader()
            wiped = cluster.others(keeper)
            for node in wiped:
                node.kill()
                node.wipe()
            for node in wiped:
                node.start()
            for node in wiped:
                wait_for(f"{node} to say what is wrong", lambda: f"node {keeper.name} belongs to" in reasons(node))
            wait_for("the third to step down", lambda: stands_aside(keeper))
            looks = holds_for("nobody leads", lambda: all(map(stands_aside, cluster.nodes)), SEVERAL_ELECTIONS)
            # Without a quorum a node can't say whether a session still stands, so it shows nobody the state.
            lonely = keeper.get("app", "key", consistency="stale")
            self.assertEqual(self.assert_problem(lonely, 503)["code"], "cannot_vouch")
            self.saw(f"{looks} looks: the former leader leads nobody who forgot it")

    def test_a_wiped_node_is_taken_in_again(self) -> None:
        """Nobody does anything: the cluster takes the lost disk out, and the new one in once it has everything."""
        with Cluster(settings={"PATRONUS_REQUEST_TIMEOUT": "4s"}).start() as cluster:
            leader = cluster.leader()
            wiped, other = cluster.others(leader)
            with Writers(cluster, nodes=[leader, other]) as writers:
                writers.wait_for_more(50)
                wiped.kill()
                wiped.wipe()
                wiped.start()
                wait_for(f"{wiped} to vote again", lambda: self._votes(wiped))
                writers.wait_for_more(50)
                writes = writers.finish()
            cluster.wait_ready()
            cluster.wait_caught_up()
            for node in cluster.nodes:
                check_stored(node, writes)
            # It counts: without the leader it is one of the two that go on.
            leader.kill()
            cluster.wait_ready([wiped, other])
            self.assert_status(wiped.put("app", "after", b"value"), 201)
            self.saw(f"{len(writes)} writes are on the new disk; without {leader} the two others go on")

    @staticmethod
    def _votes(node: Node) -> dict[str, Any] | None:
        """As the node itself has it in its log, under its new disk."""
        found = next((one for one in node.status().get("nodes", []) if one["id"] == node.name), None)
        return found if found and found["role"] != "stranger" and found["standing"] == "voter" else None

    def test_strangers_are_shown(self) -> None:
        """An operator sees from any node which one has lost its disk, where it is not taken in by itself."""
        with Cluster(settings={"PATRONUS_AUTO_JOIN": "off"}).start() as cluster:
            leader = cluster.leader()
            wiped = cluster.others(leader)[0]
            wiped.kill()
            wiped.wipe()
            wiped.start()
            wait_for(f"{wiped} to say what is wrong", lambda: "belongs to cluster" in reasons(wiped))
            shown = wait_for("the leader to show it", lambda: self._unhealthy(leader, wiped))
            self.assertFalse(shown["healthy"])
            holds_for("it stays out", lambda: stands_aside(wiped), SEVERAL_ELECTIONS)
            self.saw(f"{leader} shows {wiped} as {shown['role']}")

    @staticmethod
    def _unhealthy(asked: Node, shown: Node) -> dict[str, Any] | None:
        found = next(one for one in asked.status()["nodes"] if one["id"] == shown.name)
        return found if found["role"] == "stranger" and not found["healthy"] else None


if __name__ == "__main__":
    main()
