"""The real HAProxy with the project's own configuration, on ports of the test."""

from __future__ import annotations

import csv
import io
import os
import shutil
import signal
import ssl
import subprocess
import time
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Mapping, Optional, Sequence

from certificates import Authority
from client import TIMEOUT_SECONDS, Answer, Client
from cluster import ROOT, end_with_parent
from ports import Ports
from waiting import DEADLINE_SECONDS, PATIENCE, wait_for

CONFIGURATION = ROOT / "deploy" / "haproxy" / "haproxy.cfg"
NODES_CONFIGURED = 3
SERVER_COOKIE = "PATRONUS_SERVER"


def haproxy() -> str:
    found = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")
    assert found, "haproxy is not installed; run deploy/deps.sh test"
    return found


class FrontClient(Client):
    """Asks through the balancer over TLS, as one browser does that keeps its cookies, or as a script without any.
    `headers` and the token go with every request."""

    def __init__(self, port: int, context: ssl.SSLContext, keeps_cookies: bool = True,
                 headers: Optional[Mapping[str, str]] = None) -> None:
        super().__init__(port, context)
        self._keeps_cookies = keeps_cookies
        self.headers = dict(headers or {})
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, body: Optional[bytes] = None, headers: Optional[Mapping[str, str]] = None,
            timeout: float = TIMEOUT_SECONDS) -> Answer:
        every = {**self.headers, **(headers or {})}
        if self.cookies:
            every["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = super().ask(method, path, body, every, timeout)
        if self._keeps_cookies:
            for line in answer.cookies:
                self.cookies.update({name: one.value for name, one in SimpleCookie(line).items()})
        return answer

    @property
    def server(self) -> str:
        """The node that this client sticks to."""
        return self.cookies.get(SERVER_COOKIE, "")


class HAProxy:
    """In front of nodes dashboard1, dashboard2, … at these addresses: the configuration names three, and lines for more
    are added as an operator would. Lines of the configuration that contain a text of `without` are left out, to show
    what they are there for."""

    def __init__(self, authority: Authority, nodes: Sequence[str], ports: Ports, without: Sequence[str] = (),
                 settings: Optional[Mapping[str, str]] = None) -> None:
        assert len(nodes) >= NODES_CONFIGURED, "the configuration is for three nodes"
        self.directory = authority.directory
        self.authority = authority
        self.port, self.stats_port = ports.take(), ports.take()
        self.log = self.directory / "haproxy.log"
        is_as_shipped = not without and len(nodes) == NODES_CONFIGURED
        self.configuration = CONFIGURATION if is_as_shipped else self._edited(without, len(nodes))
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("FRONT_")}
        self.environment |= {
            "FRONT_BIND": f"127.0.0.1:{self.port}", "FRONT_STATS": f"127.0.0.1:{self.stats_port}",
            "FRONT_CERT": str(authority.issue_host("localhost")), "FRONT_CA": str(authority.certificate),
            "FRONT_LOG": "notice",
            **{f"FRONT_NODE{number}": address for number, address in enumerate(nodes, 1)}, **(settings or {})}
        self.process: Optional[subprocess.Popen[bytes]] = None
        self.token: Optional[str] = None

    def _edited(self, without: Sequence[str], nodes: int) -> Path:
        lines: list[str] = []
        for line in CONFIGURATION.read_text().splitlines(keepends=True):
            lines.append(line)
            if line.lstrip().startswith(f"server dashboard{NODES_CONFIGURED} "):
                lines += [line.replace(f"dashboard{NODES_CONFIGURED}", f"dashboard{number}")
                          .replace(f"FRONT_NODE{NODES_CONFIGURED}", f"FRONT_NODE{number}")
                          for number in range(NODES_CONFIGURED + 1, nodes + 1)]
        for text in without:
            assert any(text in line for line in lines), f"there is no {text!r} in the configuration"
        edited = self.directory / "haproxy.cfg"
        edited.write_text("".join(line for line in lines if not any(text in line for text in without)))
        return edited

    def check(self) -> tuple[int, str]:
        """haproxy -c: its exit code and everything it says."""
        done = subprocess.run([haproxy(), "-c", "-f", str(self.configuration)], env=self.environment,
                              capture_output=True, text=True, timeout=30)
        return done.returncode, done.stdout + done.stderr

    def start(self) -> HAProxy:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [haproxy(), "-W", "-S", str(self.directory / "master.sock"), "-f", str(self.configuration)],
                env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
                preexec_fn=end_with_parent)
        wait_for("HAProxy to answer", lambda: self._alive() and self._statistics("/stats").status == 200)
        return self

    def _alive(self) -> bool:
        assert self.process is not None and self.process.poll() is None, f"HAProxy ended: {self.log.read_text()}"
        return True

    def reload(self) -> None:
        """Returns when a new worker serves. A master that still starts itself anew for the reload before loses the
        signal, so it is told again."""
        before = self.worker_pid()
        told = 0.0

        def is_renewed() -> bool:
            nonlocal told
            assert self.process is not None
            if time.monotonic() - told > 2:
                self.process.send_signal(signal.SIGUSR2)
                told = time.monotonic()
            return self.worker_pid() not in (0, before)

        wait_for("a new worker", is_renewed)

    def worker_pid(self) -> int:
        answer = self._statistics("/stats")
        text = answer.text()
        return int(text.split("<b>pid = </b>")[1].split()[0]) if "<b>pid = </b>" in text else 0

    def close(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(10 * PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def client(self, keeps_cookies: bool = True, headers: Optional[Mapping[str, str]] = None) -> FrontClient:
        """With the token that `token` holds, which a cluster sets when it has logged in."""
        client = FrontClient(self.port, self.authority.client_context(), keeps_cookies, headers)
        client.token = self.token
        return client

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def _statistics(self, path: str) -> Answer:
        return Client(self.stats_port).ask("GET", path, timeout=5)

    def states(self, backend: str = "patronus") -> dict[str, str]:
        """What HAProxy takes each server for: UP, DOWN, NOLB (drains), perhaps on its way to another (UP 1/2)."""
        rows = csv.DictReader(io.StringIO(self._statistics("/stats;csv").text().lstrip("# ")))
        return {row["svname"]: row["status"] for row in rows
                if row["pxname"] == backend and row["svname"] not in ("FRONTEND", "BACKEND")}

    def wait_states(self, wanted: Mapping[str, str], backend: str = "patronus",
                    seconds: float = DEADLINE_SECONDS) -> None:
        wait_for(f"{wanted} in {backend}", lambda: wanted.items() <= self.states(backend).items(), seconds)

    def wait_all_up(self) -> None:
        up = {f"dashboard{number}": "UP" for number in (1, 2, 3)}
        self.wait_states(up)
        self.wait_states(up, "patronus_live")

    def print_log(self) -> None:
        print(f"--- log of HAProxy\n{self.log.read_text(errors='replace')[-6000:]}", flush=True)
