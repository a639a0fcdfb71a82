#!/usr/bin/env python3
"""A node that has shut its door still serves whoever had come in before: those who connect just before know nothing of
it, and a write that is cut off is one of which nobody knows whether it was done."""

from __future__ import annotations

import signal
import socket
import ssl

from case import Case, main
from cluster import Cluster, Node
from waiting import wait_for

REQUEST = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


def door_is_shut(node: Node) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", node.port)) != 0


def read_to_end(stream: socket.socket) -> bytes:
    return b"".join(iter(lambda: stream.recv(65536), b""))


class Drain(Case):
    def test_connected_before_the_door_was_shut(self) -> None:
        with Cluster().start() as cluster:
            node = cluster.followers()[0]
            with socket.create_connection(("127.0.0.1", node.port), 10) as stream:
                node.signal(signal.SIGTERM)
                wait_for("the door to be shut", lambda: door_is_shut(node))
                stream.sendall(REQUEST)
                answer = read_to_end(stream)
            self.check(node, answer)
            self.saw("its first request is answered, with Connection: close")

    def test_shaking_hands_when_the_door_was_shut(self) -> None:
        with Cluster(tls=True).start() as cluster:
            node = cluster.followers()[0]
            assert node.context is not None
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = node.context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
            with socket.create_connection(("127.0.0.1", node.port), 10) as stream:
                with self.assertRaises(ssl.SSLWantReadError):
                    tls.do_handshake()
                stream.sendall(outgoing.read())
                incoming.write(stream.recv(65536))
                tls.do_handshake()
                # The node waits for the end of the handshake, which is not sent yet.
                node.signal(signal.SIGTERM)
                wait_for("the door to be shut", lambda: door_is_shut(node))
                tls.write(REQUEST)
                stream.sendall(outgoing.read())
                incoming.write(read_to_end(stream))
            answer = b""
            try:
                while part := tls.read(65536):
                    answer += part
            except ssl.SSLError:
                pass  # Nothing more is there.
            self.check(node, answer)
            self.saw("the handshake is finished and the request answered")

    def check(self, node: Node, answer: bytes) -> None:
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
        self.assertIn(b"connection: close\r\n", answer.lower())
        self.assertIn(b'"status":"draining"', answer)
        self.assertEqual(node.wait_ended(), 0)


if __name__ == "__main__":
    main()
