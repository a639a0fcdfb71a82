#!/usr/bin/env python3
"""TLS everywhere: who may talk to a node, who may not, and what changes while it runs (scenario 46)."""

from __future__ import annotations

import re
import socket
import ssl
import struct
import subprocess
import time
from typing import Optional

import prometheus
from case import Case, SharedClusterCase, main
from certificates import Authority
from client import Answer, Client, Unreachable
from cluster import ROOT, Cluster, Node
from raw import Raw
from waiting import wait_for

PROTOCOL = ROOT / "core" / "base" / "protocol.h"
MAGIC = 0x4E525450
CRC32C_POLYNOMIAL = 0x82F63B78
HELLO = 1


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (CRC32C_POLYNOMIAL if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def text(value: str) -> bytes:
    return struct.pack("<I", len(value)) + value.encode()


def hello(node: str, version: int, cluster_id: str) -> bytes:
    """What a node says first on a link it dialled."""
    words = int(cluster_id[:16], 16), int(cluster_id[16:], 16)
    payload = (struct.pack("<IHH", MAGIC, version, version) + text(node) + struct.pack("<Q", 4711) + struct.pack("<QQ", *words)
               + text("127.0.0.1:1") + text("127.0.0.1:2") + text("0.1.0") + struct.pack("<BQQ", 0, 1, 4711) + text("") + text(""))
    guarded = bytes([HELLO]) + payload
    return struct.pack("<II", len(payload), crc32c(guarded)) + guarded


def talk_to_peer_port(node: Node, context: ssl.SSLContext, words: bytes, seconds: float = 10.0) -> bytes:
    """What the node answers on its peer port; raises ssl.SSLError where it refuses the certificate."""
    context.check_hostname = False
    with socket.create_connection(("127.0.0.1", node.peer_port), seconds) as plain:
        with context.wrap_socket(plain) as stream:
            stream.sendall(words)
            try:
                return stream.recv(65536)
            except ConnectionError:
                return b""


def openssl_client(port: int, *options: str) -> str:
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *options], input="",
                          capture_output=True, text=True, timeout=30)
    return done.stdout + done.stderr


def serial_seen(port: int, authority: Authority) -> str:
    """The serial number of the certificate that the door shows now."""
    context = authority.client_context()
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as stream:
            shown = stream.getpeercert()
            assert shown is not None
            return str(shown["serialNumber"])


