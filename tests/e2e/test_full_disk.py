#!/usr/bin/env python3
"""Scenario 42: a node's disk is full. One costs no write, all cost writes and nothing else, and whoever makes room mends
it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Optional

from case import Case, main
from client import Answer
from cluster import Cluster, Node
from full_disk import SmallDisk
from load import BULK, BULK_BYTES, Writers, check_bulk, check_stored
from waiting import wait_for

# Four segments' worth: the one in use, the one that was prepared, the first one, which is short and goes with the first
# checkpoint, and whatever that frees.
DISK_MIB = 96
BULK_WRITES_MAX = 600


def put_bulk(node: Node, number: int) -> tuple[str, bytes, Answer]:
    key, value = f"k{number:05}", (f"{number} ".encode() * BULK_BYTES)[:BULK_BYTES]
    return key, value, node.put(BULK, key, value)


class FullDisk(Case):
    def start(self, stack: ExitStack) -> tuple[Cluster, dict[str, SmallDisk]]:
        cluster = Cluster(settings={"PATRONUS_LOG_RETENTION": "1MiB"})
        disks = {}
        for node in cluster.nodes:
            disks[node.name] = SmallDisk(node, DISK_MIB)
            stack.callback(disks[node.name].remove)
        stack.enter_context(cluster.start())
        return cluster, disks

    def fill(self, cluster: Cluster, disks: dict[str, SmallDisk], first: int, until_refused: bool
             ) -> tuple[dict[str, bytes], Optional[Answer]]:
        """Writes until these disks are known to be full, or until a write is refused."""
        written = {}
        for number in range(first, first + BULK_WRITES_MAX):
            for disk in disks.values():
                disk.fill()  # also what the node has given back
            key, value, answer = put_bulk(cluster.leader(), number)
            if answer.status == 507:
                return written, answer
            self.assert_status(answer, 200, 201)
            written[key] = value
            if not until_refused and all(disk.is_known_to_be_full() for disk in disks.values()):
                return written, None
        self.fail(f"no disk was full after {BULK_WRITES_MAX} writes")

    def test_a_leader_with_a_full_disk_hands_over_and_no_write_fails(self) -> None:
        with ExitStack() as stack:
            cluster, disks = self.start(stack)
            leader = cluster.leader()
            with Writers(cluster) as writers:
                written, _ = self.fill(cluster, {leader.name: disks[leader.name]}, 0, False)
                disks[leader.name].fill()
                wait_for("another node to lead", lambda: any(node.is_leader() for node in cluster.others(leader)))
                writers.wait_for_more(200)
                nodes = {node["id"]: node for node in cluster.leader().status()["nodes"]}
                self.assertIn(nodes[leader.name]["log_room"], ("low", "none"))
                self.assertTrue(leader.is_ready(), "it serves reads and passes writes on")
                disks[leader.name].make_room()
                wait_for("the full node to have room", lambda: not disks[leader.name].is_known_to_be_full())
                writers.wait_for_more(100)
                writes = writers.finish()
            cluster.wait_caught_up()
            for node in cluster.nodes:
                check_stored(node, writes)
                check_bulk(node, written)
            said = [line for line in leader.log_lines() if '"event":"disk_full"' in line]
            self.assertEqual(len(said), 2, said)
            slowest = max(one.attempts for one in writes)
            self.saw(f"full after {len(written)} writes of {BULK_BYTES} bytes; {len(writes)} small ones beside, none refused, "
                     f"{slowest} attempts at most; {said[0]}")

    def test_where_all_disks_are_full_reads_go_on_and_room_mends_it(self) -> None:
        with ExitStack() as stack:
            cluster, disks = self.start(stack)
            written, refused = self.fill(cluster, disks, 0, True)
            assert refused is not None
            problem = self.assert_problem(refused, 507)
            self.assertEqual(problem["code"], "log_full")
            self.assertTrue(problem["retryable"])
            for node in cluster.nodes:
                check_bulk(node, dict(list(written.items())[-3:]))
                self.assertEqual(node.put(BULK, "more", b"x").status, 507)
            leader = cluster.leader()
            leader.kill()
            wait_for("another node to lead", lambda: any(node.is_leader() for node in cluster.others(leader)))
            for node in cluster.others(leader):
                check_bulk(node, dict(list(written.items())[-3:]))
            leader.start()
            wait_for(f"{leader} to be ready with a full disk", leader.is_ready)
            for disk in disks.values():
                disk.make_room()
            wait_for("a write to be taken",
                     lambda: all(node.put(BULK, "more", b"x").status in (200, 201) for node in cluster.nodes))
            cluster.wait_caught_up()
            for node in cluster.nodes:
                check_bulk(node, written)
            self.saw(f"507 after {len(written)} writes of {BULK_BYTES} bytes: {problem['detail']}")


if __name__ == "__main__":
    main()
