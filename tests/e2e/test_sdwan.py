#!/usr/bin/env python3
"""The SD-WAN engine with real responders behind lines that do as they are told: what is measured is what they were set
to; who falls silent is said to be by every node; forged and replayed answers change nothing; verdicts outlive leaders."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Optional

import prometheus
from case import Case, main
from certificates import patronusctl
from cluster import Cluster, Node, clean_environment
from line import Line, Responder, Weather
from waiting import holds_for, wait_for

INTERVAL = "50ms"
# What is measured may differ from what the line was set to: the proxy and the loop add their own time on a busy machine,
# and of some hundred probes chance loses more or fewer.
LATENCY_ERROR_MS = 10.0
JITTER_ERROR = 0.35  # of it
LOSS_ERROR_PCT = 5.0


class Network:
    """A cluster, sites with a responder and a line for each endpoint, and a policy from the first to the second."""

    def __init__(self, endpoints: tuple[int, ...] = (2, 1), weather: Optional[Weather] = None) -> None:
        self.cluster = Cluster(settings={"PATRONUS_PROBE_INTERVAL": INTERVAL})
        self.holder = tempfile.TemporaryDirectory(prefix="patronus-e2e-")
        self.sites: list[str] = []
        self.lines: list[list[Line]] = []
        self.responders: list[list[Responder]] = []
        self.endpoints, self.weather = endpoints, weather

    def __enter__(self) -> Network:
        self.cluster.start()
        try:
            for number, count in enumerate(self.endpoints):
                self._add_site(f"site-{number}", count)
            fields = {"name": "first to second", "source_site": self.sites[0], "destination_site": self.sites[1],
                      "prefer": "score"}
            made = self.cluster.nodes[0].post("/api/v1/policies", fields)
            assert made.status == 201, str(made)
        except BaseException:
            self.__exit__(RuntimeError, None, None)
            raise
        return self

    def __exit__(self, kind: Any, _error: Any, _trace: Any) -> None:
        try:
            self.cluster.close(failed=kind is not None)
        finally:
            for line in [line for lines in self.lines for line in lines]:
                line.close()
            for responder in [one for ones in self.responders for one in ones]:
                responder.kill()
            self.holder.cleanup()

    def _add_site(self, name: str, count: int) -> None:
        """The lines are there first, since their addresses are the endpoints'; they lead nowhere until the responders
        have the site's key."""
        node = self.cluster.nodes[1]
        lines = [Line(9, Weather(**vars(self.weather)) if self.weather else None) for _ in range(count)]
        self.lines.append(lines)
        endpoints = [{"address": line.address, "interface_type": "fiber", "cost_per_gb": 0.5} for line in lines]
        made = wait_for("a site to be made", lambda: self._made(node, {"name": name, "endpoints": endpoints}))
        site = made["id"]
        self.sites.append(site)
        key_file = Path(self.holder.name) / f"{name}.key"
        self.ctl("site", "probe-key", site, "--out", str(key_file))
        assert key_file.stat().st_mode & 0o077 == 0, "a key is for its owner alone"
        responders = [Responder(site, key_file) for _ in lines]
        self.responders.append(responders)
        for line, responder in zip(lines, responders):
            line.far = responder.port

    @staticmethod
    def _made(node: Node, fields: dict[str, Any]) -> Optional[dict[str, Any]]:
        answer = node.post("/api/v1/sites", fields)
        assert answer.status in (201, 503), str(answer)  # 503: there are no tables yet
        return answer.json() if answer.status == 201 else None

    def ctl(self, *arguments: str) -> str:
        node = self.cluster.running()[0]
        done = subprocess.run([str(patronusctl()), "--endpoint", f"http://{node.address}", *arguments],
                              env=clean_environment({"PATRONUS_TOKEN": str(node.token), "HOME": self.holder.name}),
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def site(self, node: Node, number: int) -> dict[str, Any]:
        answer = node.ask("GET", f"/api/v1/sites/{self.sites[number]}?consistency=stale")
        assert answer.status == 200, str(answer)
        site: dict[str, Any] = answer.json()
        return site

    def site_status(self, number: int) -> set[str]:
        """As each node that runs says."""
        return {self.site(node, number)["status"] for node in self.cluster.running()}

    def paths(self, node: Node) -> list[dict[str, Any]]:
        answer = node.ask("GET", "/api/v1/paths")
        assert answer.status == 200, str(answer)
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def path_statuses(self) -> set[Optional[str]]:
        return {path["status"] for node in self.cluster.running() for path in self.paths(node)}

    def wait_up(self) -> None:
        for number in range(len(self.sites)):
            wait_for(f"site {number} to be active", lambda: self.site_status(number) == {"active"})
        wait_for("all paths to be up", lambda: self.path_statuses() == {"up"})

    def samples(self, node: Node, path: str) -> list[dict[str, Any]]:
        answer = node.ask("GET", f"/api/v1/paths/{path}/metrics?minutes=5")
        assert answer.status == 200, str(answer)
        samples: list[dict[str, Any]] = answer.json()["samples"]
        return samples


def metric(node: Node, name: str) -> float:
    answer = node.ask("GET", "/metrics", timeout=5)
    assert answer.status == 200, str(answer)
    return prometheus.parse(answer.body.decode()).value(name)


class Sdwan(Case):
    def test_what_is_measured_is_what_the_line_was_set_to(self) -> None:
        delay, jitter, loss = 0.030, 0.060, 0.08
        with Network(endpoints=(1, 1)) as network:
            # Only the second site's line: the path's figures are of the way from the first to it.
            line = network.lines[1][0]
            line.weather = Weather(delay, jitter, loss)
            line.kept.clear()
            path = network.paths(network.cluster.nodes[0])[0]["id"]
            skip = 5  # the window has to fill with this weather first
            enough = skip + 18
            for node in network.cluster.nodes:
                wait_for(f"samples at {node}", lambda: len(network.samples(node, path)) >= enough, seconds=60)
            # As long as the line really took: on a busy machine it is late at times.
            want = {"latency_ms": 1000 * 2 * statistics.fmean(line.kept),
                    # The mean difference of two sums of two even distributions, as RFC 3550 smooths it.
                    "jitter_ms": 1000 * jitter * 0.4667,
                    "packet_loss_pct": 100 * (1 - (1 - loss) ** 2)}
            seen = []
            for node in network.cluster.nodes:
                samples = [one for one in network.samples(node, path)[skip:] if one["latency_ms"] is not None]
                got = {name: statistics.fmean(one[name] for one in samples) for name in want}
                self.assertAlmostEqual(got["latency_ms"], want["latency_ms"], delta=LATENCY_ERROR_MS)
                self.assertAlmostEqual(got["jitter_ms"], want["jitter_ms"], delta=JITTER_ERROR * want["jitter_ms"])
                self.assertAlmostEqual(got["packet_loss_pct"], want["packet_loss_pct"], delta=LOSS_ERROR_PCT)
                seen.append("/".join(f"{got[name]:.1f}" for name in want))
            self.saw(f"set {'/'.join(f'{want[name]:.1f}' for name in want)} ms/ms/%, measured {', '.join(seen)}")

    def test_who_falls_silent_is_said_to_be_and_comes_back(self) -> None:
        with Network() as network:
            network.wait_up()
            first, second = network.responders[0]
            first.kill()
            wait_for("the site to be degraded", lambda: network.site_status(0) == {"degraded"})
            for node in network.cluster.nodes:
                self.assertEqual([one["reachable"] for one in network.site(node, 0)["endpoints"]], [False, True])
            wait_for("its path to be down", lambda: network.path_statuses() == {"up", "down"})
            second.kill()
            wait_for("the site to be inactive", lambda: network.site_status(0) == {"inactive"})
            self.assertEqual(network.site_status(1), {"active"})
            for responder in (first, second):
                responder.start()
            network.wait_up()
            counts = second.terminate()
            self.assertGreater(counts["probes"], 0)
            self.assertGreater(counts["forwards"], 0)
            self.saw(f"one of two: degraded; both: inactive; back again: active; {counts['probes']} probes answered")

    def test_forged_and_replayed_answers_change_nothing(self) -> None:
        with Network(endpoints=(1, 1, 1)) as network:
            network.wait_up()
            before = [network.paths(node) for node in network.cluster.nodes]
            for line in (line for lines in network.lines for line in lines):
                line.weather.replays = line.weather.forgeries = True
            for node in network.cluster.nodes:
                for name in ("patronus_probe_forged_total", "patronus_probe_replayed_total"):
                    wait_for(f"{name} at {node}", lambda: metric(node, name) > 200)
            self.assertEqual(network.path_statuses(), {"up"})
            for node, was in zip(network.cluster.nodes, before):
                self.assertEqual([one["since"] for one in network.paths(node)], [one["since"] for one in was])
                self.assertEqual(metric(node, "patronus_endpoints_reachable"), 3)
                for one in network.samples(node, was[0]["id"])[-2:]:
                    self.assertEqual(one["packet_loss_pct"], 0)
            # Who is forged only is not there.
            for line in network.lines[2]:
                line.weather = Weather(forgeries=True, swallows=True)
            wait_for("the third site to be inactive", lambda: network.site_status(2) == {"inactive"})
            node = network.cluster.nodes[0]
            self.saw(f"{metric(node, 'patronus_probe_forged_total'):.0f} forged and "
                     f"{metric(node, 'patronus_probe_replayed_total'):.0f} replayed counted on one node, all still up")

    def test_verdicts_go_on_after_the_leader_without_a_flap(self) -> None:
        with Network() as network:
            network.wait_up()
            leader = network.cluster.leader()
            since = {path["id"]: path["since"] for path in network.paths(leader)}
            leader.kill()
            wait_for("another leader", lambda: network.cluster.leader() is not leader)

            def stands() -> bool:
                return all({path["id"]: path["since"] for path in network.paths(node)} == since
                           and network.site(node, 0)["status"] == "active" for node in network.cluster.running())

            holds_for("what was said stands", stands, 4)
            network.responders[1][0].kill()
            wait_for("the new leader's verdict", lambda: network.site_status(1) == {"inactive"})
            # One that begins with nothing in its windows knows what the cluster holds, and holds to it.
            leader.start()
            network.cluster.wait_ready()
            wait_for("it to have probed", lambda: metric(leader, "patronus_endpoints_reachable") == 2)
            answer = network.cluster.running()[0].post("/api/v1/admin/force-election", {"target": leader.name})
            self.assert_status(answer, 200)
            network.cluster.log_in()
            holds_for("what was said stands", lambda: network.site(leader, 0)["status"] == "active"
                      and network.site(leader, 1)["status"] == "inactive", 3)
            network.responders[1][0].start()
            network.wait_up()
            self.saw("two changes of the leader, nothing changed but what did")

    def test_responder_says_what_is_wrong(self) -> None:
        with tempfile.TemporaryDirectory(prefix="patronus-e2e-") as holder:
            key = Path(holder) / "key"
            key.write_text("A" * 43 + "\n")

            def run(*arguments: str) -> subprocess.CompletedProcess[str]:
                return subprocess.run([str(patronusctl()), "probe-responder", *arguments], env=clean_environment({}),
                                      capture_output=True, text=True, timeout=30, check=False)

            for code, word, arguments in (
                    (2, "--site", ()),
                    (2, "no address", ("--site", "s", "--key-file", str(key), "--listen", "nowhere")),
                    (1, "No such file", ("--site", "s", "--key-file", str(key) + "x", "--listen", "127.0.0.1:7")),
                    (1, "no key", ("--site", "s", "--key-file", __file__, "--listen", "127.0.0.1:7")),
                    (1, "numeric", ("--site", "s", "--key-file", str(key), "--listen", "example.org:1"))):
                done = run(*arguments)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn(word, done.stderr)
            responder = Responder("s", key)
            responder.counts()
            self.assertEqual(responder.terminate()["probes"], 0)
            self.assertEqual(run("--help").returncode, 0)
        self.saw("five mistakes named, signals answered")

    def test_keys_are_for_administrators(self) -> None:
        with Network(endpoints=(1, 1)) as network:
            node = network.cluster.nodes[2]
            answer = node.ask("GET", f"/api/v1/sites/{network.sites[0]}/probe-key")
            self.assertEqual(set(self.assert_status(answer, 200).json()), {"site", "key_generation", "key"})
            self.assertEqual(answer.headers.get("cache-control"), "no-store")
            self.assert_problem(node.ask("GET", "/api/v1/sites/nothing/probe-key"), 404)
            self.assert_problem(node.ask("GET", "/api/v1/paths/nothing/metrics"), 404)
            path = network.paths(node)[0]["id"]
            self.assert_problem(node.ask("GET", f"/api/v1/paths/{path}/metrics?minutes=0"), 400)
            operator = {"email": "op@example.org", "name": "Op", "password": "a password for tests alone", "role": "operator"}
            self.assert_status(node.post("/api/v1/users", operator), 201)
            login = node.post("/api/v1/auth/login", {"email": operator["email"], "password": operator["password"]},
                              {"Authorization": ""})
            token = {"Authorization": f"Bearer {login.json()['access_token']}"}
            self.assert_problem(node.ask("GET", f"/api/v1/sites/{network.sites[0]}/probe-key", headers=token), 403)
            self.assert_status(node.ask("GET", f"/api/v1/paths/{path}/metrics", headers=token), 200)
            self.saw("an operator gets no key")


if __name__ == "__main__":
    main()
