#!/usr/bin/env python3
"""The majority of a cluster is lost for good: what is left goes on as another cluster, and nothing of the old one comes
back to life beside it."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from case import Case, main
from certificates import patronusctl
from cluster import CLUSTER_SECRET, Cluster, Node, clean_environment
from load import Writers, check_bulk, check_stored, fill
from waiting import wait_for

OK, ERROR, USAGE, CONFLICT = 0, 1, 2, 6
ELECTION_TIMEOUT_SECONDS = 0.5


class Recover(Case):
    def recover(self, nodes: list[Node], *arguments: str, secret: str = CLUSTER_SECRET
                ) -> subprocess.CompletedProcess[str]:
        home = tempfile.TemporaryDirectory(prefix="patronus-e2e-")
        self.addCleanup(home.cleanup)
        secret_file = Path(home.name) / "secret"
        secret_file.write_text(secret + "\n")
        flags = [flag for node in nodes for flag in ("--endpoint", f"http://{node.address}")]
        return subprocess.run([str(patronusctl()), "node", "recover", "--cluster-secret-file", str(secret_file), *flags,
                               *arguments], env=clean_environment({"HOME": home.name}), capture_output=True, text=True,
                              timeout=90, check=False)

    def assert_exit(self, done: subprocess.CompletedProcess[str], code: int) -> str:
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def wait_lost(self, node: Node) -> dict[str, Any]:
        def lost() -> Any:
            done = self.recover([node], "-o", "json")
            self.assertIn(done.returncode, (OK, CONFLICT), done.stdout + done.stderr)
            found = json.loads(done.stdout.splitlines()[0])
            return found if found["survivors"][0]["lost"] else None
        found: dict[str, Any] = wait_for(f"{node} to know that it hears no leader", lost)
        return found

    def test_one_of_three_goes_on_and_the_others_do_not_come_back(self) -> None:
        with Cluster().start() as cluster:
            written = fill(cluster.nodes[0], 0, 5)
            with Writers(cluster) as writers:
                writers.wait_for_more(100)
                writes = writers.finish()
            cluster.wait_caught_up()
            survivor, *lost = cluster.nodes
            old_id = survivor.status()["cluster_id"]
            self.assertIn("a majority may still be there", self.assert_exit(self.recover([survivor], "--yes"), CONFLICT))
            for node in lost:
                node.kill()
            shown = self.wait_lost(survivor)
            self.assertEqual(shown["best"], survivor.name)
            self.assertIn("token", self.assert_exit(self.recover([survivor], "--yes", secret="ab" * 16 + CLUSTER_SECRET[:32]),
                                                    5))
            looked = self.assert_exit(self.recover([survivor]), OK)
            self.assertIn("nothing was done", looked)
            self.assertEqual(survivor.ask("GET", "/api/v1/cluster/status").json()["cluster_id"], old_id)

            said = self.assert_exit(self.recover([survivor], "--yes"), OK)
            status = survivor.status()
            self.assertNotEqual(status["cluster_id"], old_id)
            self.assertEqual([node["id"] for node in status["nodes"]], [survivor.name])
            # Who was logged in is so still; everything that was acknowledged is there, and new writes are taken.
            check_stored(survivor, writes)
            check_bulk(survivor, written)
            written |= fill(survivor, 5, 3)

            # The two would be a majority of the old cluster.
            for node in lost:
                node.start()
            for node in lost:
                self.assertEqual(node.wait_ended(), 1)
                told = f"cluster {old_id} was given up, and goes on as {status['cluster_id']} without this node"
                self.assertTrue(any(told in line for line in node.log_lines()[-3:]), node.log_lines()[-3:])
                self.assertFalse(any('"event":"leader"' in line for line in node.log_lines()[-12:]), node.log_lines()[-12:])
            for node in lost:
                shutil.rmtree(node.data)
                node.start()
            wait_for("three voters", lambda: [one["standing"] for one in survivor.status()["nodes"]] == ["voter"] * 3)
            cluster.wait_ready()
            cluster.wait_caught_up()
            for node in cluster.nodes:
                check_stored(node, writes)
                check_bulk(node, written)
            survivor.kill()
            wait_for("another node to lead", lambda: any(node.is_leader() for node in lost))
            check_bulk(lost[0], written)
            survivor.start()
            cluster.wait_ready()
            self.saw(" ".join(said.split()))

    def test_the_one_that_holds_the_most_is_named(self) -> None:
        with Cluster(size=5).start() as cluster:
            leader = cluster.leader()
            behind, ahead, *rest = cluster.followers()
            behind.kill()
            written = fill(leader, 0, 3)
            cluster.wait_caught_up([node for node in cluster.nodes if node is not behind])
            for node in (leader, *rest):
                node.kill()
            behind.start()
            for node in (behind, ahead):
                wait_for(f"{node} to answer", node.is_live)
                self.wait_lost(node)
            found = json.loads(self.assert_exit(self.recover([behind, ahead], "-o", "json"), OK).splitlines()[0])
            self.assertEqual(found["best"], ahead.name)
            ends = {one["node"]: one["last_index"] for one in found["survivors"]}
            self.assertGreater(ends[ahead.name], ends[behind.name])
            self.assert_exit(self.recover([behind, ahead], "--yes"), OK)
            self.assertEqual(behind.wait_ended(), 1)
            check_bulk(ahead, written)
            shutil.rmtree(behind.data)
            behind.start()
            wait_for(f"{behind} to have a vote", lambda: [one["standing"] for one in ahead.status()["nodes"]] == ["voter"] * 2)
            for node in cluster.nodes:
                if not node.alive():
                    shutil.rmtree(node.data)
                    node.start()
            cluster.wait_ready()
            cluster.wait_caught_up()
            for node in cluster.nodes:
                check_bulk(node, written)
            self.saw(f"{ahead} with entries up to {ends[ahead.name]}, {behind} up to {ends[behind.name]}")


if __name__ == "__main__":
    main()
