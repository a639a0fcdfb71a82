#!/usr/bin/env python3
"""Nodes that find each other by one DNS name: every node has the same settings but for its id and where it listens.

The name is asked for as in production, of the system's resolver, which reads /etc/hosts: here a file of the test's own,
in a mount namespace of its own. The nodes listen on different addresses of loopback and on one port, as pods do."""

from __future__ import annotations

import ctypes
import os
import random
import socket
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path
from typing import Iterable

from case import Case, main
from cluster import Cluster, Node
from load import Writers, check_stored
from waiting import holds_for, wait_for

NAME = "nodes.patronus.test"
CLONE_NEWNS = 0x00020000
_LIBC = ctypes.CDLL(None, use_errno=True)


def setUpModule() -> None:
    """From here on this process and its children have mounts of their own; that needs root, as installing does."""
    if _LIBC.unshare(CLONE_NEWNS) != 0:
        raise unittest.SkipTest(f"no mount namespace can be made here: {os.strerror(ctypes.get_errno())}")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


class Replaced:
    """A file of the system with another content, for this process and its children."""

    def __init__(self, path: str) -> None:
        self._path = path
        with tempfile.NamedTemporaryFile("w", prefix="patronus-dns-", delete=False) as file:
            self._file = Path(file.name)
        self._file.chmod(0o644)
        subprocess.run(["mount", "--bind", str(self._file), self._path], check=True)

    def write(self, text: str) -> None:
        self._file.write_text(text)

    def close(self) -> None:
        subprocess.run(["umount", self._path], check=True)
        self._file.unlink()


class Hosts(Replaced):
    """What /etc/hosts says, and so where the name leads."""

    def __init__(self) -> None:
        super().__init__("/etc/hosts")
        self.lead_to([])

    def lead_to(self, addresses: Iterable[str]) -> None:
        self.write("".join(["127.0.0.1 localhost\n", *(f"{address} {NAME}\n" for address in addresses)]))


class Stranger:
    """Somebody else's program at an address that the name leads to."""

    def __init__(self, address: str, port: int) -> None:
        self._door = socket.create_server((address, port))
        self.visits = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                stream, _ = self._door.accept()
            except OSError:
                return
            self.visits += 1
            with stream:
                stream.sendall(b"220 mail.example.org ESMTP\r\n")

    def close(self) -> None:
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self._thread.join()


