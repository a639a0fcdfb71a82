#!/usr/bin/env python3
"""Bytes that no honest client or peer would send, and connections that never end: refused, within bounds, and
without anybody else noticing."""

from __future__ import annotations

import random
import struct
import time
from pathlib import Path
from typing import Callable

from case import SharedClusterCase, main
from cluster import Node
from raw import Raw, take_answers
from waiting import PATIENCE, wait_for

# Besides the server's limits: what a busy machine may add.
SLACK_SECONDS = 15.0
HEADER_SECONDS = 10.0
HANDSHAKE_SECONDS = 5.0
MEGABYTE = 1024 * 1024
CLOSE_SECONDS = 20.0

SMUGGLED = b"PUT /api/v1/state/hostile/smuggled HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: 3\r\n\r\nbad"
TARGET = b"/api/v1/state/hostile/key"


def request(*headers: bytes, method: bytes = b"PUT", target: bytes = TARGET, version: bytes = b"HTTP/1.1",
            body: bytes = b"") -> bytes:
    return b"\r\n".join([method + b" " + target + b" " + version, *headers]) + b"\r\n\r\n" + body


HOST = b"Host: localhost"
CHUNKED = b"Transfer-Encoding: chunked"
LENGTH = b"Content-Length: 3"
EMPTY_CHUNKS = b"0\r\n\r\n"

# What two readers could take in two ways; each is followed by the request that must not be found in it.
AMBIGUOUS = {
    "a length and chunks": request(HOST, LENGTH, CHUNKED, body=EMPTY_CHUNKS),
    "chunks and a length": request(HOST, CHUNKED, LENGTH, body=EMPTY_CHUNKS),
    "two lengths": request(HOST, b"Content-Length: 0", b"Content-Length: 3"),
    "two equal lengths": request(HOST, LENGTH, LENGTH, body=b"abc"),
    "a list of lengths": request(HOST, b"Content-Length: 3, 3", body=b"abc"),
    "a negative length": request(HOST, b"Content-Length: -1"),
    "a signed length": request(HOST, b"Content-Length: +3", body=b"abc"),
    "a hexadecimal length": request(HOST, b"Content-Length: 0x3", body=b"abc"),
    "a length without digits": request(HOST, b"Content-Length: "),
    "a length beyond 64 bits": request(HOST, b"Content-Length: 18446744073709551619", body=b"abc"),
    "chunked twice": request(HOST, b"Transfer-Encoding: chunked, chunked", body=EMPTY_CHUNKS),
    "another coding": request(HOST, b"Transfer-Encoding: gzip, chunked", body=EMPTY_CHUNKS),
    "an unknown coding": request(HOST, b"Transfer-Encoding: xchunked", body=EMPTY_CHUNKS),
    "two codings": request(HOST, CHUNKED, b"Transfer-Encoding: identity", body=EMPTY_CHUNKS),
    "a tab before the coding": request(HOST, b"Transfer-Encoding:\x0bchunked", body=EMPTY_CHUNKS),
    "a space before the colon": request(HOST, b"Content-Length : 3", body=b"abc"),
    "a folded header": request(HOST, b"X-Folded: a\r\n Content-Length: 3", body=b"abc"),
    "a folded length": request(HOST, b"Content-Length:\r\n 3", body=b"abc"),
    "a bare LF": request(HOST + b"\nContent-Length: 3", body=b"abc"),
    "bare LFs only": request(HOST, b"Content-Length: 0").replace(b"\r\n", b"\n"),
    "a bare CR": request(HOST + b"\rContent-Length: 3", body=b"abc"),
    "a NUL in a header": request(HOST, b"X-Nul: a\0b"),
    "a header without a colon": request(HOST, b"Content-Length 3"),
    "a header without a name": request(HOST, b": 3"),
    "no host": request(b"Content-Length: 0"),
    "two hosts": request(HOST, HOST, b"Content-Length: 0"),
    "a host that is none": request(b"Host: a b", b"Content-Length: 0"),
    "chunks in HTTP/1.0": request(HOST, CHUNKED, version=b"HTTP/1.0", body=EMPTY_CHUNKS),
    "another version": request(HOST, b"Content-Length: 0", version=b"HTTP/1.2"),
    "HTTP/2 by its preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no version": b"PUT " + TARGET + b"\r\n\r\n",
    "an absolute target": request(HOST, b"Content-Length: 0", target=b"http://elsewhere" + TARGET),
    "two spaces": b"PUT  " + TARGET + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tab for a space": b"PUT\t" + TARGET + b"\tHTTP/1.1\r\nHost: x\r\n\r\n",
    "a chunk size with a sign": request(HOST, CHUNKED, body=b"+3\r\nabc\r\n0\r\n\r\n"),
    "a chunk size without digits": request(HOST, CHUNKED, body=b"\r\nabc\r\n0\r\n\r\n"),
    "a chunk size beyond 64 bits": request(HOST, CHUNKED, body=b"10000000000000003\r\nabc\r\n0\r\n\r\n"),
    "a chunk longer than it says": request(HOST, CHUNKED, body=b"3\r\nabcd\r\n0\r\n\r\n"),
    "a bare LF after a chunk size": request(HOST, CHUNKED, body=b"3\nabc\r\n0\r\n\r\n"),
    "a bare LF after a chunk": request(HOST, CHUNKED, body=b"3\r\nabc\n0\r\n\r\n"),
}


