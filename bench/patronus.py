"""Three nodes of ours: over plain HTTP on loopback, or with TLS at any addresses."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import ssl
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, ContextManager, Optional, Sequence

from systems import NODES, Answer, BenchError, Cluster, Node, Write, free_ports

ROOT = Path(__file__).resolve().parent.parent
ADMIN_EMAIL = "bench@example.org"
JSON_BODY = {"Content-Type": "application/json"}
WRITTEN = (200, 201, 204)


def find_binary(name: str, variable: str, remedy: str = "run `make`") -> str:
    """The program the environment variable names, or build/NAME."""
    path = os.environ.get(variable) or str(ROOT / "build" / name)
    found = shutil.which(path)
    if not found:
        raise BenchError(f"{path} is missing: {remedy}, or name another one in {variable}")
    return str(Path(found).resolve())


@dataclass(frozen=True)
class Place:
    """Where a node runs: its addresses for clients and for peers, and the network its process is started in."""

    client: str
    peer: str
    inside: Callable[[], ContextManager[None]] = contextlib.nullcontext

    @property
    def host(self) -> str:
        return self.client.rpartition(":")[0]


def loopback_places() -> list[Place]:
    ports = free_ports(2 * NODES)
    return [Place(f"127.0.0.1:{client}", f"127.0.0.1:{peer}") for client, peer in zip(ports[:NODES], ports[NODES:])]


class Authority:
    """Certificates as an operator makes them, by `patronusctl tls`."""

    def __init__(self, patronusctl: str, directory: Path) -> None:
        self.patronusctl = patronusctl
        self.directory = directory
        self._tls("init")

    def issue(self, node: str, host: str) -> None:
        self._tls("issue", "--node", node, "--name", host)

    def settings(self, node: str) -> dict[str, str]:
        return {"PATRONUS_TLS_CERT": str(self.directory / f"{node}.crt"),
                "PATRONUS_TLS_KEY": str(self.directory / f"{node}.key"),
                "PATRONUS_PEER_CA": str(self.directory / "ca.crt"),
                "PATRONUS_TLS_CRL": str(self.directory / "ca.crl"),
                "PATRONUS_CLUSTER_SECRET_FILE": str(self.directory / "cluster-secret")}

    def client_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.directory / "ca.crt"))

    def _tls(self, verb: str, *arguments: str) -> None:
        done = subprocess.run([self.patronusctl, "tls", verb, "--dir", str(self.directory), *arguments],
                              capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise BenchError(f"patronusctl tls {verb}: {done.stderr.strip()}")


class Patronus(Cluster):
    """Makes an administrator and logs in where nodes ask for a token, unless it is given a login or a header."""

    name = "patronus"

    def __init__(self, binary: str, directory: Path, extra_environment: Sequence[str] = (),
                 login: Optional[str] = None, headers: Sequence[str] = (), places: Optional[list[Place]] = None,
                 authority: Optional[Authority] = None) -> None:
        super().__init__()
        self.given_headers = list(headers)
        self.headers = list(headers)
        self.email, _, self.password = login.partition(":") if login else ("", "", "")
        self.token = ""
        self.renew_at = float("inf")
        self.context = authority.client_context() if authority else None
        places = places or loopback_places()
        names = [f"n{i + 1}" for i in range(NODES)]
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("PATRONUS_")}
        common = {"PATRONUS_PEERS": ",".join(f"{name}={place.peer}" for name, place in zip(names, places))}
        if authority is None:
            common["PATRONUS_CLUSTER_SECRET"] = secrets.token_hex(32)
        for name, place in zip(names, places):
            data = directory / name
            environment = inherited | common | self.doors(name, place, authority) | {
                "PATRONUS_NODE_ID": name,
                "PATRONUS_PEER_ADDR": place.peer,
                "PATRONUS_DATA_DIR": str(data),
            } | self.extra(extra_environment, name, data)
            self.nodes.append(Node(name, [binary], environment, directory / f"{name}.log", place.inside))
            self.addresses.append(place.client)

    @staticmethod
    def doors(name: str, place: Place, authority: Optional[Authority]) -> dict[str, str]:
        if authority is None:
            return {"PATRONUS_LISTEN_PLAIN": place.client}
        authority.issue(name, place.host)
        return {"PATRONUS_NODE_ADDR": place.client} | authority.settings(name)

    @staticmethod
    def extra(settings: Sequence[str], name: str, data: Path) -> dict[str, str]:
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
        answer = self.ask(address, "GET", "/health/ready")
        return answer is not None and answer.status == 200

    def find_leader(self) -> Optional[str]:
        for address in self.addresses:
            answer = self.ask(address, "GET", "/health/leader")
            if answer is not None and answer.status == 200:
                return address
        return None

    def is_settled(self) -> bool:
        answers = [self.ask(address, "GET", "/health/ready") for address in self.addresses]
        if any(answer is None or answer.status != 200 for answer in answers):
            return False
        seen = {(answer.headers["X-Patronus-Leader"], answer.headers["X-Patronus-Revision"]) for answer in answers
                if answer is not None}
        return len(seen) == 1 and self.find_leader() is not None

    def write_request(self, key: str, value: bytes) -> Write:
        self.renew_login()
        return Write("PUT", f"/api/v1/state/bench/{key}", value, self.header_fields())

    def header_fields(self) -> dict[str, str]:
        return dict(line.split(": ", 1) for line in self.headers) | {"Content-Type": "application/octet-stream"}

    # Accounts.

    def prepare(self) -> None:
        if self.email:
            self.log_in()
        answer = self.first_write()
        if answer is not None and answer.status == 401 and not self.headers:
            self.make_administrator()
            self.log_in()
            answer = self.first_write()
        if answer is not None and answer.status in (401, 403):
            raise BenchError("patronus asks for another token: see --patronus-login, --patronus-header and "
                             "--patronus-env")
        if answer is None or answer.status not in WRITTEN:
            raise BenchError(f"patronus refuses a first write: {answer}")

    def first_write(self) -> Optional[Answer]:
        return self.ask(self.addresses[0], "PUT", "/api/v1/state/bench/first", b"x", self.header_fields())

    def setup_token(self) -> Optional[str]:
        """As it stands in the nodes' logs while there is no user."""
        for node in self.nodes:
            for line in node.log.read_text(errors="replace").splitlines():
                if '"event":"setup_token"' in line:
                    return json.loads(line)["message"].split()[-1]
        return None

    def make_administrator(self) -> None:
        self.wait_for("a setup token in a node's log", lambda: self.setup_token() is not None, 10)
        self.email, self.password = ADMIN_EMAIL, secrets.token_urlsafe(24)
        body = {"email": self.email, "name": "Benchmark", "password": self.password}
        answer = self.ask(self.addresses[0], "POST", "/api/v1/auth/init-admin", json.dumps(body).encode(),
                          JSON_BODY | {"Authorization": f"Setup {self.setup_token()}"})
        if answer is None or answer.status != 201:
            raise BenchError(f"patronus: cannot make an administrator: {answer}")

    def renew_login(self) -> None:
        if time.monotonic() > self.renew_at:
            self.log_in()

    def log_in(self) -> None:
        body = json.dumps({"email": self.email, "password": self.password}).encode()
        answer = self.ask(self.find_leader() or self.addresses[0], "POST", "/api/v1/auth/login", body, JSON_BODY)
        if answer is None or answer.status != 200:
            raise BenchError(f"patronus: cannot log in as {self.email}: {answer}")
        fields = answer.json()
        self.token = fields["access_token"]
        self.renew_at = time.monotonic() + fields.get("expires_in", 900) / 2
        self.headers = self.given_headers + [f"Authorization: Bearer {self.token}"]
