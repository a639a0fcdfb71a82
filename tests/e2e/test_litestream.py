#!/usr/bin/env python3
"""Copies off site by the real Litestream, and a cluster that is brought back from them when every disk is lost."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Mapping, Optional

from case import Case, main
from certificates import patronusctl
from cluster import ADMIN, PASSWORD, ROOT, Cluster, Node, clean_environment
from offsite import S3, S3_SECRETS, Beside, cluster_id, database_of, litestream, restore
from ports import Ports
from waiting import wait_for

WRITING_SECONDS = 30.0
QUIET_SECONDS = 4.0  # around the point in time, so that what was there then is known for sure
LOST_SECONDS = 2.0   # what was acknowledged earlier than this before the end must be there


class Rows:
    """Sites and users that are made one after the other, each with the time of its acknowledgement."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.sites: dict[str, float] = {}
        self.users: dict[str, float] = {}

    def write_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            number = len(self.sites)
            name = f"site {number}"
            made = self.node.post("/api/v1/sites", {"name": name, "endpoints": [
                {"address": f"10.0.{number // 250}.{number % 250}:7000", "interface_type": "fiber", "cost_per_gb": 0.5}]})
            assert made.status == 201, str(made)
            self.sites[name] = time.time()
            if number % 25 == 0:
                email = f"user{number}@example.org"
                made = self.node.post("/api/v1/users", {"email": email, "name": "N", "role": "viewer", "password": PASSWORD})
                assert made.status == 201, str(made)
                self.users[email] = time.time()
            time.sleep(0.05)


def sites_of(node: Node) -> set[str]:
    names: set[str] = set()
    cursor = ""
    while True:
        answer = node.ask("GET", f"/api/v1/sites?limit=500&consistency=linearizable{cursor}")
        assert answer.status == 200, str(answer)
        page = answer.json()
        names |= {site["name"] for site in page["items"]}
        if not page["cursor"]:
            return names
        cursor = f"&cursor={page['cursor']}"


def users_of(node: Node) -> set[str]:
    answer = node.ask("GET", "/api/v1/users")
    assert answer.status == 200, str(answer)
    return {user["email"] for user in answer.json()["items"]}


