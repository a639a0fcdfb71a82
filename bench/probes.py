#!/usr/bin/env python3
"""What probing costs a node: the CPU time of three nodes without sites, then with many endpoints that are probed once a
second, all answered by one process. Exit code: 0 if the budget of a twentieth of a core is kept, 1 if not or if it could
not be measured."""

from __future__ import annotations

import sys

sys.dont_write_bytecode = True  # The checkout stays as it is.

import argparse
import base64
import hashlib
import hmac
import json
import multiprocessing
import os
import shutil
import socket
import time
from typing import Any, Optional

from interruption import Interrupted, catch_signals, ignore_signals, say
from machine import describe_machine
from patronus import JSON_BODY, ROOT, Patronus, find_binary
from systems import BenchError, end_with_parent

BUDGET_PERCENT = 5.0
ENDPOINTS_A_SITE = 8
SETTLE_SECONDS = 12
HEAD_BYTES, CODE_BYTES, PROBE_BYTES, KIND_AT, SITE_AT, ANSWER = 72, 16, 88, 5, 8, 2
LABEL = b"patronus probe 1 from site to node"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoints", type=int, default=1000, help="that are probed, each once a second (1000)")
    parser.add_argument("--seconds", type=int, default=20, help="measured, without sites and with them (20)")
    parser.add_argument("-o", dest="output", choices=("table", "json"), default="table", help="table (default) or json")
    arguments = parser.parse_args()
    if arguments.endpoints < 1 or arguments.seconds < 1:
        parser.error("--endpoints and --seconds must be at least 1")
    return arguments


def respond(door: socket.socket, keys: dict[bytes, bytes]) -> None:
    """A responder for many sites at once: it answers and checks nothing, since it is the nodes that are measured."""
    end_with_parent()
    prepared = {site.ljust(32, b"\0"): hmac.new(key, LABEL, hashlib.sha256) for site, key in keys.items()}
    while True:
        datagram, node = door.recvfrom(512)
        begun = prepared.get(datagram[SITE_AT:SITE_AT + 32])
        if len(datagram) != PROBE_BYTES or begun is None:
            continue
        said = bytearray(datagram[:HEAD_BYTES])
        said[KIND_AT] = ANSWER
        code = begun.copy()
        code.update(bytes(said))
        door.sendto(bytes(said) + code.digest()[:CODE_BYTES], node)


