#!/usr/bin/env python3
"""What HAProxy's configuration makes of single requests: what it repeats, what it tells the nodes, whom it refuses and
whom it trusts. The nodes are played, so that each can fail at an exact moment."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import tempfile
from pathlib import Path
from typing import Mapping, Optional

from case import Case, main
from certificates import Authority
from client import Answer, Client
from fake_node import FakeNode
from haproxy import SERVER_COOKIE, FrontClient, HAProxy
from ports import Ports

NAMES = ["dashboard1", "dashboard2", "dashboard3"]


class PlayedCase(Case):
    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="patronus-e2e-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.ports = Ports()
        self.addCleanup(self.ports.release)
        self.authority = Authority(self.directory / "tls")
        for name in NAMES:
            self.authority.issue(name)
        self.nodes: list[FakeNode] = []

    def play(self, front: Optional[Mapping[str, str]] = None, shows: Optional[Mapping[str, str]] = None) -> HAProxy:
        """Starts the nodes and HAProxy; `shows` exchanges certificates."""
        for name in NAMES:
            self.nodes.append(FakeNode(name, self.ports.take(), self.authority, (shows or {}).get(name)))
            self.addCleanup(self.nodes[-1].close)
        self.front = HAProxy(self.authority, [node.address for node in self.nodes], self.ports, settings=front)
        self.addCleanup(self.front.close)
        self.front.start()
        self.front.wait_states({name: "UP" for name in NAMES if name not in (shows or {})})
        return self.front

    def sticking_to(self, node: FakeNode) -> FrontClient:
        client = self.front.client()
        client.cookies[SERVER_COOKIE] = node.name
        return client

    def headers_told(self, answer: Answer) -> dict[str, list[str]]:
        told: dict[str, list[str]] = {}
        for name, value in self.assert_status(answer, 200).json()["headers"]:
            told.setdefault(name.lower(), []).append(value)
        return told


class Configuration(PlayedCase):
    def test_nothing_to_complain_of(self) -> None:
        front = HAProxy(self.authority, ["127.0.0.1:8443", "127.0.0.1:8444", "127.0.0.1:8445"], self.ports)
        clean = (0, "Configuration file is valid\n")
        self.assertEqual(front.check(), clean)
        # Production's own values, except for the files, which are not there.
        for name in list(front.environment):
            if name.startswith("FRONT_") and name not in ("FRONT_CERT", "FRONT_CA"):
                del front.environment[name]
        self.assertEqual(front.check(), clean)
        self.saw("valid without a warning, as on one machine and as in production")


class Repeating(PlayedCase):
    def test_what_is_done_again_elsewhere(self) -> None:
        self.play()
        key = {"Idempotency-Key": "k"}
        safe: list[tuple[str, Optional[bytes], dict[str, str]]] = [
            ("GET", None, {}), ("PUT", b"value", key), ("POST", b"x" * 8_000, key), ("DELETE", None, key)]
        for failing in ("dies", "refuses"):
            for method, body, headers in safe:
                self._check(method, body, headers, failing, again=True)
        self.saw(f"{len(safe)} kinds of requests, each answered by another node when one dies or refuses")

    def test_what_is_done_once(self) -> None:
        self.play()
        for method in ("PUT", "POST", "DELETE"):
            answer = self._check(method, b"value", {}, "dies", again=False)
            fields = self.assert_problem(answer, 502)
            self.assertEqual((fields["code"], fields["maybe_applied"]), ("node_lost", True))
            self.assertEqual(self._check(method, b"value", {}, "refuses", again=False).status, 503)
        self.saw("writes without a key reach one node")

    def _check(self, method: str, body: Optional[bytes], headers: dict[str, str], failing: str, again: bool) -> Answer:
        first, *others = self.nodes
        path = f"/api/v1/state/app/{method}-{failing}-{again}-{len(body or b'')}"
        setattr(first, failing, True)
        answer = self.sticking_to(first).ask(method, path, body, headers)
        setattr(first, failing, False)
        self.assertIn(f"{method} {path}", first.seen)
        elsewhere = [node for node in others if f"{method} {path}" in node.seen]
        self.assertEqual(len(elsewhere), 1 if again else 0, answer)
        if again:
            told = self.assert_status(answer, 200).json()
            self.assertEqual((told["node"], told["body"]), (elsewhere[0].name, (body or b"").decode()))
        self.front.wait_states({first.name: "UP"})
        return answer


class Telling(PlayedCase):
    def test_the_clients_address_is_the_real_one(self) -> None:
        client = self.play().client()
        told = self.headers_told(client.ask("GET", "/x", headers={
            "X-Forwarded-For": "192.0.2.7", "Forwarded": "for=192.0.2.7", "X-Forwarded-Proto": "http"}))
        self.assertEqual(told["x-forwarded-for"], ["127.0.0.1"])
        self.assertEqual(told["x-forwarded-proto"], ["https"])
        self.assertNotIn("forwarded", told)
        self.saw("what a client says of its address does not reach a node")

    def test_one_id_for_a_request(self) -> None:
        client = self.play().client()
        for given, kept in [("my-id.1", True), ('x","evil":"1', False), ("y" * 129, False), (None, False)]:
            answer = client.ask("GET", "/x", headers={"X-Request-Id": given} if given else None)
            told = self.headers_told(answer)["x-request-id"]
            self.assertEqual(told, [answer.headers["x-request-id"]])
            self.assertEqual(told[0] == given, kept)
        self.saw("the client's if it is a plain word, otherwise one of HAProxy's own; node and client see the same")

    def test_security_of_answers(self) -> None:
        client = self.play().client()
        answer = client.ask("GET", "/x")
        self.assertEqual(answer.headers["strict-transport-security"], "max-age=31536000")
        self.assertNotIn("content-encoding", client.ask("GET", "/x", headers={"Accept-Encoding": "gzip"}).headers)
        # For browsers localhost is one host whatever the port, so other programs on it would be locked out.
        there = client.ask("GET", "/x", headers={"Host": f"localhost:{client.port}"})
        self.assertNotIn("strict-transport-security", there.headers)
        self.saw("Strict-Transport-Security except on localhost, no compression")


class Limiting(PlayedCase):
    def test_floods_are_refused_by_what_a_client_is(self) -> None:
        self.play({"FRONT_CLIENT_LIMIT": "100"})
        flooder = self.front.client(keeps_cookies=False, headers={"Authorization": "Bearer one"})
        for _ in range(100):
            self.assert_status(flooder.ask("GET", "/x"), 200)
        answer = flooder.ask("GET", "/x")
        self.assertEqual(self.assert_problem(answer, 429)["code"], "too_many_requests")
        self.assertIn("retry-after", answer.headers)
        # The same address, but other clients.
        for headers in ({"Authorization": "Bearer two"}, {"Cookie": "patronus_refresh=three"}, {}):
            self.assert_status(self.front.client(keeps_cookies=False, headers=headers).ask("GET", "/x"), 200)
        self.saw("the 101st request within ten seconds got 429, other clients of that address did not")

    def test_made_up_tokens_do_not_help(self) -> None:
        self.play({"FRONT_ADDRESS_LIMIT": "100"})
        client = self.front.client(keeps_cookies=False)
        for number in range(100):
            self.assert_status(client.ask("GET", "/x", headers={"Authorization": f"Bearer {number}"}), 200)
        answer = client.ask("GET", "/x", headers={"Authorization": "Bearer another"})
        self.assert_problem(answer, 429)
        self.assertIn("retry-after", answer.headers)
        self.saw("429 although each request was another client's")


class Trusting(PlayedCase):
    def test_a_node_with_another_nodes_certificate(self) -> None:
        self.play(shows={"dashboard1": "dashboard2"})
        self.front.wait_states({"dashboard1": "DOWN"})
        answer = self.assert_status(self.sticking_to(self.nodes[0]).ask("GET", "/x"), 200)
        self.assertNotEqual(answer.json()["node"], "dashboard1")
        self.assertEqual(self.nodes[0].seen, [])
        self.saw("it is taken for down, and sees no request")

    def test_versions_of_tls(self) -> None:
        self.play()
        self.assertEqual(self._shake_hands(ssl.TLSVersion.TLSv1_2)[0], "TLSv1.2")
        self.assertEqual(self._shake_hands(ssl.TLSVersion.TLSv1_3), ("TLSv1.3", "h2"))
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.front.port}", "-tls1_1", "-cipher",
                               "ALL:@SECLEVEL=0"], input="", capture_output=True, text=True, timeout=30)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.saw("TLS 1.2 and 1.3 with HTTP/2, not 1.1")

    def _shake_hands(self, version: ssl.TLSVersion) -> tuple[Optional[str], Optional[str]]:
        context = self.authority.client_context()
        context.minimum_version = context.maximum_version = version
        context.set_alpn_protocols(["h2", "http/1.1"])
        with socket.create_connection(("127.0.0.1", self.front.port), 10) as plain:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as stream:
                return stream.version(), stream.selected_alpn_protocol()


class Statistics(PlayedCase):
    def test_to_read_only(self) -> None:
        self.play()
        watcher = Client(self.front.stats_port)
        self.assertEqual(watcher.ask("GET", "/stats").status, 200)
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = watcher.ask("POST", "/stats", b"s=dashboard1&action=maint&b=patronus", form)
        self.assertIn("DENY", answer.headers.get("location", "") + answer.text())
        self.assertEqual(self.front.states(), {name: "UP" for name in NAMES})
        metrics = watcher.ask("GET", "/metrics").text()
        self.assertIn('haproxy_server_status{proxy="patronus",server="dashboard1",state="UP"} 1', metrics)
        self.saw("nothing can be changed there; metrics for Prometheus")


if __name__ == "__main__":
    main()