class TlsCase(SharedClusterCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.cluster = Cluster(election_timeout="3s", heartbeat_interval="200ms", tls=True).start()

    @property
    def authority(self) -> Authority:
        assert self.cluster.authority is not None
        return self.cluster.authority

    def assert_goes_on(self) -> None:
        """The cluster has its leader, and writes."""
        self.cluster.leader()
        self.assert_status(self.cluster.nodes[0].put("tls", self._testMethodName, b"value"), 200, 201)


class Https(TlsCase):
    def test_writes_and_reads(self) -> None:
        first, second, third = self.cluster.nodes
        self.assert_status(first.put("tls", "key", b"value"), 201)
        self.assertEqual(second.get("tls", "key").body, b"value")
        large = bytes(range(256)) * 4096
        self.assert_status(third.put("tls", "large", large), 201)
        self.assertTrue(first.get("tls", "large").body == large)
        self.saw("a value of 1 MiB through two nodes")

    def test_an_unknown_authority_is_not_trusted(self) -> None:
        stranger = Client(self.cluster.nodes[0].port, ssl.create_default_context())
        with self.assertRaises(Unreachable) as refused:
            stranger.ask("GET", "/health")
        self.assertIn("SSLCertVerificationError", str(refused.exception))
        self.assert_goes_on()
        self.saw("a client without ca.crt does not trust it")

    def test_curl(self) -> None:
        node = self.cluster.nodes[0]
        done = subprocess.run(["curl", "-sS", "--cacert", str(self.authority.certificate), "-w", "%{http_version}",
                               f"https://127.0.0.1:{node.port}/health/live"], capture_output=True, text=True,
                              timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.endswith("1.1"), done.stdout)
        self.saw(done.stdout)

    def test_versions_and_ciphers(self) -> None:
        port = self.cluster.nodes[0].port
        for version in ("-tls1_2", "-tls1_3"):
            self.assertIn("Verify return code: 0", openssl_client(port, version, "-CAfile",
                                                                 str(self.authority.certificate)))
        for refused in (("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"),
                        ("-tls1_2", "-cipher", "AES128-GCM-SHA256"), ("-alpn", "h2")):
            seen = openssl_client(port, *refused)
            self.assertIn("alert", seen, f"{refused}: {seen}")
        self.assertIn("ALPN protocol: http/1.1", openssl_client(port, "-alpn", "h2,http/1.1"))
        self.saw("1.2 and 1.3; 1.1, CBC, RSA key exchange and h2 alone are refused; http/1.1 is chosen")

    def test_plain_bytes_are_refused(self) -> None:
        node = self.cluster.nodes[0]
        for words in (b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 70_000, b"\0" * 100):
            with Raw(node.port) as raw:
                raw.send(words)
                self.assertNotIn(b"HTTP/", raw.read_to_end(10))
        wait_for("a line that says so", lambda: any("speaks plain HTTP" in line for line in node.log_lines()))
        self.assert_goes_on()
        self.saw("closed without an answer, and the node goes on")

    def test_a_flood_does_not_fill_the_log(self) -> None:
        node = self.cluster.nodes[1]
        before = len(node.log_lines())
        for _ in range(200):
            with Raw(node.port) as raw:
                raw.send(b"GET / HTTP/1.0\r\n\r\n")
                raw.read_to_end(10)
        self.assertLess(len(node.log_lines()) - before, 25)
        self.assert_goes_on()
        self.saw(f"{len(node.log_lines()) - before} lines for 200 strangers")

    def test_a_client_that_never_shakes_hands_is_dropped(self) -> None:
        with Raw(self.cluster.nodes[0].port) as raw:
            began = time.monotonic()
            self.assertEqual(raw.read_to_end(20), b"")
            took = time.monotonic() - began
        self.assertGreater(took, 4)
        self.saw(f"after {took:.1f} s")

    def test_redirects_are_to_https(self) -> None:
        leader = self.cluster.leader()
        follower = self.cluster.others(leader)[0]
        answer = follower.ask("PUT", "/api/v1/state/tls/redirected?redirect=1", b"x")
        self.assertEqual(answer.status, 307, str(answer))
        self.assertEqual(answer.headers["location"],
                         f"https://{leader.address}/api/v1/state/tls/redirected?redirect=1")
        self.saw(answer.headers["location"])

    def test_anybody_may_fetch_the_list_of_revoked_certificates(self) -> None:
        anybody = Client(self.cluster.nodes[0].port, self.authority.client_context())
        answer = self.assert_status(anybody.ask("GET", "/pki/ca.crl"), 200)
        self.assertEqual(answer.headers["content-type"], "application/pkix-crl")
        verified = subprocess.run(["openssl", "crl", "-inform", "DER", "-noout", "-text", "-CAfile",
                                   str(self.authority.certificate)], input=answer.body, capture_output=True, timeout=30)
        self.assertIn(b"verify OK", verified.stderr)
        self.assertIn(b"No Revoked Certificates", verified.stdout)
        head = self.assert_status(anybody.ask("HEAD", "/pki/ca.crl"), 200)
        self.assertEqual((head.headers["content-length"], head.body), (str(len(answer.body)), b""))
        self.assertEqual(anybody.ask("PUT", "/pki/ca.crl", b"").status, 405)
        metrics = prometheus.parse(self.cluster.nodes[0].ask("GET", "/metrics").text())
        due = metrics.value("patronus_crl_next_update_timestamp_seconds")
        self.assertAlmostEqual(due, time.time() + 3650 * 86400, delta=3600)
        self.saw(f"{len(answer.body)} bytes that openssl verifies")

    def test_the_end_of_certificates_is_a_metric(self) -> None:
        def ends() -> Optional[dict[str, float]]:
            metrics = prometheus.parse(self.cluster.nodes[0].ask("GET", "/metrics").text())
            found = {dict(labels)["cert"]: value for labels, value in
                     metrics.labelled("patronus_cert_not_after_timestamp_seconds").items()}
            return found if len(found) == 2 else None

        found = wait_for("both certificates", ends)
        for name in ("https", "peer"):
            self.assertAlmostEqual(found[name], time.time() + 365 * 86400, delta=3600)
        self.saw(str(found))


class PeerPort(TlsCase):
    """Scenario 46: each of these is refused, with words in the log, and the cluster goes on."""

    node: Node
    protocol = int(re.findall(r"kNewest = (\d+)", PROTOCOL.read_text())[0])

    def setUp(self) -> None:
        self.node = self.cluster.nodes[0]
        self.cluster_id = str(self.node.status()["cluster_id"])

    def refused(self, context: ssl.SSLContext, name: str, words: str) -> None:
        try:
            answer = talk_to_peer_port(self.node, context, hello(name, self.protocol, self.cluster_id))
            self.assertEqual(answer, b"", "a stranger gets no answer")
        except ssl.SSLError:
            pass  # An alert, which is as good.
        line = wait_for(f"'{words}' in the log",
                        lambda: next((line for line in self.node.log_lines() if words in line), None))
        self.assert_goes_on()
        self.saw(line.split('"message":')[1][:200])

    def test_a_good_certificate_is_answered(self) -> None:
        """Else the others would be refused for another reason than theirs."""
        self.authority.issue("n9")
        answer = talk_to_peer_port(self.node, self.authority.client_context("n9"),
                                   hello("n9", self.protocol, self.cluster_id))
        self.assertEqual(answer[8:13], bytes([HELLO]) + struct.pack("<I", MAGIC))
        self.saw(f"{len(answer)} bytes of hello")

    def test_no_certificate(self) -> None:
        self.refused(self.authority.client_context(), "n2", "shows no certificate")

    def test_another_authority(self) -> None:
        other = Authority(self.cluster.directory / "other-authority")
        other.issue("n2")
        context = self.authority.client_context()
        context.load_cert_chain(str(other.certificate_of("n2")), str(other.key_of("n2")))
        self.refused(context, "n2", "of another authority")

    def test_the_name_of_another_node(self) -> None:
        self.authority.issue("n7")
        self.refused(self.authority.client_context("n7"), "n2", "shows a certificate of node n7 and says it is n2")

    def test_an_expired_one(self) -> None:
        self.authority.issue("expired", "--not-after", "2024-01-01T00:00:00Z")
        self.refused(self.authority.client_context("expired"), "expired", "expired on 2024-01-01")

    def test_plain_bytes(self) -> None:
        with Raw(self.node.peer_port) as raw:
            raw.send(hello("n2", self.protocol, self.cluster_id))
            self.assertNotIn(struct.pack("<I", MAGIC), raw.read_to_end(10))
        self.assert_goes_on()
        self.saw("closed without an answer")


class WholeNodes(Case):
    """The same with real nodes instead of a script at the peer port."""

    def test_a_node_with_an_expired_certificate_stays_out(self) -> None:
        with Cluster(tls=True).start() as cluster:
            assert cluster.authority is not None
            node = cluster.followers()[0]
            rest = cluster.others(node)
            node.terminate()
            cluster.authority.renew(node.name, "--not-after", "2024-01-01T00:00:00Z")
            node.context = ssl._create_unverified_context()
            node.start()
            wait_for("the node to answer", node.is_live)
            wait_for("the others to say why", lambda: all(any("expired on 2024" in line for line in one.log_lines())
                                                          for one in rest))
            self.assertTrue(any("has expired" in line for line in node.log_lines()))
            self.assert_status(rest[0].put("tls", "key", b"without it"), 201)
            self.assertFalse(node.is_ready())
            # A good one is taken up without a restart, and with it the node is back.
            cluster.authority.renew(node.name)
            cluster.wait_ready()
            cluster.wait_caught_up()
            self.assertEqual(node.get("tls", "key", consistency="stale").body, b"without it")
            self.saw("kept out while it had expired, back once it was renewed")

    def test_a_certificate_is_replaced_while_the_node_runs(self) -> None:
        with Cluster(tls=True).start() as cluster:
            authority = cluster.authority
            assert authority is not None
            node = cluster.leader()
            held = socket.create_connection(("127.0.0.1", node.port), 10)
            with authority.client_context().wrap_socket(held, server_hostname="127.0.0.1") as old_stream:
                doors = (node.port,)
                before = {port: serial_seen(port, authority) for port in doors}
                authority.renew(node.name)
                for port in doors:
                    wait_for("another certificate", lambda: serial_seen(port, authority) != before[port])
                old_stream.sendall(b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n")
                self.assertIn(b"200", old_stream.recv(4096))
            wait_for("both doors to have it", lambda: sum("has changed" in line for line in node.log_lines()) == 2)
            self.assertEqual(cluster.leader(), node)
            # What is bad is complained of and not used.
            good = authority.key_of(node.name).read_text()
            authority.key_of(node.name).write_text("nonsense")
            wait_for("a complaint", lambda: any("stays in use" in line for line in node.log_lines()))
            self.assert_status(node.ask("GET", "/health/live"), 200)
            authority.key_of(node.name).write_text(good)
            self.saw("new connections see the new one, old ones go on, a bad one is not used")

    def test_a_revoked_certificate_is_shut_out(self) -> None:
        with Cluster(tls=True).start() as cluster:
            assert cluster.authority is not None
            node = cluster.leader()
            rest = cluster.others(node)
            self.assert_status(node.put("tls", "key", b"before"), 201)
            cluster.authority.revoke(node.name)
            # Those that talked to it end the links that are open.
            words = f"shows the certificate of node {node.name} that was revoked on"
            for one in rest:
                wait_for(f"{one} to say why", lambda: any(words in line for line in one.log_lines()))
            cluster.leader(rest)
            self.assert_status(wait_for("a write", lambda: self._written(rest[0], b"without it")), 200)
            wait_for("the node to know itself", lambda: any("own certificate in PATRONUS_TLS_CERT was revoked" in line
                                                            for line in node.log_lines()))
            wait_for("the node to be unready", lambda: not node.is_ready())
            # Nor does it get in when it comes anew.
            node.terminate()
            node.start()
            wait_for("the node to answer", node.is_live)
            told = "does not take this node's certificate: it was revoked"
            wait_for("the node to be told", lambda: any(told in line for line in node.log_lines()))
            self.assertFalse(node.is_ready())
            self.assert_status(rest[0].put("tls", "key", b"still without it"), 200)
            # Another certificate is taken up without a restart, and with it the node is back.
            cluster.authority.renew(node.name)
            cluster.wait_ready()
            cluster.wait_caught_up()
            self.assertEqual(node.get("tls", "key", consistency="stale").body, b"still without it")
            self.saw("a leader shut out at once, also after a restart, and back with another certificate")

    @staticmethod
    def _written(node: Node, value: bytes) -> Optional[Answer]:
        answer = node.put("tls", "key", value)
        return answer if answer.status == 200 else None

    def test_an_unknown_list_keeps_a_node_from_starting(self) -> None:
        with Cluster(size=1, tls=True) as cluster:
            assert cluster.authority is not None
            other = Authority(cluster.directory / "other-authority")
            node = cluster.nodes[0]
            node.environment["PATRONUS_TLS_CRL"] = str(other.revoked)
            node.start()
            self.assertEqual(node.wait_ended(), 2)
            line = node.log_lines()[-1]
            self.assertIn(f"PATRONUS_TLS_CRL='{other.revoked}' holds a list that none of the authorities signed", line)
            node.environment["PATRONUS_TLS_CRL"] = str(cluster.authority.revoked)
            cluster.start()
            self.saw(line)

    def test_without_a_list_all_is_as_before(self) -> None:
        with Cluster(size=1, tls=True) as cluster:
            del cluster.nodes[0].environment["PATRONUS_TLS_CRL"]
            cluster.start()
            self.assert_problem(cluster.nodes[0].ask("GET", "/pki/ca.crl"), 404)
            self.saw("404 no_revocation_list")

    def test_killed_and_started_again(self) -> None:
        with Cluster(tls=True).start() as cluster:
            self.assert_status(cluster.nodes[0].put("tls", "key", b"1"), 201)
            leader = cluster.leader()
            rest = cluster.others(leader)
            leader.kill()
            new = cluster.leader(rest)
            self.assert_status(rest[0].put("tls", "key", b"2"), 200)
            leader.start()
            cluster.wait_ready()
            cluster.wait_caught_up()
            self.assertEqual(leader.get("tls", "key").body, b"2")
            self.saw(f"{leader} killed, {new} leads, {leader} is back")

    def test_plain_http_may_be_served_besides(self) -> None:
        with Cluster(size=1, tls=True) as cluster:
            node = cluster.nodes[0]
            port = cluster._ports.take()
            node.environment["PATRONUS_LISTEN_PLAIN"] = f"127.0.0.1:{port}"
            cluster.start()
            plain = Client(port)
            plain.token = node.token
            self.assert_status(plain.put("tls", "key", b"plain"), 201)
            self.assertEqual(node.get("tls", "key").body, b"plain")
            self.saw("written plain, read over HTTPS")


if __name__ == "__main__":
    main()
