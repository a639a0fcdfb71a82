#!/usr/bin/env python3
"""A node whose disk is damaged or gone is given everything by the others and serves again, without anybody's help; where
there is nobody who could, it says so."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Callable

from case import Case, main
from cluster import Cluster, Node
from load import Writers, check_bulk, check_stored, fill
from waiting import holds_for, wait_for

# So that logs are cut and images are needed.
SETTINGS = {"PATRONUS_CHECKPOINT_INTERVAL": "200ms", "PATRONUS_LOG_RETENTION": "1MiB"}
NODES = "/api/v1/cluster/nodes"
WAITS = "its disk was damaged"


def zeros(path: Path, first: int = 0) -> None:
    with path.open("r+b") as file:
        size = path.stat().st_size
        file.seek(first)
        file.write(bytes(size - first))


def zeros_over_the_image(node: Node) -> None:
    zeros(node.data / "image.mdb")


def zeros_over_the_log(node: Node) -> None:
    zeros(sorted(node.data.glob("wal-*.seg"))[0])


def zeros_in_the_middle_of_the_log(node: Node) -> None:
    """Of what was synced before other batches, so that it is no tear; the first segment may end before."""
    for path in sorted(node.data.glob("wal-*.seg")):
        with path.open("r+b") as file:
            file.seek(700)
            if any(file.read(64)):
                file.seek(700)
                file.write(bytes(64))
                return
    raise AssertionError(f"{node} has no segment that is longer")


def a_disk_that_is_gone(node: Node) -> None:
    shutil.rmtree(node.data)


DAMAGES: tuple[Callable[[Node], None], ...] = (
    zeros_over_the_image, zeros_over_the_log, zeros_in_the_middle_of_the_log, a_disk_that_is_gone)


def is_back(cluster: Cluster, node: Node) -> bool:
    nodes = cluster.others(node)[0].ask("GET", NODES).json()["nodes"]
    found = next((one for one in nodes if one["id"] == node.name), None)
    voters = [one for one in nodes if one["standing"] == "voter"]
    return (found is not None and found["standing"] == "voter" and found["role"] != "stranger" and found["healthy"]
            and len(voters) == len(cluster.nodes) and node.is_ready())


class Rebuild(Case):
    def test_a_damaged_disk_is_filled_again(self) -> None:
        with Cluster(settings=SETTINGS).start() as cluster:
            written = fill(cluster.nodes[0], 0, 40)
            with Writers(cluster) as writers:
                for damage in DAMAGES:
                    for pick in (lambda: cluster.followers()[0], cluster.leader):
                        node = pick()
                        writers.wait_for_more(150)
                        node.kill()
                        damage(node)
                        writers.wait_for_more(20)
                        node.start()
                        wait_for(f"{node} to be back after {damage.__name__}", lambda: is_back(cluster, node))
                        for path in node.data.glob("aside-*"):
                            shutil.rmtree(path)
                writers.wait_for_more(50)
                writes = writers.finish()
            cluster.wait_caught_up()
            for node in cluster.nodes:
                check_stored(node, writes)
                check_bulk(node, written)
            said = [line for node in cluster.nodes for line in node.log_lines() if "is set aside as" in line]
            self.assertEqual(len(said), 2 * 3)
            self.saw(f"{len(DAMAGES)} kinds of damage, each to a follower and to the leader; all {len(writes)} acknowledged "
                     f"writes are on every node; e.g. {said[0]}")

    def test_a_disk_that_was_restored_from_an_old_copy_is_found_out(self) -> None:
        with Cluster(settings=SETTINGS).start() as cluster:
            with Writers(cluster) as writers:
                for pick in (lambda: cluster.followers()[0], cluster.leader):
                    node = pick()
                    self.assertEqual(node.terminate(), 0)
                    copy = node.data.with_name("copy")
                    shutil.copytree(node.data, copy)
                    node.start()
                    cluster.wait_ready()
                    writers.wait_for_more(100)
                    node.kill()
                    shutil.rmtree(node.data)
                    copy.rename(node.data)
                    node.start()
                    wait_for(f"{node} to set its disk aside",
                             lambda: any("disk is older than it was" in line for line in node.log_lines()))
                    wait_for(f"{node} to be back", lambda: is_back(cluster, node))
                writes = writers.finish()
            cluster.wait_caught_up()
            for node in cluster.nodes:
                check_stored(node, writes)

    def test_an_old_copy_is_found_out_though_all_have_begun_anew_since(self) -> None:
        with Cluster(settings=SETTINGS).start() as cluster:
            written = fill(cluster.nodes[0], 0, 10)
            node = cluster.followers()[0]
            self.assertEqual(node.terminate(), 0)
            copy = node.data.with_name("copy")
            shutil.copytree(node.data, copy)
            node.start()
            cluster.wait_ready()
            written.update(fill(cluster.nodes[0], 10, 10))
            cluster.wait_caught_up()
            for one in cluster.nodes:
                one.kill()
            shutil.rmtree(node.data)
            copy.rename(node.data)
            for one in cluster.nodes:
                one.start()
            wait_for(f"{node} to set its disk aside",
                     lambda: any("disk is older than it was" in line for line in node.log_lines()))
            wait_for(f"{node} to be back", lambda: is_back(cluster, node))
            cluster.wait_caught_up()
            for one in cluster.nodes:
                check_bulk(one, written)

    def test_a_copy_of_a_rotten_image_is_not_given_away_and_the_image_is_written_anew(self) -> None:
        """What a node makes of its image, for another node or as a snapshot, is the state, or nothing: a bit that turned over
        on the disk, while the node has it right in memory, must not get into what everything may depend on one day."""
        with Cluster(settings=SETTINGS).start() as cluster:
            node = cluster.leader()
            self.assert_status(node.put("rotten", "key", b"A VALUE THAT WILL ROT"), 201)
            self.assert_status(node.post("/api/v1/snapshots", None), 201)
            path = node.data / "image.mdb"
            at = path.read_bytes().rindex(b"VALUE THAT WILL ROT")
            with path.open("r+b") as file:
                file.seek(at)
                file.write(b"W")
            refused = node.post("/api/v1/snapshots", None)
            self.assertIn("damaged", self.assert_problem(refused, 503)["detail"])
            self.assertTrue(any("is damaged" in line and "written anew" in line for line in node.log_lines()))
            wait_for("the image to be as it should be", lambda: node.post("/api/v1/snapshots", None).status == 201)
            self.assertIn("\npatronus_image_damage_total 1\n", node.ask("GET", "/metrics").text())
            self.assertEqual(node.get("rotten", "key").body, b"A VALUE THAT WILL ROT")
            node.kill()
            node.start()
            cluster.wait_ready()
            self.assertEqual(list(node.data.glob("aside-*")), [])
            self.assertEqual(node.get("rotten", "key").body, b"A VALUE THAT WILL ROT")

    def test_an_operator_has_a_node_begin_anew(self) -> None:
        with Cluster(settings=SETTINGS).start() as cluster:
            with Writers(cluster) as writers:
                writers.wait_for_more(100)
                leader = cluster.leader()
                node, other = cluster.followers()
                refused = other.post(f"/api/v1/admin/reinit/{leader.name}", None)
                self.assertEqual(self.assert_problem(refused, 409)["code"], "leads")
                unknown = other.post("/api/v1/admin/reinit/nobody", None)
                self.assertEqual(self.assert_problem(unknown, 404)["code"], "unknown_node")
                self.assert_status(other.post(f"/api/v1/admin/reinit/{node.name}", None), 202)
                wait_for(f"{node} to begin anew", lambda: (node.data / "aside-1").exists())
                wait_for(f"{node} to be back", lambda: is_back(cluster, node))
                other.kill()
                wait_for(f"the leader to miss {other}", lambda: any(
                    one["id"] == other.name and not one["healthy"] for one in leader.ask("GET", NODES).json()["nodes"]))
                refused = node.post(f"/api/v1/admin/reinit/{node.name}", None)
                self.assertEqual(self.assert_problem(refused, 409)["code"], "would_break_quorum")
                other.start()
                cluster.wait_ready()
                writes = writers.finish()
            cluster.wait_caught_up()
            for one in cluster.nodes:
                check_stored(one, writes)

    def test_what_is_set_aside_is_all_that_was_there(self) -> None:
        with Cluster(settings=SETTINGS).start() as cluster:
            with Writers(cluster) as writers:
                writers.wait_for_more(100)
                writers.finish()
            node = cluster.followers()[0]
            node.kill()
            before = {path.name: path.stat().st_size for path in node.data.iterdir() if path.name != "LOCK"}
            zeros_over_the_log(node)
            node.start()
            wait_for(f"{node} to be back", lambda: is_back(cluster, node))
            aside = {path.name: path.stat().st_size for path in (node.data / "aside-1").iterdir()}
            self.assertEqual(aside, before)

    def test_where_all_disks_are_damaged_nobody_begins_anew(self) -> None:
        with Cluster(settings=SETTINGS).start() as cluster:
            with Writers(cluster) as writers:
                writers.wait_for_more(100)
                writers.finish()
            for node in cluster.nodes:
                node.kill()
            for node in cluster.nodes:
                zeros_over_the_log(node)
                node.start()
            for node in cluster.nodes:
                wait_for(f"{node} to be live", node.is_live)
            reasons = [node.ask("GET", "/health/ready?verbose", timeout=2).body.decode() for node in cluster.nodes]
            self.assertTrue(all(WAITS in reason for reason in reasons), reasons)
            founded = lambda: sum('"event":"founded"' in line for node in cluster.nodes for line in node.log_lines())
            holds_for("nobody founds another cluster", lambda: founded() == 1, 3)

    def test_a_disk_that_is_damaged_again_and_again_is_no_disk(self) -> None:
        with Cluster(settings=SETTINGS).start() as cluster:
            node = cluster.followers()[0]
            with Writers(cluster) as writers:
                writers.wait_for_more(100)
                writers.finish()
            for _turn in range(4):
                wait_for(f"{node} to be back", lambda: is_back(cluster, node))
                node.kill()
                zeros_over_the_log(node)
                node.start()
            wait_for(f"{node} to be back", lambda: is_back(cluster, node))
            node.kill()
            zeros_over_the_log(node)
            node.start()
            self.assertEqual(node.wait_ended(), 1)
            line = node.log_lines()[-1]
            self.assertIn("aside-1", line)
            self.saw(line)
            for path in node.data.glob("aside-*"):
                shutil.rmtree(path)
            node.start()
            wait_for(f"{node} to be back", lambda: is_back(cluster, node))

    def test_who_is_alone_gives_nothing_up(self) -> None:
        with Cluster(size=1).start() as cluster:
            node = cluster.nodes[0]
            with Writers(cluster) as writers:
                writers.wait_for_more(50)
                writers.finish()
            node.kill()
            kept = node.data.with_name("kept")
            shutil.copytree(node.data, kept)
            zeros_over_the_log(node)
            node.start()
            self.assertEqual(node.wait_ended(), 1)
            self.assertIn("no other node has what it holds", node.log_lines()[-1])
            self.assertFalse(list(node.data.glob("aside-*")))
            shutil.rmtree(node.data)
            kept.rename(node.data)
            node.start()
            cluster.wait_ready()


if __name__ == "__main__":
    main()
