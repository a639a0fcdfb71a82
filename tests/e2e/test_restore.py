#!/usr/bin/env python3
"""A snapshot restored into a cluster that runs: one step for everybody, under load, whoever dies on the way."""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Optional

from case import Case, main
from certificates import patronusctl
from client import Answer, Unreachable, value_of
from cluster import Cluster, Node, clean_environment
from load import BULK, NAMESPACE, Writers, fill
from waiting import wait_for

OK, ERROR, USAGE, CONFLICT = 0, 1, 2, 6
PART = 1 << 20
PASSWORD = "another correct horse"


class Readers:
    """Threads that read some keys through all nodes and see to it that no key's revision ever goes back."""

    def __init__(self, cluster: Cluster, keys: list[tuple[str, str]]) -> None:
        self._stopping = threading.Event()
        self.faults: list[str] = []
        self.reads = 0
        self._threads = [threading.Thread(target=self._run, args=(node, keys), daemon=True) for node in cluster.nodes]

    def __enter__(self) -> Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(30)

    def _run(self, node: Node, keys: list[tuple[str, str]]) -> None:
        seen: dict[tuple[str, str], int] = {}
        while not self._stopping.is_set():
            for name in keys:
                try:
                    answer = node.get(*name, meta=1)
                except Unreachable:
                    time.sleep(0.1)
                    continue
                if answer.status == 200:
                    revision = answer.json()["mod_revision"]
                    if revision < seen.get(name, 0):
                        self.faults.append(f"{name} went from {seen[name]} back to {revision} on {node}")
                    seen[name] = revision
                    self.reads += 1
                elif answer.status not in (404, 503):
                    self.faults.append(f"{name} on {node}: {answer}")


def everything(node: Node) -> dict[str, dict[str, tuple[bytes, str]]]:
    return {ns: {key: (value_of(item), item["content_type"]) for key, item in node.list_all(ns).items()}
            for ns in (BULK, "small", "other")}


