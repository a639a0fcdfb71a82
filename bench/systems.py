"""The two clusters under measure: how their nodes are started, watched and ended."""

from __future__ import annotations

import ctypes
import http.client
import json
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Optional

NODES = 3
PR_SET_PDEATHSIG = 1
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """Something that ends the benchmark with one clear line."""


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on; all are held until the last is found, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def end_with_parent() -> None:
    """Runs in the child: it must not outlive the benchmark, even one that is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass
class Answer:
    status: int
    body: bytes

    def json(self) -> dict:
        return json.loads(self.body)


def ask(address: str, method: str, path: str, body: Optional[bytes] = None,
        headers: Optional[dict[str, str]] = None) -> Optional[Answer]:
    """One HTTP request; None where the node does not answer."""
    connection = http.client.HTTPConnection(address, timeout=2)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return Answer(response.status, response.read())
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


@dataclass
class Node:
    """One process of a cluster."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    process: Optional[subprocess.Popen] = field(default=None, repr=False)

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            # A session of its own: Ctrl-C reaches the benchmark, which then ends its nodes in order.
            self.process = subprocess.Popen(self.command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, start_new_session=True, preexec_fn=end_with_parent)

    def check(self) -> None:
        code = self.process.poll()
        if code is not None:
            raise BenchError(f"{self.name} has ended with code {code}; the end of its log:\n{self.log_tail()}")

    def log_tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-10:]
        return "\n".join("    " + line for line in lines) or "    (empty)"

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def rss_mb(self) -> float:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise BenchError(f"{self.name}: no VmRSS in /proc")

    def cpu_seconds(self) -> float:
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        fields = stat[stat.rindex(")") + 2:].split()  # The name before may itself hold spaces.
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


