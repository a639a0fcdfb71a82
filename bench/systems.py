"""Clusters under measure: how their nodes are started, watched and ended; and etcd, the one to compare with."""

from __future__ import annotations

import base64
import contextlib
import ctypes
import http.client
import json
import os
import random
import signal
import socket
import ssl
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, ContextManager, Mapping, Optional

NODES = 3
PR_SET_PDEATHSIG = 1
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_LIBC = ctypes.CDLL(None)  # Loaded before any fork: the child of a process with threads may not load anything.
FIRST_PORT = 10_000


class BenchError(Exception):
    """Something that ends the benchmark with one clear line."""


def first_ephemeral_port() -> int:
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32_768


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on, below those the kernel gives to outgoing connections: a node that is down for a while
    finds its port free again. All are held until the last is found, so that they differ."""
    end = max(first_ephemeral_port(), FIRST_PORT + 1_000)
    sockets: list[socket.socket] = []
    try:
        for _ in range(100 * count):
            one = socket.socket()
            sockets.append(one)
            with contextlib.suppress(OSError):
                one.bind(("127.0.0.1", random.randrange(FIRST_PORT, end)))
            bound = [each.getsockname()[1] for each in sockets if each.getsockname()[1] != 0]
            if len(bound) == count:
                return bound
        raise BenchError("there are no free ports on 127.0.0.1")
    finally:
        for one in sockets:
            one.close()


def end_with_parent() -> None:
    """Runs in the child: it must not outlive the benchmark, even one that is killed."""
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)  # names in any case, as http.client keeps them

    def json(self) -> dict:
        return json.loads(self.body)


def connect(address: str, context: Optional[ssl.SSLContext], timeout: float) -> http.client.HTTPConnection:
    """A connection that is dialled with its first request."""
    if context is None:
        return http.client.HTTPConnection(address, timeout=timeout)
    return http.client.HTTPSConnection(address, timeout=timeout, context=context)


def ask(address: str, method: str, path: str, body: Optional[bytes] = None,
        headers: Optional[dict[str, str]] = None, context: Optional[ssl.SSLContext] = None) -> Optional[Answer]:
    """One HTTP request, over TLS if a context is given; None where the node does not answer."""
    connection = connect(address, context, 2)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return Answer(response.status, response.read(), response.headers)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


@dataclass
class Write:
    """One write, ready to be sent any number of times."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str]


@dataclass
class Node:
    """One process of a cluster."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    inside: Callable[[], ContextManager[None]] = contextlib.nullcontext  # the network it is started in
    process: Optional[subprocess.Popen] = field(default=None, repr=False)

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log, self.inside():
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

    def kill(self) -> None:
        """kill -9; returns once the kernel has closed everything the process had."""
        self.process.kill()
        self.process.wait()

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

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
        self.context: Optional[ssl.SSLContext] = None

    def ask(self, address: str, method: str, path: str, body: Optional[bytes] = None,
            headers: Optional[dict[str, str]] = None) -> Optional[Answer]:
        return ask(address, method, path, body, headers, self.context)

    def is_ready(self, address: str) -> bool:
        raise NotImplementedError

    def find_leader(self) -> Optional[str]:
        """The address of the node that leads, if one says so."""
        raise NotImplementedError

    def is_settled(self) -> bool:
        """Whether all nodes are ready, agree on the leader and have what it has."""
        raise NotImplementedError

    def write_request(self, key: str, value: bytes) -> "Write":
        """A write as this system's clients send it."""
        raise NotImplementedError

    def leader(self) -> str:
        """The address of the node that leads now."""
        found: list[str] = []

        def look() -> bool:
            address = self.find_leader()
            if address is not None:
                found.append(address)
            return address is not None

        self.wait_for("a leader", look, 10)
        return found[0]

    def node_at(self, address: str) -> Node:
        return self.nodes[self.addresses.index(address)]

    def prepare(self) -> None:
        """What has to be done once all nodes are ready."""

    def renew_login(self) -> None:
        """Before a run: a token that would end in it is replaced."""

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

    def status(self, address: str) -> dict:
        answer = self.ask(address, "POST", "/v3/maintenance/status", b"{}")
        return answer.json() if answer is not None and answer.status == 200 else {}

    def find_leader(self) -> Optional[str]:
        for address in self.addresses:
            status = self.status(address)
            if status and status.get("leader") == status["header"]["member_id"]:
                return address
        return None

    def is_settled(self) -> bool:
        if not all(self.is_ready(address) for address in self.addresses):
            return False
        seen = [self.status(address) for address in self.addresses]
        return all(one.get("leader") for one in seen) and len({(one["leader"], one["raftIndex"]) for one in seen}) == 1

    def write_request(self, key: str, value: bytes) -> Write:
        body = {"key": base64.b64encode(key.encode()).decode(), "value": base64.b64encode(value).decode()}
        return Write("POST", "/v3/kv/put", json.dumps(body).encode(), {"Content-Type": "application/json"})

    def revision(self) -> int:
        """Each write raises it by one, so that it tells how many writes really happened."""
        answer = ask(self.addresses[0], "POST", "/v3/kv/range", b'{"key":"eA==","count_only":true}')
        if answer is None or answer.status != 200:
            raise BenchError("etcd does not tell its revision")
        return int(answer.json()["header"]["revision"])
