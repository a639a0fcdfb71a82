#!/usr/bin/env python3
"""Nodes whose addresses change, all at once or one by one: identity is the node's id and its data directory."""

from __future__ import annotations

from typing import Any

from case import Case, main
from cluster import Cluster, Node
from load import Writers, check_stored
from waiting import wait_for


def addresses(node: Node) -> dict[str, Any]:
    return {one["id"]: one["address"] for one in node.status()["nodes"]}


class Addresses(Case):
    def test_all_addresses_change_at_once(self) -> None:
        with Cluster().start() as cluster:
            with Writers(cluster) as writers:
                writers.wait_for_more(50)
                writes = writers.finish()
            before = addresses(cluster.nodes[0])
            for node in cluster.nodes:
                self.assertEqual(node.terminate(), 0)
            cluster.move_all()
            for node in cluster.nodes:
                node.start()
            cluster.wait_ready()
            wanted = {node.name: node.address for node in cluster.nodes}
            self.assertFalse(set(wanted.values()) & set(before.values()))
            wait_for("every node to know all new addresses",
                     lambda: all(addresses(node) == wanted for node in cluster.nodes))
            cluster.wait_caught_up()
            for node in cluster.nodes:
                check_stored(node, writes)
            # They are in the state: a node finds the others by it, whatever it was configured with.
            last = cluster.followers()[0]
            self.assertEqual(last.terminate(), 0)
            one = cluster.others(last)[0]
            last.environment["PATRONUS_PEERS"] = ",".join(
                f"{node.name}=127.0.0.1:{node.peer_port if node in (last, one) else 1}" for node in cluster.nodes)
            last.start()
            wait_for(f"{last} to be ready", last.is_ready)
            self.assertEqual(cluster.leader(cluster.nodes).alive(), True)
            self.saw(f"{before} became {wanted}")


if __name__ == "__main__":
    main()