def at_text(unix: float) -> str:
    return datetime.datetime.fromtimestamp(unix, datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Litestream(Case):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory(prefix="patronus-e2e-")
        self.addCleanup(holder.cleanup)
        self.home = Path(holder.name)
        self.ports = Ports()
        self.addCleanup(self.ports.release)
        self.beside: list[Beside] = []
        self.addCleanup(lambda: [one.kill_all() for one in self.beside])
        litestream()

    def start_beside(self, cluster: Cluster, targets: str, settings: Optional[Mapping[str, str]] = None) -> None:
        self.beside = [Beside(node, targets, self.ports.take(), settings) for node in cluster.nodes]

    def wait_shipped(self) -> None:
        for one in self.beside:
            wait_for(f"the copies of {one.node} to be whole: {one.tail()}", lambda: self.is_well(one))

    @staticmethod
    def is_well(one: Beside) -> bool:
        status = one.status()
        return status["problem"] is None and bool(status["targets"]) and all(
            target["lag_ms"] is not None and target["lag_ms"] < 20_000 and target["state_revision"] for target in status["targets"])

    def lose_everything(self, cluster: Cluster) -> None:
        for one in self.beside:
            one.kill_all()
        self.beside = []
        for node in cluster.nodes:
            if node.alive():
                node.kill()
            for path in node.data.parent.iterdir():
                if path != node.log:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()

    def lead_from(self, cluster: Cluster) -> Node:
        """The others join the first node, which has been restored, and who could log in can."""
        first, *others = cluster.nodes
        if not first.alive():
            first.start()
        wait_for("the first node to lead", first.is_leader)
        self.assertEqual(first.ask("GET", "/api/v1/auth/me").status, 401, "sessions end")
        login = first.post("/api/v1/auth/login", {"email": ADMIN, "password": PASSWORD})
        self.assert_status(login, 200)
        for node in cluster.nodes:
            node.token = login.json()["access_token"]
        for node in others:
            if not node.alive():
                node.start()
        wait_for("three voters", lambda: [one["standing"] for one in first.status()["nodes"]] == ["voter"] * 3)
        cluster.wait_ready()
        cluster.wait_caught_up()
        return first

    def check_databases(self, cluster: Cluster, sites: set[str]) -> None:
        """What each node has projected: sound, and the same."""
        for node in cluster.nodes:
            path = database_of(node)

            def names() -> set[str]:
                if not path.exists():
                    return set()
                database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
                try:
                    return {row[0] for row in database.execute("SELECT name FROM sites")}
                except sqlite3.OperationalError:
                    return set()
                finally:
                    database.close()

            wait_for(f"the database of {node} to have the sites", lambda: names() == sites)
            database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
            self.assertEqual(database.execute("PRAGMA integrity_check").fetchone()[0], "ok")
            database.close()

    def lose_and_restore(self, target: str, secrets: Mapping[str, str]) -> None:
        with Cluster(settings={"PATRONUS_CHECKPOINT_INTERVAL": "1"}).start() as cluster:
            lost = cluster_id(cluster)
            self.start_beside(cluster, target, secrets)
            for number in range(20):
                self.assert_status(cluster.nodes[0].put("demo", f"key{number}", b"value"), 201)
            self.wait_shipped()
            rows = Rows(cluster.nodes[1])
            rows.write_for(WRITING_SECONDS / 2)
            time.sleep(QUIET_SECONDS / 2)
            at = time.time()
            sites_then, users_then = set(rows.sites), set(rows.users)
            time.sleep(QUIET_SECONDS / 2)
            rows.write_for(WRITING_SECONDS / 2)
            end = time.time()
            self.lose_everything(cluster)

            # Latest, by hand, as README says.
            source = target.split("?")
            found = restore(secrets, "--from", target, "--data-dir", str(cluster.nodes[0].data), "--node-id", "n1", "-o", "json")
            self.assertEqual(found.returncode, 0, found.stdout + found.stderr)
            report = json.loads(found.stdout)
            self.assertEqual(report["lost_cluster_id"], lost)
            first = self.lead_from(cluster)
            self.assertEqual(cluster_id(cluster), report["cluster_id"])
            sites, users = sites_of(first), users_of(first)
            must = {name for name, when in rows.sites.items() if when < end - LOST_SECONDS}
            self.assertEqual(must - sites, set(), "sites that were acknowledged in time are lost")
            self.assertLessEqual(sites, set(rows.sites))
            self.assertLessEqual({name for name, when in rows.users.items() if when < end - LOST_SECONDS}, users)
            user = first.post("/api/v1/auth/login", {"email": min(rows.users), "password": PASSWORD})
            self.assert_status(user, 200)
            self.assertEqual(set(first.list_all("demo")), {f"key{number}" for number in range(20)})
            self.check_databases(cluster, sites)
            newest = max(when for name, when in rows.sites.items() if name in sites)
            again = restore(secrets, "--from", target, "--data-dir", str(first.data))
            self.assertEqual(again.returncode, 1)
            self.assertIn("is not empty", again.stderr)

            # Then the new cluster ships under its own id, and is lost too; now each node is told to bring back the old one.
            self.start_beside(cluster, target, secrets)
            self.wait_shipped()
            self.lose_everything(cluster)
            several = restore(secrets, "--from", target, "--data-dir", str(self.home / "x"))
            self.assertIn("several clusters", several.stderr)
            settings = {"PATRONUS_RESTORE": at_text(at), "PATRONUS_RESTORE_FROM": "?".join([f"{source[0]}/{lost}", *source[1:]]),
                        "PATRONUS_LITESTREAM": str(litestream()), **secrets}
            for node in cluster.nodes:
                node.environment |= settings
                node.start()
            first = self.lead_from(cluster)
            self.assertEqual(sites_of(first), sites_then)
            self.assertEqual(users_of(first), users_then | {ADMIN})
            self.check_databases(cluster, sites_then)
            self.assertEqual(len({node.status()["cluster_id"] for node in cluster.nodes}), 1)
            self.assertNotIn(cluster_id(cluster), (lost, report["cluster_id"]))
            # A disk that is lost later is filled by the others, although the setting is still there.
            first.kill()
            shutil.rmtree(first.data)
            database_of(first).unlink()
            wait_for("another leader", lambda: any(node.is_leader() for node in cluster.nodes[1:]))
            now = cluster.nodes[1].status()["cluster_id"]
            first.start()
            wait_for("the first node to be filled", lambda: first.is_ready() and first.status()["cluster_id"] == now)
            self.assertEqual(sites_of(first), sites_then)
            self.saw(f"{len(rows.sites)} sites; latest lacked the last {max(0.0, max(rows.sites.values()) - newest):.2f} s; "
                     f"at a time {len(sites_then)}, exactly those of then")

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
        rendered = subprocess.run([str(patronusctl()), *command.split()[2:]], capture_output=True, text=True, check=True,
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

    def test_how_copies_stand_is_told(self) -> None:
        with Cluster(size=1).start() as cluster:
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
            shutil.rmtree(away)
            away.write_text("no directory")
            node.post("/api/v1/sites", {"name": "after", "endpoints": []})
            wait_for("the lag to grow", lambda: self.lag_of(self.beside[0], "far") > 14_000, 60)
            self.assertLess(self.lag_of(self.beside[0], "file"), 14_000)
            away.unlink()
            wait_for("the copy to catch up", lambda: self.lag_of(self.beside[0], "far") < 12_000, 90)

            # A copy that is not what the node has is found out.
            beside = self.beside[0]
            path = database_of(node)
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
