#!/usr/bin/env python3
"""patronusctl against a cluster: who operates it, what is shown, what is moved, and the exit codes that scripts see."""

from __future__ import annotations

import json
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Optional

from case import Case, main
from certificates import patronusctl
from cluster import ADMIN, PASSWORD, Cluster, Node, clean_environment
from waiting import wait_for

OK, ERROR, USAGE, DEGRADED, NO_QUORUM, NOT_ALLOWED, CONFLICT = range(7)


class Operator:
    """Somebody with a home directory and a shell."""

    def __init__(self, cluster: Cluster, home: Path) -> None:
        self.home = home
        self.cluster = cluster

    @property
    def session(self) -> Path:
        return self.home / "state" / "patronusctl" / "session.json"

    def run(self, *arguments: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[str]:
        settings = {"HOME": str(self.home), "XDG_STATE_HOME": str(self.home / "state"), **environment}
        done = subprocess.run([str(patronusctl()), *arguments], env=clean_environment(settings), input=stdin,
                              capture_output=True, timeout=60, check=False, start_new_session=True)
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    def flags(self, nodes: Optional[list[Node]] = None) -> list[str]:
        """Where the cluster, or just these nodes of it, is reached."""
        scheme = "https" if self.cluster.authority else "http"
        flags = [flag for node in nodes or self.cluster.nodes for flag in ("--endpoint", f"{scheme}://{node.address}")]
        if self.cluster.authority is not None:
            flags += ["--ca", str(self.cluster.authority.certificate)]
        return flags


class Ctl(Case):
    def operator(self, cluster: Cluster) -> Operator:
        holder = tempfile.TemporaryDirectory(prefix="patronus-e2e-")
        self.addCleanup(holder.cleanup)
        return Operator(cluster, Path(holder.name))

    def ok(self, done: subprocess.CompletedProcess[str], code: int = OK) -> str:
        self.assertEqual(done.returncode, code, f"{done.args[1:]}: {done.stdout}{done.stderr}")
        if code not in (OK, DEGRADED):
            self.assertRegex(done.stderr, r"\Apatronusctl: .+\n\Z", "one line that says why")
        return done.stdout

    def shown(self, done: subprocess.CompletedProcess[str], code: int = OK) -> Any:
        return json.loads(self.ok(done, code))

    def test_an_operators_day(self) -> None:
        with Cluster(tls=True).start() as cluster:
            me = self.operator(cluster)
            self.assertIn("login", me.run("state", "get", "ops", "k", *me.flags()).stderr)
            self.ok(me.run("login", "--email", ADMIN, *me.flags(), PATRONUS_PASSWORD="not the password"), NOT_ALLOWED)
            self.ok(me.run("login", "--email", ADMIN, *me.flags()), USAGE)  # No terminal to type at.
            self.ok(me.run("login", "--email", ADMIN, *me.flags(), PATRONUS_PASSWORD=PASSWORD))
            self.assertEqual(stat.S_IMODE(me.session.stat().st_mode), 0o600)

            self.state(me)
            self.looks(me, cluster)
            self.moves(me, cluster)
            self.accounts(me)
            self.refreshes(me)

            self.ok(me.run("logout"))
            self.assertFalse(me.session.exists())
            self.ok(me.run("node", "list", *me.flags()), NOT_ALLOWED)
            self.saw("logged in, wrote, moved leadership, drained, made a user, refreshed, logged out")

    def state(self, me: Operator) -> None:
        self.assertIn("made at revision", self.ok(me.run("state", "put", "ops", "k", "one")))
        self.assertEqual(self.ok(me.run("state", "get", "ops", "k")), "one")
        put = self.shown(me.run("state", "put", "ops", "k", "--file", "-", "-o", "json", stdin=b"two\0\xff"))
        self.assertEqual(put["version"], 2)
        self.assertEqual(self.shown(me.run("state", "get", "ops", "k", "-o", "json"))["value_base64"], "dHdvAP8=")
        self.ok(me.run("state", "put", "ops", "k"), USAGE)
        self.ok(me.run("state", "put", "ops", "k", "three", "--if-match", "1"), CONFLICT)
        self.ok(me.run("state", "put", "ops", "k", "three", "--new"), CONFLICT)
        self.ok(me.run("state", "put", "ops", "a/b c", "odd"))
        listed = self.shown(me.run("state", "list", "ops", "-o", "json"))["items"]
        self.assertEqual([item["key"] for item in listed], ["a/b c", "k"])
        self.assertIn("would delete", self.ok(me.run("state", "delete", "ops", "k", "--dry-run")))
        self.ok(me.run("state", "delete", "ops", "k"))
        self.assertIn("no key", me.run("state", "get", "ops", "k").stderr)

    def looks(self, me: Operator, cluster: Cluster) -> None:
        status = self.shown(me.run("status", "-o", "json"))
        self.assertEqual((status["leader"], len(status["nodes"])), (cluster.leader().name, 3))
        self.assertIn("all nodes are well; 1 may fail", self.ok(me.run("status")))
        self.assertIn("CAUSE", self.ok(me.run("history")))
        self.assertEqual(self.shown(me.run("leader", "show", "-o", "json"))["leader"], cluster.leader().name)
        self.assertEqual(len(self.ok(me.run("node", "list")).splitlines()), 4)

    def moves(self, me: Operator, cluster: Cluster) -> None:
        old = cluster.leader()
        target = cluster.others(old)[1]
        self.assertIn("would have", self.ok(me.run("leader", "transfer", "--to", target.name, "--dry-run")))
        self.assertEqual(cluster.leader(), old)
        told = self.ok(me.run("leader", "transfer", "--to", target.name))
        self.assertIn(f"node {target.name} leads term", told)
        self.assertIn("before: leader " + old.name, told)
        self.assertIn("after: leader " + target.name, told)
        self.ok(me.run("leader", "transfer", "--to", target.name), CONFLICT)
        self.ok(me.run("leader", "transfer", "--to", "n9"), ERROR)
        moved = self.shown(me.run("leader", "force-election", "-o", "json"))
        self.assertEqual(moved["old_leader"], target.name)
        self.assertIn("drains", self.ok(me.run("node", "drain", target.name)))
        self.assertEqual(target.ask("GET", "/health/ready").status, 404)
        wait_for("the leader to know", lambda: me.run("status").returncode == DEGRADED)
        self.ok(me.run("leader", "transfer", "--to", target.name), CONFLICT)
        self.ok(me.run("node", "undrain", target.name))
        cluster.wait_ready([target])
        self.ok(me.run("node", "drain", "n9"), ERROR)

    def accounts(self, me: Operator) -> None:
        made = me.run("user", "add", "eye@example.org", "--role", "viewer", "-o", "json",
                      PATRONUS_PASSWORD="a viewer's long password")
        user = self.shown(made)["id"]
        eye = Operator(me.cluster, me.home / "eye")
        eye.home.mkdir()
        self.ok(eye.run("login", "--email", "eye@example.org", *eye.flags(), PATRONUS_PASSWORD="a viewer's long password"))
        self.ok(eye.run("leader", "force-election"), NOT_ALLOWED)
        session = json.loads(eye.session.read_text())["session_id"]
        self.ok(me.run("session", "revoke", session))
        self.ok(eye.run("session", "list"), NOT_ALLOWED)
        self.assertIn("eye@example.org", self.ok(me.run("user", "list")))
        self.ok(me.run("user", "remove", user))
        self.assertIn("this one", self.ok(me.run("session", "list")))
        self.ok(me.run("session", "revoke"), USAGE)

    def refreshes(self, me: Operator) -> None:
        kept = json.loads(me.session.read_text())
        me.session.write_text(json.dumps({**kept, "expires_at": 1}))
        self.ok(me.run("node", "list"))
        renewed = json.loads(me.session.read_text())
        self.assertNotEqual(renewed["refresh_token"], kept["refresh_token"])
        self.assertGreater(renewed["expires_at"], kept["expires_at"] - 5)
        # A token of one's own needs no session.
        elsewhere = Operator(me.cluster, me.home / "elsewhere")
        self.ok(elsewhere.run("node", "list", *me.flags(), PATRONUS_TOKEN=renewed["access_token"]))

    def test_endpoints_and_failures(self) -> None:
        with Cluster().start() as cluster:
            me = self.operator(cluster)
            self.ok(me.run("login", "--email", ADMIN, *me.flags(), PATRONUS_PASSWORD=PASSWORD))
            # One node is down: the next endpoint is asked.
            down = cluster.nodes[0]
            down.kill()
            cluster.leader()
            self.ok(me.run("state", "put", "ops", "k", "through another"))
            wait_for("it to be missed", lambda: me.run("status").returncode == DEGRADED)
            # Two are down: the third says so, and scripts hear it.
            alone = cluster.others(down)[0]
            cluster.others(down, alone)[0].kill()
            wait_for("the quorum to be missed",
                     lambda: me.run("status", *me.flags([alone])).returncode == NO_QUORUM)
            self.ok(me.run("leader", "force-election", *me.flags([alone])), NO_QUORUM)
            # The session's tokens stay with the cluster that gave them.
            with Cluster(size=1, prefix="other").start() as other:
                stranger = Operator(other, me.home)
                self.ok(stranger.run("node", "list", *stranger.flags()), NOT_ALLOWED)
                self.assertIn("this needs a token", stranger.run("node", "list", *stranger.flags()).stderr)
            nobody = self.ok(me.run("status", "--endpoint", "http://127.0.0.1:1", "--timeout", "2s"), ERROR)
            self.assertEqual(nobody, "")
            for wrong in (("--endpoint", "http://example.org:80"), ("--endpoint", "ftp://a:1"), ("--timeout", "soon"),
                          ("--endpoint", "https://")):
                self.ok(me.run("status", *wrong), USAGE)
            self.ok(me.run("statsu"), USAGE)
            self.saw("the next endpoint is tried; degraded 3, no quorum 4, wrong usage 2")

    def test_the_doctor_names_what_is_wrong_and_what_mends_it(self) -> None:
        with Cluster().start() as cluster:
            me = self.operator(cluster)
            logged_in = {"PATRONUS_TOKEN": str(cluster.nodes[0].token)}
            node = cluster.followers()[0]
            self.assertIn("all is well", self.ok(me.run("doctor", *me.flags(), **logged_in)))
            self.assertIn("not logged in", self.ok(me.run("doctor", *me.flags())))
            # From one node it finds the others.
            self.ok(me.run("node", "drain", node.name, *me.flags(), **logged_in))
            told = me.run("doctor", *me.flags([cluster.leader()]), **logged_in)
            self.assertIn(f"patronusctl node undrain {node.name}", self.ok(told, DEGRADED))
            self.ok(me.run("node", "undrain", node.name, *me.flags(), **logged_in))
            wait_for("all to be well", lambda: me.run("doctor", *me.flags(), **logged_in).returncode == OK)
            node.kill()
            def missed() -> bool:
                found = json.loads(me.run("doctor", "-o", "json", *me.flags(), **logged_in).stdout)["findings"]
                return any(f"does not hear node {node.name}" in one["what"] for one in found)
            wait_for("the node to be missed", missed)
            other = next(one for one in cluster.followers() if one is not node)
            other.kill()
            wait_for("the doctor to say that nobody can write",
                     lambda: "node recover" in me.run("doctor", *me.flags(), **logged_in).stdout)
            done = me.run("doctor", *me.flags(), **logged_in)
            self.assertEqual(done.returncode, NO_QUORUM, done.stdout)
            node.start()
            other.start()
            cluster.wait_ready()
            self.saw(done.stdout.splitlines()[0])


if __name__ == "__main__":
    main()
