#!/usr/bin/env python3
"""Nodes behind the real HAProxy: they die, leave and come back, and whoever asks through the balancer sees nothing of
it."""

from __future__ import annotations

import signal
import threading
import time
from typing import Optional

from balanced import BalancedCluster, Bench, Writers
from case import Case, main
from client import state_path
from cluster import Node
from haproxy import FrontClient, HAProxy
from waiting import PATIENCE, wait_for

NEED_NO_QUORUM = ["/health", "/api/v1/cluster/status", "/.well-known/jwks.json"]
# Far below the election timeout of five seconds that a real cluster has.
AT_ONCE_SECONDS = 1.5 * PATIENCE


class Balanced(Case):
    def test_requests_spread_and_cookies_stick(self) -> None:
        with BalancedCluster().start() as cluster:
            script = cluster.balancer.client(keeps_cookies=False)
            nodes = [script.ask("GET", "/health").headers["x-patronus-node"] for _ in range(30)]
            counts = {name: nodes.count(name) for name in sorted(set(nodes))}
            self.assertEqual(len(counts), 3, counts)
            browser = cluster.balancer.client()
            first = browser.ask("GET", "/health")
            self.assertEqual(browser.server, first.headers["x-patronus-node"])
            attributes = {part.strip().lower() for part in first.cookies[0].split(";")[1:]}
            self.assertLessEqual({"httponly", "secure", "samesite=lax"}, attributes)
            again = [browser.ask("GET", "/health") for _ in range(20)]
            self.assertEqual({answer.headers["x-patronus-node"] for answer in again}, {browser.server})
            self.assertEqual([answer.cookies for answer in again], [()] * 20, "a cookie is given once")
            self.saw(f"{counts}; 20 requests with a cookie at {browser.server}")

    def test_node_of_the_cookie_is_killed(self) -> None:
        with BalancedCluster().start() as cluster:
            took = [self._kill_the_node_of_the_cookie(cluster, method) for method in ("GET", "PUT")]
            self.saw(f"next answer after {' and '.join(f'{seconds * 1000:.0f} ms' for seconds in took)}")

    def _kill_the_node_of_the_cookie(self, cluster: BalancedCluster, method: str) -> float:
        browser = cluster.balancer.client()
        self.assert_status(browser.put("app", "key", b"before"), 200, 201)
        victim = cluster.node(browser.server)
        victim.kill()
        answer = browser.ask(method, state_path("app", "key"), b"after" if method == "PUT" else None,
                             {"Idempotency-Key": f"after-{victim.name}"})
        self.assert_status(answer, 200)
        self.assertNotEqual(answer.headers["x-patronus-node"], victim.name)
        self.assertEqual(browser.server, answer.headers["x-patronus-node"], "the cookie names the new node")
        self.assertLess(answer.seconds, AT_ONCE_SECONDS)
        victim.start()
        cluster.wait_ready([victim])
        cluster.balancer.wait_all_up()
        return answer.seconds

    def test_rolling_restart_under_load(self) -> None:
        with BalancedCluster().start() as cluster:
            with Writers(cluster.balancer) as keyed, Writers(cluster.balancer, keyed=False) as bare:
                finished, runs = threading.Event(), []
                benches = threading.Thread(target=self._bench_until, args=(cluster.balancer, finished, runs))
                benches.start()
                try:
                    for node in cluster.nodes:
                        cluster.restart(node)
                finally:
                    finished.set()
                    benches.join()
            self.assertEqual([run for run in runs if isinstance(run, str)], [])
            self.assertEqual(keyed.faults + bare.faults, [])
            self.assertGreater(keyed.written, 100)
            self.assertGreater(bare.written, 100)
            self.saw(f"{len(runs)} times ab -n 10000 -c 50, {keyed.written} keyed and {bare.written} bare writes, "
                     f"no failed request")

    @staticmethod
    def _bench_until(balancer: HAProxy, finished: threading.Event, runs: list[object]) -> None:
        while not runs or not finished.is_set():
            try:
                runs.append(Bench(f"{balancer.url}/health", 10_000, 50).finish())
            except AssertionError as error:
                runs.append(str(error))

    def test_nodes_killed_under_load(self) -> None:
        with BalancedCluster().start() as cluster, Writers(cluster.balancer) as writers:
            for node in cluster.nodes:
                bench = Bench(f"{cluster.balancer.url}/health", 10_000, 50)
                written = writers.written
                wait_for("the load to be on", lambda least=written: writers.written > least + 5)
                node.kill()
                bench.finish()
                node.start()
                cluster.wait_ready([node])
                cluster.balancer.wait_all_up()
            self.assertEqual(writers.faults, [])
            self.saw(f"3 nodes killed under ab -n 10000 -c 50 and {writers.written} keyed writes, no failed request")

    def test_draining_node_keeps_its_clients_alone(self) -> None:
        with BalancedCluster(drain_grace="5s").start() as cluster:
            browser, script = cluster.balancer.client(), cluster.balancer.client(keeps_cookies=False)
            browser.ask("GET", "/health")
            node = cluster.node(browser.server)
            node.signal(signal.SIGTERM)
            answer = wait_for("404 from the node itself", lambda: self._ready_if(node, 404))
            self.assertEqual(answer.json()["status"], "draining")
            self.assertEqual(node.ask("HEAD", "/health/ready").status, 404)
            self.assertEqual(node.ask("GET", "/health/live").status, 200)
            cluster.balancer.wait_states({node.name: "NOLB"}, seconds=5)
            sticky = self._ask_while_draining(cluster, node, browser, script)
            self.assertEqual(node.wait_ended(), 0)
            self.assertEqual(self.assert_status(browser.ask("GET", "/health"), 200).headers["x-patronus-node"],
                             browser.server)
            self.assertNotEqual(browser.server, node.name)
            self.saw(f"{sticky} requests of the sticky client still at {node}, none of others")

    @staticmethod
    def _ready_if(node: Node, status: int) -> object:
        answer = node.ask("GET", "/health/ready")
        return answer if answer.status == status else None

    def _ask_while_draining(self, cluster: BalancedCluster, node: Node, browser: FrontClient,
                            script: FrontClient) -> int:
        sticky = 0
        while cluster.balancer.states()[node.name] == "NOLB":
            new = self.assert_status(script.ask("GET", "/health"), 200)
            old = self.assert_status(browser.ask("GET", "/health"), 200)
            if cluster.balancer.states()[node.name] != "NOLB":
                break  # It has left in the middle of this round.
            self.assertNotEqual(new.headers["x-patronus-node"], node.name)
            if old.headers["x-patronus-node"] != node.name:
                break
            self.assertEqual(browser.server, node.name)
            sticky += 1
            if sticky == 20:
                break
        self.assertGreater(sticky, 0)
        return sticky

    def test_no_node_ready(self) -> None:
        with BalancedCluster(election_timeout="500ms").start() as cluster:
            client = cluster.balancer.client()
            self.assert_status(client.put("app", "key", b"value"), 201)
            cluster.wait_caught_up()
            live = cluster.followers()[0]
            for node in cluster.others(live):
                node.kill()
            cluster.balancer.wait_states({node.name: "DOWN" for node in cluster.nodes})
            for path in NEED_NO_QUORUM:
                read = self.assert_status(self._anybody(cluster).ask("GET", path), 200)
                self.assertEqual(read.headers["x-patronus-node"], live.name)
            # Whether a session is still good it can't say without a quorum; but it is the node that says so.
            read = client.get("app", "key", consistency="stale")
            self.assertEqual(self.assert_problem(read, 503)["code"], "cannot_vouch")
            self.assertEqual(read.headers["x-patronus-node"], live.name)
            for method in ("PUT", "DELETE"):
                write = client.ask(method, state_path("app", "key"), b"x" if method == "PUT" else None)
                fields = self.assert_problem(write, 503)
                self.assertEqual((fields["code"], fields["maybe_applied"]), ("no_node_ready", False))
                self.assertLess(write.seconds, AT_ONCE_SECONDS)
                self.assertIn("retry-after", write.headers)
            for node in cluster.others(live):
                node.start()
            cluster.wait_ready()
            cluster.balancer.wait_all_up()
            self.assert_status(client.put("app", "key", b"again"), 200)
            self.saw(f"reads from {live} alone, writes refused at once, all well again afterwards")

    def test_reads_need_the_backend_of_live_nodes(self) -> None:
        """What the one before shows is this backend's doing."""
        with BalancedCluster(election_timeout="500ms", without=["use_backend patronus_live"]).start() as cluster:
            for node in cluster.nodes[1:]:
                node.kill()
            cluster.balancer.wait_states({node.name: "DOWN" for node in cluster.nodes})
            for path in NEED_NO_QUORUM:
                answer = self._anybody(cluster).ask("GET", path)
                self.assertEqual(self.assert_problem(answer, 503)["code"], "no_node")
            self.saw("503 although a node lives")

    @staticmethod
    def _anybody(cluster: BalancedCluster) -> FrontClient:
        client = cluster.balancer.client()
        client.token = None
        return client

    def test_all_drain(self) -> None:
        with BalancedCluster(drain_grace="10s").start() as cluster:
            for node in cluster.nodes:
                node.signal(signal.SIGTERM)
            cluster.balancer.wait_states({node.name: "NOLB" for node in cluster.nodes}, seconds=8)
            client = cluster.balancer.client()
            self.assert_status(client.get("app", "key", consistency="stale"), 404)
            self.assertEqual(self.assert_problem(client.put("app", "key", b"x"), 503)["code"], "no_node_ready")
            self.saw("reads answered, writes refused")

    def test_reload_under_load(self) -> None:
        with BalancedCluster().start() as cluster, Writers(cluster.balancer) as writers:
            bench: Optional[Bench] = None
            reloads = 0
            while bench is None or bench.running():
                bench = bench or Bench(f"{cluster.balancer.url}/health", 10_000, 50)
                cluster.balancer.reload()
                reloads += 1
                written = writers.written
                wait_for("more writes", lambda least=written: writers.written > least + 5)
            bench.finish()
            self.assertEqual(writers.faults, [])
            self.saw(f"{reloads} reloads under ab -n 10000 -c 50 and {writers.written} writes, no failed request")

    def test_load_test_passes_the_rate_limit(self) -> None:
        with BalancedCluster().start() as cluster:
            rates = [Bench(f"{cluster.balancer.url}/health", 10_000, 100).finish()["Requests per second"]
                     for _ in range(2)]
            self.saw(f"ab -n 10000 -c 100 twice, {' and '.join(f'{rate:.0f}' for rate in rates)} requests/s, all 200")


if __name__ == "__main__":
    main()
