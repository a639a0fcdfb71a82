"""A cluster that loses every disk, and is brought back from its copies off site: what tests of that have in common."""

from __future__ import annotations

import datetime
import json
import shutil
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Mapping, Optional

from case import Case
from cluster import ADMIN, PASSWORD, Cluster, Node
from offsite import Beside, cluster_id, litestream, restore
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


class LostCluster(Case):
    """What tests of copies off site have in common."""

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

    def wait_shipped(self, revision: int = 1) -> None:
        """With a state artefact as of this revision or later at each target."""
        for one in self.beside:
            wait_for(f"the copies of {one.node} to be whole: {one.tail()}", lambda: self.is_well(one, revision))

    @staticmethod
    def is_well(one: Beside, revision: int) -> bool:
        status = one.status()
        return status["problem"] is None and bool(status["targets"]) and all(
            target["lag_ms"] is not None and target["lag_ms"] < 20_000 and (target["state_revision"] or 0) >= revision
            for target in status["targets"])

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
        # A moment ago it could not vouch for anybody.
        wait_for("sessions to have ended", lambda: first.ask("GET", "/api/v1/auth/me").status == 401)
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
            path = node.database

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
            keys = self.put_keys(cluster)
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
            self.assertEqual(set(first.list_all("demo")), keys)
            self.check_databases(cluster, sites)
            newest = max(when for name, when in rows.sites.items() if name in sites)
            again = restore(secrets, "--from", target, "--data-dir", str(first.data))
            self.assertEqual(again.returncode, 1)
            self.assertIn("in use by another process", again.stderr)

            self.lose_again(cluster, target, secrets, lost)
            first = self.restore_by_themselves(cluster, target, secrets, lost, at_text(at))
            self.assertEqual(sites_of(first), sites_then)
            self.assertEqual(users_of(first), users_then | {ADMIN})
            self.assertEqual(set(first.list_all("demo")), keys)
            self.check_databases(cluster, sites_then)
            self.assertEqual(len({node.status()["cluster_id"] for node in cluster.nodes}), 1)
            self.assertNotIn(cluster_id(cluster), (lost, report["cluster_id"]))
            self.lose_one_disk(cluster)
            self.assertEqual(sites_of(first), sites_then)
            self.saw(f"{len(rows.sites)} sites; latest lacked the last {max(0.0, max(rows.sites.values()) - newest):.2f} s; "
                     f"at a time {len(sites_then)}, exactly those of then")

    def put_keys(self, cluster: Cluster) -> set[str]:
        """Of a namespace: they are in state artefacts alone."""
        names = {f"key{number}" for number in range(20)}
        for name in names:
            self.assert_status(cluster.nodes[0].put("demo", name, b"value"), 201)
        return names

    def lose_again(self, cluster: Cluster, target: str, secrets: Mapping[str, str], lost: str) -> None:
        """The new cluster ships under its own id, and is lost too."""
        self.start_beside(cluster, target, secrets)
        self.wait_shipped()
        self.lose_everything(cluster)
        several = restore(secrets, "--from", target, "--data-dir", str(self.home / "x"))
        self.assertIn("several clusters", several.stderr)
        self.assertIn(lost, several.stderr)

    def restore_by_themselves(self, cluster: Cluster, target: str, secrets: Mapping[str, str], lost: str, what: str) -> Node:
        """Each node is told to bring back the lost cluster: as of a time, or the latest."""
        place, _, query = target.partition("?")
        source = f"{place}/{lost}" + (f"?{query}" if query else "")
        for node in cluster.nodes:
            node.environment |= {"PATRONUS_RESTORE": what, "PATRONUS_RESTORE_FROM": source,
                                 "PATRONUS_LITESTREAM": str(litestream()), **secrets}
            node.start()
        return self.lead_from(cluster)

    def lose_one_disk(self, cluster: Cluster) -> None:
        """It is filled by the others, although the node is still told to restore."""
        first, *others = cluster.nodes
        first.kill()
        shutil.rmtree(first.data)
        first.database.unlink()
        wait_for("another leader", lambda: any(node.is_leader() for node in others))
        now = others[0].status()["cluster_id"]
        first.start()
        wait_for("the first node to be filled", lambda: first.is_ready() and first.status()["cluster_id"] == now)
