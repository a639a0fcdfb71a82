"""A cluster of real processes that a test can start, cut apart, kill, freeze and bring back."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Iterable, Mapping, Optional

from certificates import Authority
from client import Answer, Client
from ports import Ports
from proxy import Link, Mode, Proxies
from waiting import DEADLINE_SECONDS, PATIENCE, wait_for

ROOT = Path(__file__).resolve().parents[2]
LOG_TAIL_LINES = 60
ADMIN = "admin@example.org"
PASSWORD = "a password for tests alone"
CLUSTER_SECRET = "5f0d2c9a7be1438fa6c4d07e19b83265e4f7a1905cd82b36bd914e6f0a37c58d"
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)  # Loaded before any fork: the child of a process with threads may not load anything.
# What a sanitizer, an assertion or an uncaught exception leaves in a log.
SIGNS_OF_A_CRASH = ("AddressSanitizer", "runtime error:", "ThreadSanitizer", "LeakSanitizer", "terminate called")


def binary() -> Path:
    return Path(os.environ.get("PATRONUSD") or ROOT / "build" / "patronusd").resolve()


def end_with_parent() -> None:
    """Runs in the child: a node must not outlive its test, even one that is killed."""
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def clean_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Ours without anything that would configure a node behind the test's back."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PATRONUS_")}
    return {**inherited, **settings}


class Node(Client):
    """One node: its process, its files, and a client for it. Start it from the main thread only: the process is
    killed with the thread that started it."""

    def __init__(self, name: str, directory: Path, http_port: int, peer_port: int,
                 authority: Optional[Authority] = None) -> None:
        super().__init__(http_port, authority.client_context() if authority else None)
        self.name = name
        self.address = f"127.0.0.1:{http_port}"
        self.peer_port = peer_port
        self.data = directory / name / "data"
        self.database = directory / name / "dashboard.db"
        self.log = directory / name / "log"
        self.environment: dict[str, str] = {}
        self.program: Optional[Path] = None  # another than the one under test
        self.process: Optional[subprocess.Popen[bytes]] = None
        self.paused = False
        self.log.parent.mkdir(parents=True, exist_ok=True)

    def __repr__(self) -> str:
        return self.name

    def move(self, http_port: int, peer_port: int) -> None:
        self.port = http_port
        self.address = f"127.0.0.1:{http_port}"
        self.peer_port = peer_port

    def start(self) -> None:
        assert not self.alive(), f"{self.name} runs already"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([str(self.program or binary())], env=clean_environment(self.environment), stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL, cwd=self.log.parent,
                                            start_new_session=True, preexec_fn=end_with_parent)

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None and self.alive(), f"{self.name} does not run"
        self.process.send_signal(number)

    def kill(self) -> None:
        """kill -9: no goodbye, nothing flushed."""
        self.signal(signal.SIGKILL)
        self.wait_ended()

    def terminate(self) -> int:
        """SIGTERM, as a service manager does; returns the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait_ended()

    def wait_ended(self, seconds: float = DEADLINE_SECONDS) -> int:
        assert self.process is not None
        try:
            return self.process.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} has not ended within {seconds:.0f} s") from None
        finally:
            self.paused = False

    def pause(self) -> None:
        """SIGSTOP: the process and its connections stay, nothing moves."""
        self.signal(signal.SIGSTOP)
        self.paused = True

    def resume(self) -> None:
        self.signal(signal.SIGCONT)
        self.paused = False

    def wipe(self) -> None:
        """Loses the disk of a node that is down. It is set aside, so that a test may find it again."""
        assert not self.alive(), "the disk of a running node is not taken away"
        self.data.rename(self._lost_data())

    def find_disk_again(self) -> None:
        """Puts back what wipe() took, instead of whatever the node has written since."""
        assert not self.alive(), "the disk of a running node is not exchanged"
        shutil.rmtree(self.data)
        self._lost_data().rename(self.data)

    def _lost_data(self) -> Path:
        return self.data.with_name("lost-data")

    def log_lines(self) -> list[str]:
        return self.log.read_text(errors="replace").splitlines() if self.log.exists() else []

    def is_live(self) -> bool:
        return self.ask("GET", "/health/live", timeout=2).status == 200

    def is_ready(self) -> bool:
        return self.ask("GET", "/health/ready", timeout=2).status == 200

    def is_leader(self) -> bool:
        return self.ask("GET", "/health/leader", timeout=2).status == 200

    def status(self) -> dict[str, Any]:
        answer = self.ask("GET", "/api/v1/cluster/status", timeout=2)
        assert answer.status == 200, f"cluster/status of {self.name}: {answer}"
        status: dict[str, Any] = answer.json()
        return status

    def applied_index(self) -> int:
        """What this node says of itself, not what the leader has heard of it."""
        return int(self.ask("GET", "/health", timeout=2).headers["x-patronus-revision"])

    def setup_token(self) -> Optional[str]:
        """As it stands in the log while there is no user."""
        found = [json.loads(line)["message"].split()[-1] for line in self.log_lines() if '"event":"setup_token"' in line]
        return found[-1] if found else None


