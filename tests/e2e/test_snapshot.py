#!/usr/bin/env python3
"""Snapshots: the state out of a living cluster, and a cluster out of the state when all is lost."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from case import Case, main
from certificates import patronusctl
from cluster import ADMIN, PASSWORD, Cluster, clean_environment
from load import Writers, check_bulk, check_stored, fill
from waiting import wait_for

OK, ERROR, USAGE, NOT_ALLOWED = 0, 1, 2, 5


class Snapshot(Case):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory(prefix="patronus-e2e-")
        self.addCleanup(holder.cleanup)
        self.home = Path(holder.name)

    def ctl(self, cluster: Cluster, *arguments: str, token: bool = True) -> subprocess.CompletedProcess[str]:
        flags = [flag for node in cluster.running() for flag in ("--endpoint", f"http://{node.address}")]
        settings = {"HOME": str(self.home)}
        if token:
            settings["PATRONUS_TOKEN"] = str(cluster.nodes[0].token)
        return subprocess.run([str(patronusctl()), *arguments, *flags], env=clean_environment(settings),
                              capture_output=True, text=True, timeout=90, check=False)

    def ok(self, done: subprocess.CompletedProcess[str], code: int = OK) -> str:
        self.assertEqual(done.returncode, code, f"{done.args[1:]}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def test_all_is_lost_and_comes_back_from_a_snapshot(self) -> None:
        file = self.home / "state.snapshot"
        with Cluster().start() as cluster:
            written = fill(cluster.nodes[0], 0, 30)
            with Writers(cluster) as writers:
                writers.wait_for_more(200)
                writes = writers.finish()
            key = {"Idempotency-Key": "once"}
            once = self.assert_status(cluster.nodes[0].put("keyed", "once", b"value", key), 201)
            saved = json.loads(self.ok(self.ctl(cluster, "snapshot", "save", str(file), "-o", "json")))
            self.assertEqual((saved["keys"], saved["users"]), (len(written) + len(writes) + 1, 1))
            self.assertGreater(saved["sessions"], 0)
            self.assertIn("is there already", self.ok(self.ctl(cluster, "snapshot", "save", str(file)), USAGE))
            self.ok(self.ctl(cluster, "snapshot", "list", token=False), NOT_ALLOWED)
            # What came after the snapshot is not in it.
            fill(cluster.nodes[0], 900, 2)
            old_id = cluster.nodes[0].status()["cluster_id"]
            for node in cluster.nodes:
                node.kill()
                shutil.rmtree(node.data)

            first, *others = cluster.nodes
            self.ok(self.ctl(cluster, "snapshot", "restore", str(file), "--data-dir", str(first.data)))
            self.assertIn("is not empty", self.ok(
                self.ctl(cluster, "snapshot", "restore", str(file), "--data-dir", str(first.data)), ERROR))
            first.start()
            wait_for("the first node to lead", first.is_leader)
            # Nobody is logged in, and who was can log in again; a moment ago it could not vouch for anybody.
            wait_for("sessions to have ended", lambda: first.ask("GET", "/api/v1/auth/me").status == 401)
            login = first.post("/api/v1/auth/login", {"email": ADMIN, "password": PASSWORD})
            self.assert_status(login, 200)
            for node in cluster.nodes:
                node.token = login.json()["access_token"]
            self.assertNotEqual(first.status()["cluster_id"], old_id)
            for node in others:
                node.start()
            wait_for("three voters", lambda: [one["standing"] for one in first.status()["nodes"]] == ["voter"] * 3)
            cluster.wait_ready()
            cluster.wait_caught_up()
            for node in cluster.nodes:
                check_stored(node, writes)
                check_bulk(node, written)
                self.assertEqual(node.get("bulk", "k00900").status, 404)
            # Scenario 54: what was done once in the lost cluster is not done again in this one.
            again = others[1].put("keyed", "once", b"value", key)
            self.assertEqual((again.status, again.body), (once.status, once.body))
            written |= fill(others[0], 30, 3)
            first.kill()
            wait_for("another node to lead", lambda: any(node.is_leader() for node in others))
            check_bulk(others[1], written)
            first.start()
            cluster.wait_ready()
            self.saw(f"{saved['keys']} keys in {saved['bytes']} bytes, as of revision {saved['revision']}")

    def test_snapshots_are_kept_checked_and_bounded(self) -> None:
        with Cluster().start() as cluster:
            node = cluster.followers()[0]
            ids = []
            for number in range(6):
                node.put("some", f"key{number}", b"value")
                made = node.post("/api/v1/snapshots")
                self.assert_status(made, 201)
                ids.append(made.json()["id"])
                # All that was acknowledged is in it.
                self.assertGreaterEqual(made.json()["revision"], node.get("some", f"key{number}", meta=1).json()["mod_revision"])
            listed = node.ask("GET", "/api/v1/snapshots").json()["items"]
            self.assertEqual([one["id"] for one in listed], ids[:1:-1])
            part = node.ask("GET", f"/api/v1/snapshots/{ids[-1]}")
            self.assertEqual(int(part.headers["x-patronus-snapshot-bytes"]), len(part.body))
            file = self.home / "part"
            file.write_bytes(part.body)
            self.assertIn("keys", self.ok(self.ctl(cluster, "snapshot", "status", str(file))))
            for place in (9, len(part.body) // 2, len(part.body) - 3):
                damaged = bytearray(part.body)
                damaged[place] ^= 1
                file.write_bytes(damaged)
                said = self.ok(self.ctl(cluster, "snapshot", "status", str(file)), ERROR)
                self.assertIn("is no sound snapshot", said)
                target = self.home / f"data{place}"
                self.ok(self.ctl(cluster, "snapshot", "restore", str(file), "--data-dir", str(target)), ERROR)
                self.assertFalse(target.exists(), "nothing is made of a damaged snapshot")
            for path, status in ((f"/api/v1/snapshots/{ids[0]}", 404), ("/api/v1/snapshots/..%2F..%2Fimage.mdb", 404),
                                 (f"/api/v1/snapshots/{ids[-1]}?offset=999999999", 404),
                                 (f"/api/v1/snapshots/{ids[-1]}?offset=x", 400)):
                self.assert_problem(node.ask("GET", path), status)
            self.saw(f"{len(listed)} of {len(ids)} kept; {said.strip()}")


if __name__ == "__main__":
    main()
