#!/usr/bin/env python3
"""Copies off site by the real Litestream, and a cluster that is brought back from them when every disk is lost."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import time

from case import main
from certificates import patronusctl
from cluster import ROOT, Cluster, Node, clean_environment
from lost_cluster import LostCluster
from offsite import S3, S3_SECRETS, Beside, litestream
from waiting import wait_for


class Litestream(LostCluster):
    def test_all_is_lost_and_comes_back_from_files(self) -> None:
        self.lose_and_restore(f"file://{self.home}/backup", {})

    def test_all_is_lost_and_comes_back_from_s3(self) -> None:
        server = S3(self.home, self.ports.take())
        self.addCleanup(server.kill)
        self.lose_and_restore(server.target, S3_SECRETS)

    def test_the_file_for_compose_is_what_is_rendered(self) -> None:
        path = ROOT / "deploy/litestream/litestream.yml"
        kept = path.read_text()
        command = next(line for line in kept.splitlines() if line.startswith("#   patronusctl render litestream "))
        rendered = subprocess.run([str(patronusctl()), *shlex.split(command)[2:]], capture_output=True, text=True, check=True,
                                  env=clean_environment({})).stdout
        self.assertEqual(kept.split("\n\n", 1)[1], rendered)
        # The real one reads it, and takes the ids from the environment.
        seen = subprocess.run([str(litestream()), "databases", "-config", str(path)], capture_output=True, text=True, check=False,
                              env={**os.environ, "PATRONUS_CLUSTER_ID": "0" * 31 + "1", "PATRONUS_NODE_ID": "n1"})
        self.assertEqual(seen.returncode, 0, seen.stderr)
        self.assertIn("file", seen.stdout)
        for wrong, reason in ((["--targets", "ftp://x"], "is no target"), (["--targets", "file:///x", "--cluster-id", "7"], "no cluster's id")):
            refused = subprocess.run([str(patronusctl()), "render", "litestream", *wrong], capture_output=True, text=True, check=False,
                                     env=clean_environment({}))
            self.assertEqual(refused.returncode, 2)
            self.assertIn(reason, refused.stderr)

    def test_states_keep_their_pace_beside_gcs(self) -> None:
        """Where no states can be put must not have them put elsewhere all the time: only so many are kept."""
        with Cluster(size=1, settings={"PATRONUS_CHECKPOINT_INTERVAL": "1"}).start() as cluster:
            place = self.home / "states"
            self.start_beside(cluster, f"file://{place},gcs://nowhere", {"PATRONUS_BACKUP_STATE_INTERVAL": "1h"})
            wait_for("a state", lambda: list(place.rglob("*.snapshot")))
            for number in range(10):
                self.assert_status(cluster.nodes[0].put("demo", f"key{number}", b"value"), 201)
                time.sleep(1)
            self.assertEqual(len(list(place.rglob("*.snapshot"))), 1)

    def test_how_copies_stand_is_told(self) -> None:
        with Cluster(size=1, settings={"PATRONUS_CHECKPOINT_INTERVAL": "1"}).start() as cluster:
            node = cluster.nodes[0]
            status = node.ask("GET", "/api/v1/backup/status").json()
            self.assertIn("patronusctl backup run", status["problem"])
            self.assert_problem(node.post("/api/v1/backup/now"), 503)
            self.assertIn("patronus_backup_last_success_timestamp_seconds 0\n", node.ask("GET", "/metrics").text())
            away = self.home / "away"
            self.start_beside(cluster, f"file://{self.home}/near,file://{away}/far?name=far")
            self.wait_shipped()
            began = time.monotonic()
            asked = self.ctl(node, "backup", "now")
            self.assertEqual(asked.returncode, 0, asked.stdout + asked.stderr)
            took = time.monotonic() - began
            verified = self.ctl(node, "backup", "verify")
            self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)
            self.assertEqual(verified.stdout.count("ok, "), 2, verified.stdout)
            text = node.ask("GET", "/metrics").text()
            lag = float(next(line for line in text.splitlines() if line.startswith("patronus_backup_lag_seconds ")).split()[1])
            self.assertLess(lag, 20)
            self.assertEqual(self.ctl(node, "backup", "status").returncode, 0)

            # A target that is gone: its copy falls behind, and Litestream itself counts no error.
            away.rename(self.home / "gone")
            away.write_text("no directory")
            node.post("/api/v1/sites", {"name": "after", "endpoints": []})
            wait_for("the lag to grow", lambda: self.lag_of(self.beside[0], "far") > 14_000, 60)
            self.assertLess(self.lag_of(self.beside[0], "file"), 14_000)
            away.unlink()
            (self.home / "gone").rename(away)
            # Litestream itself would wait for ever.
            wait_for("the copy to catch up", lambda: self.lag_of(self.beside[0], "far") < 12_000, 150)

            # A copy that is not what the node has is found out.
            beside = self.beside[0]
            path = node.database
            near = self.home / "near"
            for damaged in near.rglob("*.lz4"):
                damaged.write_bytes(damaged.read_bytes()[: damaged.stat().st_size // 2])
            failed = self.ctl(node, "backup", "verify", "--db", str(path), "--targets", f"file://{near}", "--litestream", str(litestream()))
            self.assertEqual(failed.returncode, 1, failed.stdout)
            self.assertIn("NOT OK", failed.stdout)

            # Whoever kills Litestream, or its supervisor, gets another.
            for pid in beside.children():
                os.kill(pid, signal.SIGKILL)
            wait_for("another Litestream", lambda: len(beside.children()) >= 1)
            self.assertEqual(beside.terminate(), 0)
            self.saw(f"now took {took:.1f} s, lag {lag:.1f} s")

    def ctl(self, node: Node, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(patronusctl()), *arguments, "--endpoint", f"http://{node.address}"],
                              env=clean_environment({"HOME": str(self.home), "PATRONUS_TOKEN": str(node.token)}),
                              capture_output=True, text=True, timeout=200, check=False)

    @staticmethod
    def lag_of(one: Beside, name: str) -> float:
        found = [target for target in one.status()["targets"] if target["name"] == name]
        return float("inf") if not found or found[0]["lag_ms"] is None else float(found[0]["lag_ms"])


if __name__ == "__main__":
    main()