class Cluster:
    """Nodes n1, n2, … (or of another prefix) on 127.0.0.1, with a cuttable proxy for each link between them if
    `proxied`, with HTTPS and mutual TLS between them instead of plain text if `tls`. As a context manager it ends
    everything, prints the logs if something went wrong, and fails if a node died by itself."""

    def __init__(self, size: int = 3, proxied: bool = False, election_timeout: str = "500ms",
                 heartbeat_interval: str = "100ms", settings: Optional[Mapping[str, str]] = None,
                 tls: bool = False, prefix: str = "n") -> None:
        assert binary().exists(), f"{binary()} does not exist; build it or set PATRONUSD"
        self.directory = Path(tempfile.mkdtemp(prefix="patronus-e2e-"))
        self._ports = Ports()
        self._proxies = Proxies() if proxied else None
        self._links: dict[tuple[str, str], Link] = {}
        names = [f"{prefix}{number + 1}" for number in range(size)]
        self.authority = Authority(self.directory / "tls") if tls else None
        if self.authority is not None:
            for name in names:
                self.authority.issue(name)
        self.nodes = [Node(name, self.directory, self._ports.take(), self._ports.take(), self.authority)
                      for name in names]
        self._settings = {"PATRONUS_DRAIN_GRACE": "0", "PATRONUS_ELECTION_TIMEOUT": election_timeout,
                  "PATRONUS_HEARTBEAT_INTERVAL": heartbeat_interval}
        if self.authority is None:
            self._settings["PATRONUS_CLUSTER_SECRET"] = CLUSTER_SECRET  # else the authority has made one
        self._settings |= settings or {}
        for node in self.nodes:
            node.environment = {**self._environment_of(node), **self._settings}

    def new_node(self, name: str) -> Node:
        """One that knows the nodes there are, and they do not know it. It belongs to `nodes` once a test adds it."""
        assert self._proxies is None, "links to a new node have no proxies"
        if self.authority is not None:
            self.authority.issue(name)
        node = Node(name, self.directory, self._ports.take(), self._ports.take(), self.authority)
        peers = [*self.nodes, node]
        node.environment = {**self._environment_of(node), **self._settings,
                            "PATRONUS_PEERS": ",".join(f"{one.name}=127.0.0.1:{one.peer_port}" for one in peers)}
        return node

    def _environment_of(self, node: Node) -> dict[str, str]:
        peers = ",".join(f"{other.name}=127.0.0.1:{self._port_towards(node, other)}" for other in self.nodes)
        doors = {"PATRONUS_LISTEN_PLAIN": node.address}
        if self.authority is not None:
            doors = {"PATRONUS_NODE_ADDR": node.address, **self.authority.environment_of(node.name)}
        return {"PATRONUS_NODE_ID": node.name, "PATRONUS_PEER_ADDR": f"127.0.0.1:{node.peer_port}",
                "PATRONUS_PEERS": peers, "PATRONUS_DATA_DIR": str(node.data),
                "PATRONUS_DB_PATH": str(node.database), **doors}

    def _port_towards(self, node: Node, other: Node) -> int:
        if self._proxies is None or node is other:
            return other.peer_port
        link = self._proxies.add(self._ports.take(), other.peer_port)
        self._links[(node.name, other.name)] = link
        return link.listen_port

    def move_all(self) -> None:
        """Gives every node, none of which runs, other ports."""
        assert self._proxies is None and self.authority is None and not self.running(), "nothing here moves with them"
        for node in self.nodes:
            node.move(self._ports.take(), self._ports.take())
        for node in self.nodes:
            node.environment |= self._environment_of(node)

    # Beginning and end.

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, kind: Optional[type[BaseException]], error: Optional[BaseException],
                 _trace: Optional[TracebackType]) -> None:
        self.close(failed=kind is not None)

    def start(self) -> Cluster:
        """Starts all nodes. What can't be started is closed at once: no `with` has taken it over yet."""
        try:
            for node in self.nodes:
                node.start()
            self.wait_ready()
            self.log_in()
            # A node is ready as soon as it hears its leader; the log that makes it a voter comes a moment later.
            self.wait_caught_up()
        except BaseException:
            self.close(failed=True)
            raise
        return self

    def log_in(self) -> None:
        """Makes the administrator if there is none yet; all nodes' clients send the token from here on."""
        asked = self.running()[0]
        if not any(node.token for node in self.nodes):
            token = wait_for("a setup token", asked.setup_token)
            made = asked.post("/api/v1/auth/init-admin", {"email": ADMIN, "name": "Admin", "password": PASSWORD},
                              {"Authorization": f"Setup {token}"})
            assert made.status == 201, str(made)
        answer = wait_for("a login", lambda: self._login(asked))
        for node in self.nodes:
            node.token = answer.json()["access_token"]

    @staticmethod
    def _login(node: Node) -> Optional[Answer]:
        node.token = None
        answer = node.post("/api/v1/auth/login", {"email": ADMIN, "password": PASSWORD})
        return answer if answer.status == 200 else None

    def close(self, failed: bool = False) -> None:
        complaints = self._complaints()
        try:
            complaints += self._stop_all()
            complaints += self._signs_of_crashes()
            if failed or complaints:
                self.print_logs()
        finally:
            self._kill_all()
            if self._proxies is not None:
                self._proxies.close()
            self._ports.release()
            if not os.environ.get("PATRONUS_E2E_KEEP"):
                shutil.rmtree(self.directory, ignore_errors=True)
        if complaints and not failed:
            raise AssertionError("; ".join(complaints))

    def _complaints(self) -> list[str]:
        """Nodes that ended although nobody ended them."""
        ended = [node for node in self.nodes if node.process is not None and not node.alive()]
        expected = (-signal.SIGKILL, 0)
        return [f"{node.name} ended by itself with code {node.process.returncode}" for node in ended
                if node.process is not None and node.process.returncode not in expected]

    def _stop_all(self) -> list[str]:
        running = [node for node in self.nodes if node.alive()]
        for node in running:
            if node.paused:
                node.resume()
            node.signal(signal.SIGTERM)
        complaints = []
        for node in running:
            try:
                code = node.wait_ended(10)
                if code != 0:
                    complaints.append(f"{node.name} answered SIGTERM with exit code {code}")
            except AssertionError as error:
                complaints.append(f"after SIGTERM {error}")
        return complaints

    def _kill_all(self) -> None:
        for node in self.nodes:
            if node.alive():
                node.kill()

    def _signs_of_crashes(self) -> list[str]:
        return [f"{node.name} logged: {line}" for node in self.nodes for line in node.log_lines()
                if any(sign in line for sign in SIGNS_OF_A_CRASH)][:5]

    def print_logs(self) -> None:
        for node in self.nodes:
            lines = node.log_lines()
            print(f"--- log of {node.name}, the last {min(LOG_TAIL_LINES, len(lines))} of {len(lines)} lines",
                  file=sys.stderr)
            for line in lines[-LOG_TAIL_LINES:]:
                print(line[:600], file=sys.stderr)
        sys.stderr.flush()

    # Who is who.

    def node(self, name: str) -> Node:
        return next(node for node in self.nodes if node.name == name)

    def others(self, *excluded: Node) -> list[Node]:
        return [node for node in self.nodes if node not in excluded]

    def running(self) -> list[Node]:
        return [node for node in self.nodes if node.alive() and not node.paused]

    def leader(self, among: Optional[Iterable[Node]] = None) -> Node:
        """The one that all of these nodes (all that run, unless told) agree on, once they do."""
        nodes = list(self.running() if among is None else among)
        return wait_for(f"one leader that {nodes} agree on", lambda: self._agreed_leader(nodes))

    def _agreed_leader(self, nodes: list[Node]) -> Optional[Node]:
        named = {node.status()["leader"] for node in nodes}
        found = [node for node in nodes if node.name in named]
        return found[0] if len(named) == 1 and found and found[0].is_leader() else None

    def followers(self) -> list[Node]:
        return self.others(self.leader())

    # Waiting.

    def wait_ready(self, nodes: Optional[Iterable[Node]] = None) -> None:
        for node in self.running() if nodes is None else nodes:
            wait_for(f"{node.name} to be ready", node.is_ready)

    def wait_caught_up(self, nodes: Optional[Iterable[Node]] = None) -> int:
        """Until all have applied the same, as they say themselves; for times when nobody writes."""
        checked = list(self.running() if nodes is None else nodes)
        return wait_for(f"{checked} to have applied the same", lambda: self._common_index(checked))

    @staticmethod
    def _common_index(nodes: list[Node]) -> Optional[int]:
        applied = {node.applied_index() for node in nodes}
        return applied.pop() if len(applied) == 1 else None

    # Cutting and healing.

    def cut(self, sender: Node, receiver: Node, mode: Mode) -> None:
        """Cuts what `sender` sends to `receiver`; the way back stays open."""
        self._set_modes([self._links[(sender.name, receiver.name)]], mode)

    def isolate(self, node: Node, mode: Mode) -> None:
        """Cuts every link from and to this node."""
        self._set_modes([link for ends, link in self._links.items() if node.name in ends], mode)

    def heal(self) -> None:
        self._set_modes(list(self._links.values()), Mode.OPEN)

    def _set_modes(self, links: list[Link], mode: Mode) -> None:
        assert self._proxies is not None, "this cluster has no proxies"
        self._proxies.set_modes(links, mode)