class Probes:
    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.directory = ROOT / "build" / f"probes-run-{os.getpid()}"
        self.cluster = Patronus(find_binary("patronusd", "PATRONUSD"), self.directory / "patronus")
        self.door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        # On all of loopback: the endpoints of a site are told apart by their addresses.
        self.door.bind(("0.0.0.0", 0))
        self.responder: Any = None
        self.result: dict[str, Any] = {}

    def run(self) -> None:
        self.directory.mkdir(parents=True)
        say("starting three nodes of patronus")
        self.cluster.start()
        self.result["about"] = describe_machine(self.directory) | {
            "endpoints": self.arguments.endpoints, "seconds": self.arguments.seconds}
        say("measuring them without sites")
        idle = self.measure()
        say(f"making {self.arguments.endpoints} endpoints")
        keys = self.make_sites()
        self.responder = multiprocessing.get_context("fork").Process(target=respond, args=(self.door, keys), daemon=True)
        self.responder.start()
        self.wait_all_reachable()
        time.sleep(SETTLE_SECONDS)  # the first verdicts are in the log, and histories begin to fill
        say("measuring them with sites")
        busy = self.measure()
        self.result["nodes"] = [
            {"node": node.name, "leads": address == self.cluster.leader(), "idle_percent": idle[node.name]["percent"],
             "probing_percent": busy[node.name]["percent"],
             "cost_percent": busy[node.name]["percent"] - idle[node.name]["percent"],
             "probes_per_second": busy[node.name]["sent"], "answers_per_second": busy[node.name]["answers"],
             "lost_per_second": busy[node.name]["lost"], "rss_bytes": busy[node.name]["rss"]}
            for node, address in zip(self.cluster.nodes, self.cluster.addresses)]

    def ask(self, address: str, method: str, path: str, body: Any = None) -> Any:
        answer = self.cluster.ask(address, method, path, json.dumps(body).encode() if body else None,
                                  JSON_BODY | {"Authorization": f"Bearer {self.cluster.token}"})
        if answer is None or answer.status not in (200, 201):
            raise BenchError(f"{method} {path}: {answer}")
        return answer.json()

    def make_sites(self) -> dict[bytes, bytes]:
        leader = self.cluster.leader()
        port = self.door.getsockname()[1]
        keys = {}
        left = self.arguments.endpoints
        while left > 0:
            endpoints = [{"address": f"127.0.0.{number + 1}:{port}", "interface_type": "fiber", "cost_per_gb": 0}
                         for number in range(min(left, ENDPOINTS_A_SITE))]
            left -= len(endpoints)
            site = self.ask(leader, "POST", "/api/v1/sites", {"name": f"site {left}", "endpoints": endpoints})["id"]
            key = self.ask(leader, "GET", f"/api/v1/sites/{site}/probe-key")["key"]
            keys[site.encode()] = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))
        return keys

    def metrics(self, address: str) -> dict[str, float]:
        answer = self.cluster.ask(address, "GET", "/metrics")
        if answer is None or answer.status != 200:
            raise BenchError(f"GET /metrics: {answer}")
        lines = (line.split() for line in answer.body.decode().splitlines() if line and line[0] != "#")
        return {words[0]: float(words[1]) for words in lines}

    def wait_all_reachable(self) -> None:
        deadline = time.monotonic() + 60
        while any(self.metrics(address)["patronus_endpoints_reachable"] < self.arguments.endpoints
                  for address in self.cluster.addresses):
            if time.monotonic() > deadline:
                raise BenchError("not all endpoints are reached within a minute")
            time.sleep(0.5)

    def measure(self) -> dict[str, dict[str, float]]:
        def read() -> list[tuple[float, float, dict[str, float]]]:
            return [(time.monotonic(), node.cpu_seconds(), self.metrics(address))
                    for node, address in zip(self.cluster.nodes, self.cluster.addresses)]

        before = read()
        time.sleep(self.arguments.seconds)
        after = read()
        seen = {}
        for node, (began, cpu, was), (ended, cpu_after, now) in zip(self.cluster.nodes, before, after):
            node.check()
            took = ended - began
            rate = {name: (now[f"patronus_{metric}_total"] - was[f"patronus_{metric}_total"]) / took
                    for name, metric in (("sent", "probes_sent"), ("answers", "probe_answers"), ("lost", "probe_lost"))}
            seen[node.name] = rate | {"percent": 100 * (cpu_after - cpu) / took,
                                      "rss": now["process_resident_memory_bytes"]}
        return seen

    def stop(self) -> None:
        if self.responder is not None:
            self.responder.kill()
            self.responder.join()
        self.door.close()
        self.cluster.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def render(result: dict[str, Any]) -> str:
    about = result["about"]
    lines = [f"{about['endpoints']} endpoints probed once a second by each of three nodes, answered by one process; "
             f"{about['cpus']} CPUs, {about['kernel']}; {about['seconds']} s", "",
             f"  {'node':8}{'CPU idle %':>12}{'probing %':>12}{'cost %':>10}{'probes/s':>12}{'answers/s':>12}{'lost/s':>10}{'RSS MB':>10}"]
    for node in result["nodes"]:
        name = node["node"] + ("*" if node["leads"] else "")
        lines.append(f"  {name:8}{node['idle_percent']:>12.2f}{node['probing_percent']:>12.2f}{node['cost_percent']:>10.2f}"
                     f"{node['probes_per_second']:>12.0f}{node['answers_per_second']:>12.0f}{node['lost_per_second']:>10.1f}"
                     f"{node['rss_bytes'] / 1e6:>10.1f}")
    lines.append("  * leads, and gives the verdicts")
    return "\n".join(lines)


def main() -> int:
    arguments = parse_arguments()
    catch_signals()
    probes: Optional[Probes] = None
    try:
        probes = Probes(arguments)
        probes.run()
    except BenchError as error:
        say(f"probes: {error}")
        return 1
    except Interrupted as why:
        say(f"probes: {why}, ending the nodes")
        return 130
    finally:
        ignore_signals()
        if probes is not None:
            probes.stop()
    print(json.dumps(probes.result, indent=1) if arguments.output == "json" else render(probes.result))
    worst = max(node["cost_percent"] for node in probes.result["nodes"])
    if worst > BUDGET_PERCENT:
        say(f"probes: {worst:.1f} % of a core is more than the {BUDGET_PERCENT:.0f} % it may cost")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
