#!/usr/bin/env python3
"""A node begins from the image of its state and the log after it; one whose image is damaged takes all
from the log, as long as that was not cut."""

from __future__ import annotations

import re

from case import Case, main
from cluster import Cluster, Node
from load import Writers, check_stored
from waiting import wait_for


def metric(node: Node, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", node.ask("GET", "/metrics").text(), re.MULTILINE)
    assert found, f"{node} has no metric {name}"
    return float(found[1])


def held_by_image(node: Node) -> int:
    """What the image held when the node started last, as it said."""
    said = [found for line in node.log_lines() if (found := re.search(r"holds all up to entry (\d+)", line))]
    return int(said[-1][1])


class Image(Case):
    def test_every_node_begins_from_its_image(self) -> None:
        with Cluster().start() as cluster:
            with Writers(cluster) as writers:
                for node in cluster.nodes:
                    writers.wait_for_more(100)
                    # In good order: what was applied goes to the image first.
                    self.assertEqual(node.terminate(), 0)
                    node.start()
                    cluster.wait_ready()
                writes = writers.finish()
            cluster.wait_caught_up()
            held = [held_by_image(node) for node in cluster.nodes]
            self.assertTrue(all(index > 100 for index in held), held)
            for node, index in zip(cluster.nodes, held):
                self.assertGreaterEqual(metric(node, "patronus_image_applied_index"), index)
                self.assertEqual(metric(node, "patronus_log_first_index"), 1, "the tail is kept")
            # And once more without any good order: image and log together.
            for node in cluster.nodes:
                node.kill()
            for node in cluster.nodes:
                node.start()
            cluster.wait_ready()
            cluster.log_in()
            for node in cluster.nodes:
                check_stored(node, writes)
            self.saw(f"images of entries {held}; all {len(writes)} writes are there")

    def test_the_log_makes_up_for_a_damaged_image(self) -> None:
        with Cluster().start() as cluster:
            with Writers(cluster) as writers:
                writers.wait_for_more(100)
                writes = writers.finish()
            node = cluster.followers()[0]
            self.assertEqual(node.terminate(), 0)
            image = node.data / "image.mdb"
            image.write_bytes(bytes(image.stat().st_size))
            node.start()
            wait_for(f"{node} to be ready", node.is_ready)
            cluster.wait_caught_up()
            check_stored(node, writes)
            line = next(line for line in node.log_lines() if "image.mdb" in line)
            self.assertIn("the state comes from the log, which is whole", line)
            self.assertTrue((node.data / "aside-1" / "image.mdb").exists())
            self.saw(line)


if __name__ == "__main__":
    main()