class Cluster:
    """What the benchmark needs to know of either system."""

    name = ""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.addresses: list[str] = []
        self.headers: list[str] = []

    def is_ready(self, address: str) -> bool:
        raise NotImplementedError

    def prepare(self) -> None:
        """What has to be done once all nodes are ready."""

    def start(self) -> None:
        for node in self.nodes:
            node.start()
        self.wait_for("every node to be ready", lambda: all(self.is_ready(one) for one in self.addresses))
        self.prepare()

    def wait_for(self, what: str, condition: Callable[[], bool], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            self.check()
            if time.monotonic() > deadline:
                tails = "\n".join(f"  {node.name}:\n{node.log_tail()}" for node in self.nodes)
                raise BenchError(f"{self.name}: waited {seconds:.0f} s in vain for {what}\n{tails}")
            time.sleep(0.05)

    def check(self) -> None:
        for node in self.nodes:
            node.check()

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()

    def rss_mb(self) -> list[float]:
        return [node.rss_mb() for node in self.nodes]

    def cpu_seconds(self) -> list[float]:
        return [node.cpu_seconds() for node in self.nodes]


class Etcd(Cluster):
    """etcd with its defaults: fsync on, heartbeat 100 ms, election 1 s, 2 GB quota; only logging is turned down."""

    name = "etcd"

    def __init__(self, binary: str, directory: Path) -> None:
        super().__init__()
        ports = free_ports(2 * NODES)
        clients, peers = ports[:NODES], ports[NODES:]
        names = [f"etcd{i + 1}" for i in range(NODES)]
        cluster = ",".join(f"{name}=http://127.0.0.1:{port}" for name, port in zip(names, peers))
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ETCD_")}
        for name, client, peer in zip(names, clients, peers):
            command = [binary, "--name", name, "--data-dir", str(directory / name),
                       "--listen-client-urls", f"http://127.0.0.1:{client}",
                       "--advertise-client-urls", f"http://127.0.0.1:{client}",
                       "--listen-peer-urls", f"http://127.0.0.1:{peer}",
                       "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
                       "--initial-cluster", cluster, "--initial-cluster-state", "new",
                       "--initial-cluster-token", f"bench-{os.getpid()}", "--logger", "zap", "--log-level", "error"]
            self.nodes.append(Node(name, command, environment, directory / f"{name}.log"))
            self.addresses.append(f"127.0.0.1:{client}")

    def is_ready(self, address: str) -> bool:
        answer = ask(address, "GET", "/health")
        return answer is not None and answer.status == 200 and answer.json().get("health") == "true"

    def revision(self) -> int:
        """Each write raises it by one, so that it tells how many writes really happened."""
        answer = ask(self.addresses[0], "POST", "/v3/kv/range", b'{"key":"eA==","count_only":true}')
        if answer is None or answer.status != 200:
            raise BenchError("etcd does not tell its revision")
        return int(answer.json()["header"]["revision"])


class Patronus(Cluster):
    """Three nodes of ours over plain HTTP."""

    name = "patronus"

    def __init__(self, binary: str, directory: Path, extra_environment: list[str], login: Optional[str],
                 headers: list[str]) -> None:
        super().__init__()
        self.login = login
        self.headers = list(headers)
        ports = free_ports(2 * NODES)
        clients, peers = ports[:NODES], ports[NODES:]
        names = [f"n{i + 1}" for i in range(NODES)]
        listed = ",".join(f"{name}=127.0.0.1:{port}" for name, port in zip(names, peers))
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("PATRONUS_")}
        for name, client, peer in zip(names, clients, peers):
            data = directory / name
            environment = inherited | {
                "PATRONUS_NODE_ID": name,
                "PATRONUS_LISTEN_PLAIN": f"127.0.0.1:{client}",
                "PATRONUS_PEER_ADDR": f"127.0.0.1:{peer}",
                "PATRONUS_PEERS": listed,
                "PATRONUS_DATA_DIR": str(data),
            } | self.extra(extra_environment, name, data)
            self.nodes.append(Node(name, [binary], environment, directory / f"{name}.log"))
            self.addresses.append(f"127.0.0.1:{client}")

    @staticmethod
    def extra(settings: list[str], name: str, data: Path) -> dict[str, str]:
        """KEY=VALUE with {id}, {data} and {port} (a free one) replaced for each node."""
        result = {}
        for setting in settings:
            key, equals, value = setting.partition("=")
            if not equals:
                raise BenchError(f"--patronus-env {setting}: KEY=VALUE is wanted")
            if "{port}" in value:
                value = value.replace("{port}", str(free_ports(1)[0]))
            result[key] = value.replace("{id}", name).replace("{data}", str(data))
        return result

    def is_ready(self, address: str) -> bool:
        answer = ask(address, "GET", "/health/ready")
        return answer is not None and answer.status == 200

    def prepare(self) -> None:
        if self.login:
            email, _, password = self.login.partition(":")
            body = json.dumps({"email": email, "password": password}).encode()
            answer = ask(self.addresses[0], "POST", "/api/v1/auth/login", body, {"Content-Type": "application/json"})
            if answer is None or answer.status != 200:
                raise BenchError(f"patronus: cannot log in as {email}: {answer}")
            self.headers.append("Authorization: Bearer " + answer.json()["access_token"])
        headers = dict(line.split(": ", 1) for line in self.headers)
        headers["Content-Type"] = "application/octet-stream"
        answer = ask(self.addresses[0], "PUT", "/api/v1/state/bench/first", b"x", headers)
        if answer is not None and answer.status in (401, 403):
            raise BenchError("patronus asks for a token: see --patronus-login, --patronus-header and --patronus-env")
        if answer is None or answer.status not in (200, 201, 204):
            raise BenchError(f"patronus refuses a first write: {answer}")

    def leader(self) -> str:
        """The address of the node that leads now."""
        found: list[str] = []

        def look() -> bool:
            for address in self.addresses:
                answer = ask(address, "GET", "/health/leader")
                if answer is not None and answer.status == 200:
                    found.append(address)
                    return True
            return False

        self.wait_for("a leader", look, 10)
        return found[0]
