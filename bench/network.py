"""Machines on a wire, made of network namespaces: one for each node and for the clients, joined by a bridge in a
namespace of its own. Packets to and from a machine can be dropped there without a word, as when it loses power.

No namespace has a name: each lives as long as this process, or one started in it, and takes its devices and rules
along when it goes, however that comes about."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
from typing import Iterator

from systems import BenchError

CLONE_NEWNET = 0x40000000
SUBNET = "198.18.0"  # set aside for benchmarks by RFC 2544; nothing outside these namespaces sees it
CLIENTS = 100
_LIBC = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise BenchError(f"{what}: {os.strerror(number)}; network namespaces need root")


def why_not() -> str:
    """What is missing here for machines on a wire; empty if nothing is."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [tool for tool in ("ip", "nft") if shutil.which(tool) is None]
    return f"{' and '.join(missing)} missing: apt-get install iproute2 nftables" if missing else ""


class Namespace:
    def __init__(self) -> None:
        with _own_namespace():
            _check(_LIBC.unshare(CLONE_NEWNET), "unshare")
            self.descriptor = _current()
            _run("ip", "link", "set", "lo", "up")

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """What this thread opens or starts meanwhile is in the namespace and stays there; so do threads it starts."""
        with _own_namespace():
            _check(_LIBC.setns(self.descriptor, CLONE_NEWNET), "setns")
            yield

    @property
    def path(self) -> str:
        return f"/proc/{os.getpid()}/fd/{self.descriptor}"

    def close(self) -> None:
        os.close(self.descriptor)


def _current() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


@contextlib.contextmanager
def _own_namespace() -> Iterator[None]:
    """This thread is back in its namespace afterwards."""
    home = _current()
    try:
        yield
    finally:
        _check(_LIBC.setns(home, CLONE_NEWNET), "setns back")
        os.close(home)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise BenchError(f"{' '.join(command)}: {done.stderr.strip() or f'ended with code {done.returncode}'}")


class Wire:
    """A switch with one machine at each port, numbered from 1, and the clients' machine."""

    def __init__(self, machines: int) -> None:
        with contextlib.ExitStack() as undo:
            self.switch = self._namespace(undo)
            with self.switch.inside():
                _run("ip", "link", "add", "wire", "type", "bridge")
                _run("ip", "link", "set", "wire", "up")
                _run("nft", "add", "table", "bridge", "cut")
                _run("nft", "add", "chain", "bridge", "cut", "ports",
                     "{ type filter hook forward priority 0; policy accept; }")
            self.machines = {number: self._machine(number, undo) for number in range(1, machines + 1)}
            self.clients = self._machine(CLIENTS, undo)
            self._undo = undo.pop_all()

    @staticmethod
    def _namespace(undo: contextlib.ExitStack) -> Namespace:
        made = Namespace()
        undo.callback(made.close)
        return made

    def _machine(self, number: int, undo: contextlib.ExitStack) -> Namespace:
        machine = self._namespace(undo)
        with self.switch.inside():
            _run("ip", "link", "add", f"port{number}", "type", "veth", "peer", "name", "eth0", "netns", machine.path)
            _run("ip", "link", "set", f"port{number}", "master", "wire", "up")
        with machine.inside():
            _run("ip", "address", "add", f"{self.address(number)}/24", "dev", "eth0")
            _run("ip", "link", "set", "eth0", "up")
        return machine

    @staticmethod
    def address(number: int) -> str:
        return f"{SUBNET}.{number}"

    def cut(self, number: int) -> None:
        """Nothing passes from or to this machine any more; nobody is told."""
        port = f"port{number}"
        with self.switch.inside():
            # One transaction: there is no moment in which only one direction is cut.
            _run("nft", f"add rule bridge cut ports iifname {port} drop; add rule bridge cut ports oifname {port} drop")

    def heal(self) -> None:
        with self.switch.inside():
            _run("nft", "flush", "chain", "bridge", "cut", "ports")

    def close(self) -> None:
        self._undo.close()