class Restore(Case):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory(prefix="patronus-e2e-")
        self.addCleanup(holder.cleanup)
        self.home = Path(holder.name)

    def ctl(self, nodes: list[Node], *arguments: str, code: int = OK) -> subprocess.CompletedProcess[str]:
        flags = [flag for node in nodes for flag in ("--endpoint", f"http://{node.address}")]
        settings = {"HOME": str(self.home), "PATRONUS_TOKEN": str(nodes[0].token)}
        done = subprocess.run([str(patronusctl()), *arguments, *flags], env=clean_environment(settings),
                              capture_output=True, text=True, timeout=90, check=False, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, code, f"{done.args[1:]}: {done.stdout}{done.stderr}")
        return done

    def post(self, node: Node, snapshot: str, **more: Any) -> Answer:
        return node.post("/api/v1/snapshots/restore", {"id": snapshot, **more})

    def look(self, node: Node) -> dict[str, Any]:
        answer = node.ask("GET", "/api/v1/snapshots/restore")
        self.assert_status(answer, 200)
        found: dict[str, Any] = answer.json()
        return found

    def bring(self, node: Node, snapshot: str, content: bytes, offset: int = 0) -> Answer:
        return node.ask("PUT", f"/api/v1/snapshots/{snapshot}?offset={offset}", content[offset:offset + PART])

    def bring_all(self, node: Node, snapshot: str, content: bytes) -> None:
        offset = 0
        while True:
            answer = self.bring(node, snapshot, content, offset)
            if answer.status == 201:
                return
            self.assert_status(answer, 202)
            offset = answer.json()["offset"]

    def user(self, node: Node, email: str, role: str = "operator") -> dict[str, Any]:
        made = node.post("/api/v1/users", {"email": email, "name": "N", "role": role, "password": PASSWORD})
        self.assert_status(made, 201)
        found: dict[str, Any] = made.json()
        return found

    def token_of(self, node: Node, email: str) -> str:
        answer = node.ask("POST", "/api/v1/auth/login", json.dumps({"email": email, "password": PASSWORD}).encode(),
                          {"Content-Type": "application/json", "Authorization": ""})
        self.assert_status(answer, 200)
        return str(answer.json()["access_token"])

    def me(self, node: Node, token: str) -> int:
        return node.ask("GET", "/api/v1/auth/me", None, {"Authorization": f"Bearer {token}"}).status

    def change_much(self, node: Node) -> None:
        """So that the snapshot lacks some, has some more, and some differ."""
        fill(node, 500, 3)
        for number in range(0, 20, 2):
            node.delete("small", f"k{number}")
        for number in range(1, 20, 2):
            node.put("small", f"k{number}", b"changed", {"Content-Type": "text/plain"})
        node.put("other", "late", b"late")

    def test_it_is_one_step_for_everybody_under_load(self) -> None:
        file = self.home / "state.snapshot"
        with Cluster().start() as cluster:
            leader = cluster.leader()
            follower, third = cluster.others(leader)
            fill(leader, 0, 60)
            for number in range(40):
                leader.put("small", f"k{number}", f"value {number}".encode(), {"Content-Type": "text/plain"})
            before = {ns: leader.list_all(ns) for ns in (BULK, "small")}
            wanted = everything(leader)
            leaves = self.user(leader, "leaves@example.org")
            old_session = self.token_of(leader, "leaves@example.org")
            self.ctl([leader], "snapshot", "save", str(file))
            self.change_much(leader)
            # Since the snapshot: somebody is new, somebody is shut out.
            self.user(leader, "new@example.org")
            new_session = self.token_of(follower, "new@example.org")
            path = f"/api/v1/users/{leaves['id']}"
            off = leader.ask("PUT", path, json.dumps({"disabled": True}).encode(), {"Content-Type": "application/json"})
            self.assert_status(off, 200)
            said = self.ctl([follower], "snapshot", "restore", str(file), "--into-cluster", "--dry-run").stdout
            self.assertIn(f"the {len(wanted[BULK]) + 40} of revision", said)
            self.assertIn("--yes", self.ctl([follower], "snapshot", "restore", str(file), "--into-cluster", code=USAGE).stderr)
            self.assertNotEqual(everything(third), wanted)
            watched = [("small", f"k{number}") for number in range(6)]
            with Writers(cluster) as writers, Readers(cluster, watched) as readers:
                writers.wait_for_more(100)
                done = self.ctl([follower], "snapshot", "restore", str(file), "--into-cluster", "--yes", "-o", "json")
                result = json.loads(done.stdout.splitlines()[-1])
                writers.wait_for_more(100)
                writes = writers.finish()
            self.assertEqual(readers.faults, [])
            self.assertEqual(result["state"], "done")
            cluster.wait_caught_up()
            revision = result["revision"]
            later = {one.key: one.value for one in writes if one.mod_revision > revision}
            self.assertGreater(len(later), 50)
            self.assertLess(len(later), len(writes))
            for node in cluster.nodes:
                self.assertEqual(everything(node), wanted)
                self.assertEqual({key: value_of(item) for key, item in node.list_all(NAMESPACE).items()}, later)
                now = {ns: node.list_all(ns) for ns in (BULK, "small")}
                for ns, items in before.items():
                    for key, item in items.items():
                        changed = ns == "small" and int(key[1:]) < 20
                        self.assertEqual(now[ns][key]["mod_revision"], revision if changed else item["mod_revision"], key)
                # Whoever was logged in is not, but whoever restored; users are as they were just now.
                self.assertEqual(self.me(node, new_session), 401)
                self.assertEqual(self.me(node, old_session), 401)
                self.assertEqual(self.me(node, str(node.token)), 200)
                self.assertEqual(self.look(node)["revision"], revision)
                self.assertTrue(any("were restored from the snapshot" in line for line in node.log_lines()), str(node))
            self.assertEqual(self.me(third, self.token_of(third, "new@example.org")), 200)
            refused = leader.post("/api/v1/auth/login", {"email": "leaves@example.org", "password": PASSWORD})
            self.assertEqual(refused.status, 401, "who was shut out since the snapshot stays so")
            # Once more, and nobody is logged out.
            kept = self.token_of(third, "new@example.org")
            again = self.ctl([third], "snapshot", "restore", str(file), "--into-cluster", "--yes", "--keep-sessions")
            self.assertIn("0 sessions ended", again.stdout)
            self.assertIn("after: leader", again.stdout)
            self.assertEqual(self.me(third, kept), 200)
            self.assertEqual(third.list_all(NAMESPACE), {})
            leader.kill()
            leader.start()
            cluster.wait_ready()
            cluster.wait_caught_up()
            self.assertEqual(everything(leader), wanted)
            self.saw(f"{result['rows_total']} keys: {result['keys_put']} put, {result['keys_deleted']} deleted, "
                     f"{result['keys_unchanged']} as they were; {len(later)} of {len(writes)} writes came after; {readers.reads} reads")

    def test_sites_and_policies_come_back(self) -> None:
        """What the dashboard shows is as it was; who did what since, and probe keys replaced since, are not undone."""
        file = self.home / "state.snapshot"

        def tables(node: Node) -> dict[str, list[tuple[Any, ...]]]:
            sites = self.assert_status(node.ask("GET", "/api/v1/sites?limit=100"), 200).json()["items"]
            policies = self.assert_status(node.ask("GET", "/api/v1/policies?limit=100"), 200).json()["items"]
            paths = self.assert_status(node.ask("GET", "/api/v1/paths?limit=100"), 200).json()["items"]
            return {"sites": [(one["id"], one["name"], [end["address"] for end in one["endpoints"]]) for one in sites],
                    "policies": [(one["id"], one["name"], one["source_site"], one["destination_site"]) for one in policies],
                    "paths": sorted((one["source_endpoint"], one["destination_endpoint"]) for one in paths)}

        def put(path: str, body: dict[str, Any]) -> None:
            answer = leader.ask("PUT", path, json.dumps(body).encode(), {"Content-Type": "application/json"})
            self.assert_status(answer, 200)

        with Cluster().start() as cluster:
            leader = cluster.leader()
            made = [leader.post("/api/v1/sites", {"name": name, "endpoints": [
                {"address": f"192.0.2.{at}:7000", "interface_type": "fiber"}]}) for at, name in enumerate(("north", "south", "gone"))]
            north, south, gone = (self.assert_status(one, 201).json()["id"] for one in made)
            policy = {"name": "voice", "source_site": north, "destination_site": south}
            self.assert_status(leader.post("/api/v1/policies", policy), 201)
            wanted = tables(leader)
            self.ctl([leader], "snapshot", "save", str(file))
            # Names are swapped, a site goes and another comes, a policy leads elsewhere.
            put(f"/api/v1/sites/{north}", {"name": "between", "endpoints": []})
            put(f"/api/v1/sites/{south}", {"name": "north", "endpoints": []})
            put(f"/api/v1/sites/{north}", {"name": "south", "endpoints": []})
            self.assert_status(leader.ask("DELETE", f"/api/v1/sites/{gone}"), 204)
            late = self.assert_status(leader.post("/api/v1/sites", {"name": "late", "endpoints": []}), 201).json()["id"]
            self.assert_status(leader.post("/api/v1/policies", {"name": "data", "source_site": late, "destination_site": north}), 201)
            audited = [one["action"] for one in leader.ask("GET", "/api/v1/audit?limit=100").json()["items"]]
            said = self.ctl([leader], "snapshot", "restore", str(file), "--into-cluster", "--dry-run").stdout
            self.assertIn("3 sites and 1 policies take the place of 3 and 2", said)
            elsewhere = self.ctl(cluster.followers(), "snapshot", "restore", str(file), "--into-cluster", "--dry-run").stdout
            self.assertIn("its sites and policies the 3 and 1 of then", elsewhere)
            self.ctl(cluster.followers(), "snapshot", "restore", str(file), "--into-cluster", "--yes")
            cluster.wait_caught_up()
            for node in cluster.nodes:
                self.assertEqual(tables(node), wanted, str(node))
                audit = [one["action"] for one in node.ask("GET", "/api/v1/audit?limit=100").json()["items"]]
                self.assertLess(set(audited), set(audit))
                self.assertIn("state.restore", audit)
            # The cluster goes on with them.
            self.assert_problem(leader.post("/api/v1/sites", {"name": "north", "endpoints": []}), 409)
            self.assert_problem(leader.ask("DELETE", f"/api/v1/sites/{south}"), 409)
            self.assert_status(leader.post("/api/v1/sites", {"name": "late", "endpoints": []}), 201)
            self.saw(f"{len(wanted['sites'])} sites, {len(wanted['policies'])} policy, {len(wanted['paths'])} path as they were")

    def test_nodes_that_die_on_the_way(self) -> None:
        with Cluster().start() as cluster:
            leader = cluster.leader()
            first, second = cluster.others(leader)
            fill(leader, 0, 250)
            for number in range(40):
                leader.put("small", f"k{number}", b"value", {"Content-Type": "text/plain"})
            wanted = everything(leader)
            made = first.post("/api/v1/snapshots")
            self.assert_status(made, 201)
            snapshot, size = made.json()["id"], made.json()["bytes"]
            content = b""
            while len(content) < size:
                content += first.ask("GET", f"/api/v1/snapshots/{snapshot}?offset={len(content)}").body
            self.change_much(leader)
            changed = everything(leader)

            # The node that restores dies while it stages: nothing has changed.
            self.assert_status(self.post(first, snapshot), 202)
            self.assert_problem(self.post(first, snapshot), 409)
            wait_for("a part to be staged", lambda: 0 < self.look(first)["rows_done"] < self.look(first)["rows_total"])
            first.kill()
            self.assertEqual(self.look(second)["state"], "staging")
            self.assertEqual(everything(second), changed)
            first.start()

            # Brought to another node, broken off in the middle and gone on with; restored once the first is given up.
            self.assert_status(self.bring(second, snapshot, content), 202)
            self.assert_status(self.bring(second, snapshot, content, PART), 202)
            wrong = self.bring(second, snapshot, content, 0)
            self.assert_problem(wrong, 409)
            self.assertEqual(int(wrong.headers["x-patronus-snapshot-offset"]), 2 * PART)
            second.kill()
            second.start()
            cluster.wait_ready()
            wrong = self.bring(second, snapshot, content, 0)
            self.assert_problem(wrong, 409)
            offset = int(wrong.headers["x-patronus-snapshot-offset"])
            self.assertEqual(offset, 2 * PART)
            answer = wrong
            while offset < len(content):
                answer = self.bring(second, snapshot, content, offset)
                offset += PART
            self.assert_status(answer, 201)
            self.assertEqual([one["id"] for one in second.ask("GET", "/api/v1/snapshots").json()["items"]], [snapshot])

            # Who restores shall not lead: the leader is to die on the way.
            if cluster.leader() is second:
                second.post("/api/v1/admin/force-election")
            wait_for("another node to lead", lambda: cluster.leader() is not second)
            began = time.monotonic()
            refusals: list[str] = []

            def begun() -> Optional[Answer]:
                answer = self.post(second, snapshot)
                if answer.status == 409:
                    refusals.append(answer.problem()["detail"])
                    time.sleep(0.3)
                return answer if answer.status == 202 else None

            wait_for("the first restore to be given up", begun)
            waited = time.monotonic() - began
            self.assertTrue(any("is under way since" in refusal for refusal in refusals), str(refusals[:2]))
            leader = cluster.leader()
            wait_for("a part to be staged", lambda: 0 < self.look(second)["rows_done"] < self.look(second)["rows_total"])
            leader.kill()
            done = wait_for("the restore to be done", lambda: self.look(second) if self.look(second)["state"] in ("done", "failed") else None)
            self.assertEqual(done["state"], "done", str(done))
            leader.start()
            cluster.wait_ready()
            cluster.wait_caught_up()
            for node in cluster.nodes:
                self.assertEqual(everything(node), wanted)
                self.assertEqual(self.look(node)["revision"], done["revision"])
            self.saw(f"{len(content)} bytes; another restore could begin {waited:.1f} s after the first one's node had died; "
                     f"{done['rows_total']} keys restored across a leader's death")

    def test_what_is_not_sound_or_not_meant_is_refused(self) -> None:
        with Cluster(size=1).start() as cluster:
            node = cluster.nodes[0]
            for number in range(100):
                node.put("small", f"k{number}", b"value" * 40)
            made = node.post("/api/v1/snapshots")
            snapshot = made.json()["id"]
            content = node.ask("GET", f"/api/v1/snapshots/{snapshot}").body
            kept = node.data / "snapshots" / f"{snapshot}.snapshot"
            node.put("small", "late", b"late")
            for body, status in (({"id": "../../x"}, 422), ({"id": "7-0123456789abcdef"}, 404), ({}, 400),
                                 ({"id": snapshot, "dryrun": True}, 400)):
                self.assert_problem(node.post("/api/v1/snapshots/restore", body), status)
            dry = self.post(node, snapshot, dry_run=True)
            self.assert_status(dry, 200)
            told = dry.json()
            self.assertEqual((told["keys"], told["keys_now"], told["same_cluster"]), (100, 101, True))
            self.assertEqual(self.look(node)["state"], "none")
            # Damage is found before anything is replaced, wherever it is.
            for place in (9, len(content) // 2, len(content) - 3):
                damaged = bytearray(content)
                damaged[place] ^= 1
                kept.write_bytes(damaged)
                self.assertIn("is not sound", self.assert_problem(self.post(node, snapshot), 422)["detail"])
                kept.unlink()
                self.assertEqual(self.bring(node, snapshot, bytes(damaged)).status, 422)
                self.assertEqual(list(kept.parent.iterdir()), [], "what is damaged is thrown away")
            name = snapshot[:-1] + ("0" if snapshot[-1] != "0" else "1")
            self.assertIn("does not fit its name", self.assert_problem(self.bring(node, name, content), 422)["detail"])
            self.assert_problem(self.bring(node, "nonsense", content), 422)
            self.assert_problem(node.ask("PUT", f"/api/v1/snapshots/{snapshot}", b""), 422)
            self.assert_problem(node.ask("PUT", f"/api/v1/snapshots/{snapshot}", b"x" * (PART + 1)), 413)
            self.assert_problem(self.bring(node, snapshot, content, 10), 409)
            self.assertEqual(node.get("small", "late").status, 200)

            # Another cluster's is an easy file to mistake.
            with Cluster(size=1, prefix="other").start() as others:
                other = others.nodes[0]
                self.bring_all(other, snapshot, content)
                other.put("small", "own", b"own")
                self.assertIn("is of cluster", self.assert_problem(self.post(other, snapshot), 409)["detail"])
                self.assertEqual(other.get("small", "own").status, 200)
                self.assert_status(self.post(other, snapshot, other_cluster=True), 202)
                wait_for("the restore", lambda: self.look(other)["state"] == "done")
                self.assertEqual(len(other.list_all("small")), 100)
            self.saw(f"{len(content)} bytes, damaged in three places, each found; {told['age_ms']} ms old")


if __name__ == "__main__":
    main()