class ByName(Case):
    def setUp(self) -> None:
        self.hosts = Hosts()
        self.addCleanup(self.hosts.close)
        self._net = f"127.{random.SystemRandom().randrange(1, 255)}.{random.SystemRandom().randrange(1, 255)}"

    def address(self, number: int) -> str:
        return f"{self._net}.{number}"

    def settle(self, node: Node, number: int, port: int) -> None:
        """Where it is reached: all nodes have one port, as pods do."""
        node.environment |= {"PATRONUS_PEERS": f"dns:{NAME}:{port}", "PATRONUS_FOUNDING_NODES": "3",
                             "PATRONUS_PEER_ADDR": f"{self.address(number)}:{port}"}

    def lines(self, node: Node, part: str) -> list[str]:
        return [line for line in node.log_lines() if part in line]

    def test_found_move_all_at_once_and_grow(self) -> None:
        with Cluster(tls=True) as cluster:
            port = cluster.nodes[0].peer_port
            for number, node in enumerate(cluster.nodes, 1):
                self.settle(node, number, port)
                node.start()
            waits = [self._waits_for(node, "does not lead to any node") for node in cluster.nodes]
            stranger = Stranger(self.address(98), port)
            self.addCleanup(stranger.close)
            others = [self.address(98), self.address(99)]  # where nobody is, and where somebody else is
            self.hosts.lead_to([*map(self.address, (1, 2, 3)), *others])
            cluster.wait_ready()
            cluster.log_in()
            with Writers(cluster) as writers:
                writers.wait_for_more(50)
                writes = writers.finish()
            self.assertGreater(stranger.visits, 0)
            for node in cluster.nodes:
                self.assertEqual(self.lines(node, "this node itself"), [])
                self.assertEqual(len(self.lines(node, "does not lead to any node")), 1, "a fault is one line")
                self.assertLess(len(self.lines(node, '"event":"names"')), 6)

            for node in cluster.nodes:
                self.assertEqual(node.terminate(), 0)
            # Addresses change places too: where one node was there is another one now.
            moved = dict(zip(cluster.nodes, (12, 3, 11)))
            for node, number in moved.items():
                self.settle(node, number, port)
            self.hosts.lead_to([*map(self.address, moved.values()), *others])
            for node in cluster.nodes:
                node.start()
            cluster.wait_ready()
            cluster.wait_caught_up()
            for node in cluster.nodes:
                check_stored(node, writes)

            fourth = cluster.new_node("n4")
            self.settle(fourth, 4, port)
            fourth.start()
            self.hosts.lead_to([*map(self.address, [*moved.values(), 4]), *others])
            cluster.nodes.append(fourth)
            cluster.log_in()
            wait_for("the fourth to vote", lambda: self._votes(fourth))
            check_stored(fourth, writes)
            self.saw(f"{waits[0]}; {len(writes)} writes are on all four")

    def test_more_nodes_than_found_a_cluster(self) -> None:
        """Which three of four are meant nobody knows, and two threes could found two clusters."""
        with Cluster(size=4, tls=True) as cluster:
            port = cluster.nodes[0].peer_port
            for number, node in enumerate(cluster.nodes, 1):
                self.settle(node, number, port)
                node.start()
            for node in cluster.nodes:  # one that is not up yet counts, after a while, as not there
                self._waits_for(node, "does not lead to any node")
            self.hosts.lead_to(map(self.address, (1, 2, 3, 4)))
            waits = [self._waits_for(node, "4 are present") for node in cluster.nodes]
            holds_for("none is founded", lambda: all(one.status()["cluster_id"] is None for one in cluster.nodes), 1)
            first, last = cluster.nodes[0], cluster.nodes[-1]
            self.assertEqual(first.terminate(), 0)
            others = cluster.others(first)
            cluster.wait_ready(others)
            first.start()
            cluster.wait_ready()
            self.assertEqual(len({node.status()["cluster_id"] for node in cluster.nodes}), 1)
            cluster.log_in()
            self.assert_status(last.put("app", "key", b"value"), 201)
            self.saw(waits[0])

    def test_dns_that_is_silent_holds_nothing_up(self) -> None:
        """Neither the node's loop, nor its end: the resolver takes ten seconds to give up."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, Cluster(size=1) as cluster:
            server.bind((self.address(53), 53))
            resolver = Replaced("/etc/resolv.conf")
            self.addCleanup(resolver.close)
            resolver.write(f"nameserver {self.address(53)}\n")
            node = cluster.nodes[0]
            self.settle(node, 1, node.peer_port)
            node.start()
            waits = self._waits_for(node, "is being looked up")
            server.settimeout(10)
            self.assertIn(b"\x05nodes\x08patronus", server.recv(512))
            looks = holds_for("it answers", node.is_live, 1)
            self.assertIn("is being looked up", str(node.status()["waits_for"]))
            began = time.monotonic()
            self.assertEqual(node.terminate(), 0)
            seconds = time.monotonic() - began
            self.assertLess(seconds, 2)
            self.saw(f"{waits}; answers {looks} times, ends in {seconds:.2f} s")

    @staticmethod
    def _waits_for(node: Node, what: str) -> str:
        def says() -> str:
            waits = str(node.status().get("waits_for", ""))
            return waits if what in waits else ""

        return wait_for(f"{node} to say '{what}'", says)

    @staticmethod
    def _votes(node: Node) -> bool:
        return any(one["id"] == node.name and one["voter"] for one in node.status().get("nodes", []))


if __name__ == "__main__":
    main()
