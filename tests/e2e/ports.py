"""Ports of 127.0.0.1 that stay ours while a test runs, even while nobody listens on them."""

from __future__ import annotations

import random
import socket
from pathlib import Path

FIRST_PORT = 10_000


def _ephemeral_begin() -> int:
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32_768


class Ports:
    """Hands out ports below those the kernel gives to outgoing connections: a node that is down for a while must
    find its port free again. Each is claimed by an abstract Unix socket of its name, which other harnesses see and
    which the kernel gives up with this process."""

    def __init__(self) -> None:
        self._claims: list[socket.socket] = []
        # Not from the shared generator: tests seed that one, and then two of them would try the same ports.
        self._random = random.SystemRandom()

    def take(self) -> int:
        for _ in range(10_000):
            port = self._random.randrange(FIRST_PORT, max(_ephemeral_begin(), FIRST_PORT + 1_000))
            if self._claim(port):
                return port
        raise AssertionError("no free port was found")

    def _claim(self, port: int) -> bool:
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claim.bind(f"\0patronus-e2e-port-{port}")
        except OSError:
            claim.close()
            return False
        if not _is_free(port):
            claim.close()
            return False
        self._claims.append(claim)
        return True

    def release(self) -> None:
        for claim in self._claims:
            claim.close()
        self._claims.clear()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
