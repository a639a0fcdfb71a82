#!/usr/bin/env python3
"""What a node says of itself: health, metrics, the cluster's status, its log."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from typing import Any

import prometheus
from case import Case, SharedClusterCase, main
from client import Answer
from cluster import Cluster, Node
from waiting import holds_for, wait_for

GAUGES = {"cluster_nodes_total", "cluster_nodes_healthy", "cluster_is_leader", "cluster_current_term",
          "cluster_state_size_bytes"}
COUNTERS = {"cluster_elections_total", "cluster_heartbeats_sent_total", "cluster_heartbeats_received_total",
            "cluster_state_replications_total", "cluster_failovers_total"}
OF_THE_NODE = {"patronus_has_leader", "patronus_commit_index", "patronus_applied_index", "patronus_peer_lag_entries",
               "patronus_wal_fsync_duration_seconds_count", "patronus_http_request_duration_seconds_count",
               "patronus_build_info", "patronus_sessions_active", "process_resident_memory_bytes"}
# A gauge of this name is against Prometheus's customs, but promised.
NAMED_BY_CONTRACT = "cluster_nodes_total "
HEALTH_PATHS = ("/health", "/health/live", "/health/ready", "/health/leader")


def metrics_of(node: Node) -> prometheus.Metrics:
    answer = node.ask("GET", "/metrics", timeout=5)
    assert answer.status == 200, str(answer)
    return prometheus.parse(answer.body.decode())


def value_of(node: Node, name: str) -> float:
    return metrics_of(node).value(name)


class Steady(SharedClusterCase):
    """A cluster in which nothing happens."""

    def test_health(self) -> None:
        leader = self.cluster.leader()
        for node in self.cluster.nodes:
            fields = self.assert_status(node.ask("GET", "/health"), 200).json()
            self.assertLessEqual({"status", "node", "role", "leader", "term", "version"}, fields.keys())
            self.assertEqual((fields["node"], fields["leader"]), (node.name, leader.name))
            self.assertEqual(fields["role"], "leader" if node is leader else "follower")
            self.assertGreaterEqual(fields["term"], 1)
            self.assert_status(node.ask("GET", "/health/live"), 200)
            self.assert_status(node.ask("GET", "/health/ready"), 200)
            self.assertEqual(node.ask("GET", "/health/leader").status, 200 if node is leader else 503)
        self.saw(f"version {fields['version']}, {leader} leads term {fields['term']}")

    def test_head(self) -> None:
        for node in self.cluster.nodes:
            for path in HEALTH_PATHS + ("/metrics",):
                head, get = node.ask("HEAD", path), node.ask("GET", path)
                self.assertEqual((head.status, head.body), (get.status, b""), path)
                self.assertIn("content-length", head.headers)
        self.saw("the status of a GET, without a body")

    def test_ready_in_detail(self) -> None:
        node = self.cluster.nodes[0]
        components = self.assert_status(node.ask("GET", "/health/ready?verbose"), 200).json()["components"]
        self.assertTrue(components)
        for component in components:
            self.assertLessEqual({"name", "ok", "reason", "since"}, component.keys())
            self.assertIs(component["ok"], True)
        name = components[0]["name"]
        self.assert_status(node.ask("GET", f"/health/ready?exclude={name}"), 200)
        self.saw(", ".join(component["name"] for component in components))

    def test_metrics_are_there(self) -> None:
        for node in self.cluster.nodes:
            node.put("metrics", node.name, b"value")
            answer = node.ask("GET", "/metrics")
            self.assertTrue(answer.headers["content-type"].startswith("text/plain"))
            metrics = prometheus.parse(answer.body.decode())
            self.assertEqual({name for name in GAUGES if metrics.types.get(name) != "gauge"}, set())
            self.assertEqual({name for name in COUNTERS if metrics.types.get(name) != "counter"}, set())
            self.assertEqual(OF_THE_NODE - metrics.samples.keys(), set())
        self.saw(f"{len(metrics.types)} families, {sum(map(len, metrics.samples.values()))} samples")

    def test_promtool_accepts_them(self) -> None:
        promtool = shutil.which("promtool")
        if promtool is None:
            self.skipTest("there is no promtool here")
        text = self.cluster.nodes[0].ask("GET", "/metrics").body
        checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, timeout=30)
        complaints = (checked.stdout + checked.stderr).decode().splitlines()
        self.assertEqual([line for line in complaints if line and not line.startswith(NAMED_BY_CONTRACT)], [])
        self.saw("promtool has nothing to say")

    def test_metrics_are_true(self) -> None:
        leader = self.cluster.leader()
        self.assert_status(leader.put("metrics", "size", bytes(10_000)), 200, 201)
        self.cluster.wait_caught_up()
        all_metrics = {node: metrics_of(node) for node in self.cluster.nodes}
        self.assertEqual({node for node, one in all_metrics.items() if one.value("cluster_is_leader") == 1}, {leader})
        for node, one in all_metrics.items():
            self.assertEqual(one.value("cluster_nodes_total"), 3)
            self.assertEqual(one.value("cluster_nodes_healthy"), 3)
            self.assertEqual(one.value("cluster_current_term"), node.status()["term"])
            self.assertGreaterEqual(one.value("cluster_state_size_bytes"), 10_000)
            self.assertGreaterEqual(one.value("cluster_elections_total"), 1)
            self.assertEqual(one.value("cluster_failovers_total"), 0)
            self.assertEqual(one.value("patronus_has_leader"), 1)
            self.assertGreaterEqual(one.value("cluster_state_replications_total"), 1)
        self.saw(f"one leader, {all_metrics[leader].value('cluster_state_size_bytes'):.0f} bytes of state")

    def test_heartbeats_are_counted(self) -> None:
        leader = self.cluster.leader()
        sent = value_of(leader, "cluster_heartbeats_sent_total")
        received = {node: value_of(node, "cluster_heartbeats_received_total") for node in self.cluster.others(leader)}
        wait_for("heartbeats to be sent", lambda: value_of(leader, "cluster_heartbeats_sent_total") >= sent + 4)
        for node, before in received.items():
            wait_for(f"{node} to receive them",
                     lambda: value_of(node, "cluster_heartbeats_received_total") >= before + 2)
        self.saw(f"{sent:.0f} sent at first, then more on all sides")

    def test_requests_are_counted_by_template(self) -> None:
        node = self.cluster.followers()[0]
        node.get("metrics", "a-key-nobody-should-see-in-a-metric")
        node.ask("GET", "/a-path-nobody-should-see")
        text = node.ask("GET", "/metrics").text()
        self.assertNotIn("nobody-should-see", text)
        durations = prometheus.parse(text).labelled("patronus_http_request_duration_seconds_count")
        found = [dict(labels) for labels in durations if dict(labels)["code"] == "404"]
        routes = {labels["route"] for labels in found}
        self.assertIn("/api/v1/state/{namespace}/{key}", routes)
        self.assertEqual({"route", "method", "code"}, set(found[0]))
        self.saw(f"{len(durations)} combinations of route, method and code")

    def test_cluster_status(self) -> None:
        leader = self.cluster.leader()
        self.cluster.wait_caught_up()
        ids = set()
        for node in self.cluster.nodes:
            status = wait_for("all to be healthy", lambda: self._healthy_status(node))
            ids.add(status["cluster_id"])
            self.assertEqual((status["leader"], status["quorum"], status["failure_tolerance"]), (leader.name, 2, 1))
            self.assertEqual([one["id"] for one in status["nodes"]], ["n1", "n2", "n3"])
            for one in status["nodes"]:
                self.assertEqual(one["address"], self.cluster.node(one["id"]).address)
                self.assertEqual(one["role"], "leader" if one["id"] == leader.name else "follower")
                self.assertIs(one["voter"], True)
                self.assertGreaterEqual(one["last_contact_ms"], 0)
                self.assertTrue(one["version"])
        self.assertEqual(len(ids), 1)
        self.assertTrue(ids.pop())
        self.saw("all three tell the same")

    @staticmethod
    def _healthy_status(node: Node) -> dict[str, Any] | None:
        status = node.status()
        fine = status["healthy"] and all(one["healthy"] and one["lag_entries"] == 0 for one in status["nodes"])
        return status if fine else None

    def test_log_is_json_lines(self) -> None:
        for node in self.cluster.nodes:
            lines = node.log_lines()
            self.assertTrue(lines, "a node that starts says so")
            for line in lines:
                self.assertIsInstance(json.loads(line), dict, line)
        self.saw(f"{len(lines)} lines such as {lines[0][:100]}")


class Failing(Case):
    def test_numbers_follow_a_failover(self) -> None:
        with Cluster().start() as cluster:
            leader = cluster.leader()
            rest = cluster.others(leader)
            elections = value_of(rest[0], "cluster_elections_total")
            leader.kill()
            new = cluster.leader(rest)
            for node in rest:
                wait_for(f"{node} to count 2 healthy nodes", lambda: value_of(node, "cluster_nodes_healthy") == 2)
                wait_for(f"{node} to count the election",
                         lambda: value_of(node, "cluster_elections_total") > elections)
                wait_for(f"{node} to count the failover", lambda: value_of(node, "cluster_failovers_total") >= 1)
                self.assertEqual(value_of(node, "cluster_nodes_total"), 3)
            self.assertEqual(sum(value_of(node, "cluster_is_leader") for node in rest), 1)
            unhealthy = [one["id"] for one in new.status()["nodes"] if not one["healthy"]]
            self.assertEqual(unhealthy, [leader.name])
            self.assertIs(new.status()["healthy"], True)
            leader.start()
            for node in cluster.nodes:
                wait_for(f"{node} to count 3 healthy nodes", lambda: value_of(node, "cluster_nodes_healthy") == 3)
                wait_for(f"{node} to count as the others do",
                         lambda: value_of(node, "cluster_failovers_total") == value_of(new, "cluster_failovers_total"))
            self.saw(f"elections {elections:.0f} -> {value_of(new, 'cluster_elections_total'):.0f}, healthy 3, 2, 3")

    def test_ready_through_an_election(self) -> None:
        """An election must not empty the balancer's pool; with a long timeout no noise can make it seem so."""
        with Cluster(election_timeout="2s", heartbeat_interval="200ms").start() as cluster:
            leader = cluster.leader()
            rest = cluster.others(leader)
            leader.pause()  # Silence alone: a process that dies is replaced before one can look.
            killed = time.monotonic()
            looks = 0

            def another_leads() -> bool:
                nonlocal looks
                for node in rest:
                    answer = node.ask("GET", "/health/ready?verbose", timeout=5)
                    self.assertEqual(answer.status, 200, f"{node} after {time.monotonic() - killed:.2f} s: {answer}")
                looks += 1
                return any(node.is_leader() for node in rest)

            wait_for("another leader", another_leads)
            self.assertGreater(looks, 3)
            self.saw(f"ready on {looks} looks until another leader after {time.monotonic() - killed:.2f} s")

    def test_without_a_quorum(self) -> None:
        with Cluster().start() as cluster:
            self.assert_status(cluster.nodes[0].put("app", "key", b"value"), 201)
            cluster.wait_caught_up()
            last = cluster.leader()
            for node in cluster.others(last):
                node.kill()
            lost = time.monotonic()
            unready = wait_for("the last node to be unready", lambda: self._not_ready(last))
            took = time.monotonic() - lost
            self.assertGreater(took, 0.5, "an election's time must pass first")
            reasons = [one["reason"] for one in unready.json()["components"] if not one["ok"]]
            self.assertTrue(all(reasons) and reasons, unready.text())
            status = last.status()
            self.assertIsNone(status["leader"])
            self.assertIs(status["healthy"], False)
            health = self.assert_status(last.ask("GET", "/health"), 200).json()
            self.assertIsNone(health["leader"])
            self.assertEqual(last.ask("GET", "/health/leader").status, 503)
            self.assertEqual(value_of(last, "cluster_is_leader"), 0)
            self.assertEqual(value_of(last, "patronus_has_leader"), 0)
            wait_for("the last node to vouch for nothing",
                     lambda: last.get("app", "key", consistency="stale").problem()["code"] == "cannot_vouch")
            looks = holds_for("live without a quorum", lambda: last.ask("GET", "/health/live").status == 200, 1.0)
            cluster.others(last)[0].start()
            wait_for("to be ready again", last.is_ready)
            self.saw(f"unready after {took:.2f} s ({reasons[0]}), live on {looks} looks, ready again with a quorum")

    @staticmethod
    def _not_ready(node: Node) -> Answer | None:
        answer = node.ask("GET", "/health/ready?verbose")
        return answer if answer.status == 503 else None


if __name__ == "__main__":
    main()
