#!/usr/bin/env python3
"""A rolling upgrade: nodes of two versions in one cluster, under load, one node at a time, and back again.

The former version is this program held at the former protocol (PATRONUS_PROTOCOL_MAX), or the program that PATRONUSD_FORMER
names, so that a build of an earlier commit can be put to the test."""

from __future__ import annotations

import os
import re
from pathlib import Path

from case import Case, main
from cluster import ROOT, Cluster, Node
from load import Writers, check_stored
from waiting import wait_for

PROTOCOL_H = (ROOT / "core" / "base" / "protocol.h").read_text()
OLDEST, NEWEST = (int(re.findall(rf"{name} = (\d+)", PROTOCOL_H)[0]) for name in ("kOldest", "kNewest"))


def protocol_of(node: Node) -> int:
    return int(node.status()["protocol"])


class Upgrade(Case):
    def use(self, node: Node, version: int) -> None:
        former = os.environ.get("PATRONUSD_FORMER")
        node.environment.pop("PATRONUS_PROTOCOL_MAX", None)
        node.program = None
        if version != NEWEST and former:
            node.program = Path(former)
        elif version != NEWEST:
            node.environment["PATRONUS_PROTOCOL_MAX"] = str(version)

    def restart(self, cluster: Cluster, node: Node, version: int) -> None:
        self.assertEqual(node.terminate(), 0)
        self.use(node, version)
        node.start()
        wait_for(f"{node} to be ready", node.is_ready)
        cluster.wait_caught_up()

    def test_one_node_after_the_other_and_back(self) -> None:
        with Cluster() as cluster:
            for node in cluster.nodes:
                self.use(node, OLDEST)
            cluster.start()
            wait_for("the former protocol to be spoken", lambda: protocol_of(cluster.leader()) == OLDEST)
            with Writers(cluster) as writers:
                writers.wait_for_more(100)
                # It can be undone until the last node is upgraded.
                two = cluster.followers()
                for version, nodes in ((NEWEST, two), (OLDEST, two), (NEWEST, cluster.nodes)):
                    # Each version leads both kinds of followers: a restart hands leadership over.
                    for node in sorted(nodes, key=lambda one: one.is_leader()):
                        self.restart(cluster, node, version)
                        writers.wait_for_more(100)
                        led = cluster.leader()
                        moved = led.post("/api/v1/admin/force-election", None)
                        self.assert_status(moved, 200)
                        writers.wait_for_more(50)
                    spoken = NEWEST if nodes is cluster.nodes else OLDEST
                    wait_for(f"protocol {spoken} to be spoken by all",
                             lambda: all(protocol_of(node) == spoken for node in cluster.nodes))
                writes = writers.finish()
            cluster.wait_caught_up()
            for node in cluster.nodes:
                check_stored(node, writes)
            self.saw(f"protocols {OLDEST}, {NEWEST} on two nodes, {OLDEST}, {NEWEST} with {len(writes)} writes, none lost or refused; the "
                     f"longest pause {1000 * writers.longest_gap():.0f} ms")

    def test_what_is_in_the_log_is_spoken(self) -> None:
        with Cluster().start() as cluster:
            node = cluster.followers()[0]
            wait_for("all to know of each other", lambda: all(protocol_of(one) == NEWEST for one in cluster.nodes))
            site = {"name": "after tables were opened", "endpoints": []}
            wait_for("tables to be there", lambda: node.post("/api/v1/sites", site).status == 201)
            self.assertEqual(node.terminate(), 0)
            node.environment["PATRONUS_PROTOCOL_MAX"] = str(OLDEST)
            node.start()
            cluster.wait_ready()
            self.assertEqual(protocol_of(node), NEWEST)
            line = next(line for line in node.log_lines() if "is spoken instead" in line)
            self.saw(line)

    def test_a_version_that_is_not_spoken_is_refused_with_what_would_do(self) -> None:
        with Cluster(size=1) as cluster:
            node = cluster.nodes[0]
            node.environment["PATRONUS_PROTOCOL_MAX"] = str(NEWEST + 1)
            node.start()
            self.assertEqual(node.wait_ended(), 2)
            line = node.log_lines()[-1]
            self.assertIn(f"use {OLDEST} to {NEWEST}", line)
            node.environment.pop("PATRONUS_PROTOCOL_MAX")
            node.start()
            wait_for("the node to be ready", node.is_ready)
            self.saw(line)


if __name__ == "__main__":
    main()