def resident_bytes(node: Node) -> int:
    assert node.process is not None
    for line in Path(f"/proc/{node.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


class HostileCase(SharedClusterCase):
    def setUp(self) -> None:
        self.node = self.cluster.nodes[0]
        self.term = self.cluster.leader().status()["term"]

    def token(self) -> bytes:
        """What makes a request of ours one that would be done."""
        return f"Authorization: Bearer {self.node.token}".encode()

    def tearDown(self) -> None:
        for node in self.cluster.nodes:
            self.assertTrue(node.alive(), f"{node} died")
        self.assert_serves()

    def assert_serves(self) -> None:
        """Everybody else is served as before, and the cluster was not disturbed."""
        self.assert_status(self.node.ask("GET", "/health/live"), 200)
        self.assert_status(self.node.put("hostile", "others", b"x"), 200, 201)
        self.assertEqual(self.cluster.leader().status()["term"], self.term, "an election was provoked")


class Smuggling(HostileCase):
    def test_ambiguous_requests(self) -> None:
        statuses: dict[int, int] = {}
        for what, data in AMBIGUOUS.items():
            with self.subTest(what), Raw(self.node.port) as raw:
                raw.send(data + SMUGGLED % self.token())
                received = raw.read_to_end(CLOSE_SECONDS)
                answers, rest = take_answers(received)
                self.assertEqual(len(answers), 1, received)
                self.assertEqual(rest, b"")
                self.assertIn(answers[0].status, (400, 413, 501, 505), received)
                self.assertEqual(answers[0].headers.get("connection"), "close")
                statuses[answers[0].status] = statuses.get(answers[0].status, 0) + 1
        self.assertEqual(self.node.get("hostile", "smuggled").status, 404)
        self.assertEqual(self.node.get("hostile", "key").status, 404)
        self.saw(f"{len(AMBIGUOUS)} refused and closed: {statuses}")

    def test_byte_by_byte(self) -> None:
        """How the bytes are cut must not change what they mean."""
        with Raw(self.node.port) as raw:
            for byte in request(HOST, self.token(), CHUNKED, target=TARGET + b"-slow", body=b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"):
                raw.send(bytes([byte]))
            self.assertEqual(raw.read_answer().status, 201)
        self.assertEqual(self.node.get("hostile", "key-slow").body, b"abcde")
        self.saw("a chunked body in single bytes was kept whole")

    def test_pipelined_reads(self) -> None:
        targets = [b"/api/v1/state/hostile/none-%d" % number for number in range(100)]
        with Raw(self.node.port) as raw:
            raw.send(b"".join(request(HOST, self.token(), method=b"GET", target=target) for target in targets))
            for number in range(len(targets)):
                answer = raw.read_answer()
                self.assertEqual(answer.status, 404)
                self.assertIn(b"none-%d'" % number, answer.body)
        self.saw(f"{len(targets)} answers in order on one connection")

    def test_pipelined_writes(self) -> None:
        """What is pipelined behind a write happens after it (RFC 9112, section 9.3.2)."""
        target = TARGET + b"-pipe"
        values = [b"%d" % number for number in range(60)]
        data = [request(HOST, self.token(), b"Content-Length: %d" % len(value), target=target, body=value)
                + request(HOST, self.token(), method=b"GET", target=target) for value in values]
        with Raw(self.node.port) as raw:
            raw.send(b"".join(data))
            answers = [raw.read_answer() for _ in range(2 * len(values))]
        self.assertEqual([answer.status for answer in answers], [201] + [200] * (len(answers) - 1))
        self.assertEqual([answer.body for answer in answers[1::2]], values)
        self.saw(f"{len(values)} writes, each read by the request behind it")

    def test_expect_continue(self) -> None:
        with Raw(self.node.port) as raw:
            raw.send(request(HOST, self.token(), LENGTH, b"Expect: 100-continue", target=TARGET + b"-expect"))
            self.assertEqual(raw.read_answer().status, 100)
            raw.send(b"abc")
            self.assertEqual(raw.read_answer().status, 201)
        self.saw("100, then 201")


class Sizes(HostileCase):
    def test_large_headers(self) -> None:
        cases = {"one header": request(HOST, self.token(), b"X: " + b"x" * MEGABYTE, method=b"GET"),
                 "many headers": request(HOST, self.token(), *[b"X-%d: x" % number for number in range(5000)], method=b"GET"),
                 "a header without end": b"GET / HTTP/1.1\r\nX: " + b"x" * MEGABYTE,
                 "a target without end": b"GET /" + b"x" * MEGABYTE,
                 "a method without end": b"G" * MEGABYTE}
        seen = []
        for what, data in cases.items():
            with self.subTest(what), Raw(self.node.port) as raw:
                raw.send(data)
                answers, _ = take_answers(raw.read_to_end(CLOSE_SECONDS))
                self.assertEqual(len(answers), 1, "the refusal must not be lost in the reset")
                expected = (431,) if "header" in what else (400, 414, 431, 501)
                self.assertIn(answers[0].status, expected)
                seen.append(answers[0].status)
        self.saw(f"{seen}")

    def test_large_bodies(self) -> None:
        before = resident_bytes(self.node)
        length = b"Content-Length: %d" % (10 * MEGABYTE)
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        for what, head, part, count in (("announced", request(HOST, self.token(), length), b"x" * 0x10000, 160),
                                        ("in chunks", request(HOST, self.token(), CHUNKED), chunk, 160)):
            with self.subTest(what), Raw(self.node.port) as raw:
                raw.send(head)
                for _ in range(count):
                    if not raw.send(part):
                        break
                answers, _ = take_answers(raw.read_to_end(CLOSE_SECONDS))
                self.assertEqual([answer.status for answer in answers], [413])
        self.assertEqual(self.node.get("hostile", "key").status, 404)
        grown = resident_bytes(self.node) - before
        self.assertLess(grown, 32 * MEGABYTE)
        self.saw(f"413 for 10 MB, announced and in chunks; memory grew by {grown // 1024} KiB")

    def test_many_half_sent_bodies(self) -> None:
        """A body that is announced must not take its room before it comes."""
        before = resident_bytes(self.node)
        held = [Raw(self.node.port) for _ in range(100)]
        try:
            for raw in held:
                raw.send(request(HOST, self.token(), b"Content-Length: %d" % MEGABYTE, body=b"x"))
            self.assert_serves()
            grown = resident_bytes(self.node) - before
            self.assertLess(grown, 50 * MEGABYTE)
        finally:
            for raw in held:
                raw.close()
        self.saw(f"100 half-sent megabytes cost {grown // 1024} KiB")


class Time(HostileCase):
    def test_slow_headers(self) -> None:
        """Slowloris: a byte now and then keeps no connection beyond the header timeout."""
        slow = [Raw(self.node.port) for _ in range(20)]
        silent = [Raw(self.node.port) for _ in range(20)]
        began = time.monotonic()
        try:
            for raw in slow:
                raw.send(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            last_byte = 0.0

            def all_closed() -> bool:
                nonlocal last_byte
                if time.monotonic() - last_byte > 0.5:
                    last_byte = time.monotonic()
                    for raw in slow:
                        raw.send(b"x")
                    self.assert_status(self.node.ask("GET", "/health"), 200)
                return all([raw.is_closed() for raw in slow + silent])

            wait_for("slow and silent connections to be closed", all_closed, HEADER_SECONDS + SLACK_SECONDS)
            took = time.monotonic() - began
            self.assertGreater(took, HEADER_SECONDS / 2, "an honest slow client is given its time")
            for raw in slow:
                answers, _ = take_answers(raw.input)
                self.assertTrue(all(answer.status == 408 for answer in answers), raw.input)
        finally:
            for raw in slow + silent:
                raw.close()
        self.saw(f"20 slow and 20 silent connections were closed after {took:.1f} s, others served meanwhile")

    def test_idle_connections(self) -> None:
        idle = [Raw(self.node.port) for _ in range(200)]
        try:
            for raw in idle:
                raw.send(request(HOST, method=b"GET", target=b"/health"))
                self.assertEqual(raw.read_answer().status, 200)
            for _ in range(20):
                self.assert_serves()
            for raw in idle:  # They were kept: each serves again.
                raw.send(request(HOST, method=b"GET", target=b"/health"))
                self.assertEqual(raw.read_answer().status, 200)
        finally:
            for raw in idle:
                raw.close()
        self.saw("200 idle connections kept, others served meanwhile")

    def test_half_closed_clients(self) -> None:
        """A client that has said all it has to say still gets its answer."""
        with Raw(self.node.port) as raw:
            raw.send(request(HOST, self.token(), LENGTH, target=TARGET + b"-half", body=b"abc"))
            raw.half_close()
            answers, _ = take_answers(raw.read_to_end(CLOSE_SECONDS))
            self.assertEqual([answer.status for answer in answers], [201])
        with Raw(self.node.port) as raw:
            raw.send(request(HOST, self.token(), b"Content-Length: 100", target=TARGET + b"-cut", body=b"abc"))
            raw.half_close()
            raw.read_to_end(CLOSE_SECONDS)
        self.assertEqual(self.node.get("hostile", "key-cut").status, 404)
        self.saw("a whole request answered, half a one dropped")

    def test_clients_that_do_not_read(self) -> None:
        """Answers nobody takes must not pile up in the node."""
        self.assert_status(self.node.put("hostile", "large", bytes(MEGABYTE)), 200, 201)
        before = resident_bytes(self.node)
        one = request(HOST, self.token(), method=b"GET", target=b"/api/v1/state/hostile/large?consistency=stale")
        greedy = [Raw(self.node.port) for _ in range(10)]
        try:
            for raw in greedy:
                raw.socket.setblocking(False)
                raw.send(one * 100)
            for _ in range(10):
                self.assert_serves()
            grown = resident_bytes(self.node) - before
            self.assertLess(grown, 400 * MEGABYTE)
        finally:
            for raw in greedy:
                raw.close()
        self.saw(f"10 connections that each asked for 100 MB cost {grown // MEGABYTE} MB")

    def test_connections_that_come_and_go(self) -> None:
        before = self._descriptors()
        for number in range(500):
            raw = Raw(self.node.port)
            if number % 3:
                raw.send(request(HOST, method=b"GET", target=b"/health")[:number % 40])
            raw.close()
        wait_for("the descriptors to be given back", lambda: self._descriptors() <= before + 5)
        self.saw(f"{before} descriptors before 500 connections, {self._descriptors()} after")

    def _descriptors(self) -> int:
        assert self.node.process is not None
        return len(list(Path(f"/proc/{self.node.process.pid}/fd").iterdir()))


class Garbage(HostileCase):
    def test_random_bytes_for_http(self) -> None:
        self._send_garbage(self.node.port, self._mutilated_request)

    def test_random_bytes_for_peers(self) -> None:
        self._send_garbage(self.node.peer_port, self._peer_garbage)

    def _send_garbage(self, port: int, make: Callable[[random.Random], bytes]) -> None:
        before = resident_bytes(self.node)
        chance = random.Random(20)
        for _ in range(150):
            with Raw(port) as raw:
                raw.send(make(chance))
                raw.half_close()
                raw.read_to_end(HANDSHAKE_SECONDS + SLACK_SECONDS)
        grown = resident_bytes(self.node) - before
        self.assertLess(grown, 32 * MEGABYTE)
        self.saw(f"150 connections full of noise were ended; memory grew by {grown // 1024} KiB")

    def _mutilated_request(self, chance: random.Random) -> bytes:
        if chance.random() < 0.3:
            return chance.randbytes(chance.randrange(1, 5000))
        data = bytearray(request(HOST, self.token(), CHUNKED, target=TARGET + b"-noise", body=b"3\r\nabc\r\n0\r\n\r\n") * 2)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        return bytes(data)

    @staticmethod
    def _peer_garbage(chance: random.Random) -> bytes:
        kind = chance.randrange(4)
        if kind == 0:
            return chance.randbytes(chance.randrange(1, 5000))
        if kind == 1:  # A frame that announces as much as it can.
            return struct.pack(">IIB", 0xFFFFFFFF, 0, chance.randrange(4)) + chance.randbytes(100)
        if kind == 2:
            return struct.pack("<IIB", 0xFFFFFFFF, 0, chance.randrange(4)) + chance.randbytes(100)
        return b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"

    def test_a_frame_without_end(self) -> None:
        """A peer that announces a large frame and goes on sending must be cut off, not collected."""
        before = resident_bytes(self.node)
        with Raw(self.node.peer_port) as raw:
            raw.send(struct.pack("<IIB", 0x7FFFFFFF, 0, 1))
            for _ in range(1000):
                if not raw.send(b"x" * 0x10000):
                    break
            self.assertTrue(wait_for("the node to hang up", raw.is_closed))
        grown = resident_bytes(self.node) - before
        self.assertLess(grown, 32 * MEGABYTE)
        self.saw(f"cut off; memory grew by {grown // 1024} KiB")

    def test_silent_peers(self) -> None:
        """Connections that never say hello are ended, and do not keep real peers out."""
        silent = [Raw(self.node.peer_port) for _ in range(100)]
        began = time.monotonic()
        other = self.cluster.others(self.node, self.cluster.leader())[0]
        try:
            other.kill()
            other.start()
            self.cluster.wait_ready([other])
            self.cluster.wait_caught_up()
            back = time.monotonic() - began
            wait_for("silent peers to be closed", lambda: all([raw.is_closed() for raw in silent]),
                     (HANDSHAKE_SECONDS + SLACK_SECONDS) * PATIENCE)
        finally:
            for raw in silent:
                raw.close()
        self.saw(f"a restarted peer was back after {back:.1f} s, 100 silent ones gone after "
                 f"{time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
