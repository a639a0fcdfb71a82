#!/usr/bin/env python3
"""How many tokens a node checks per second (GET /api/v1/auth/me over plain HTTP), beside nginx answering a constant
200 of the same size. Exit code: 0 if every answer was a success, 1 if not or if it could not be measured."""

from __future__ import annotations

import sys

sys.dont_write_bytecode = True  # The checkout stays as it is.

import argparse
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from statistics import median
from typing import Any, Optional

from interruption import Interrupted, catch_signals, ignore_signals, say
from machine import describe_machine
from patronus import ROOT, Patronus, find_binary
from systems import BenchError, Node, ask, end_with_parent, free_ports

PATH = "/api/v1/auth/me"
WARMUP_SECONDS = 1
START_SECONDS = 10

# One process without a master: the same one thread that a node has, and nothing is left if it is killed.
# Connections are kept as long as the client likes, as a node does.
NGINX = """\
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log {directory}/error.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  tcp_nodelay on;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  server {{
    listen {address};
    location / {{ default_type application/json; return 200 "{body}"; }}
  }}
}}
"""


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of each; the median is shown (3)")
    parser.add_argument("--seconds", type=int, default=5, help="measured time of a round (5)")
    parser.add_argument("--connections", type=int, default=64, help="kept alive, one request outstanding each (64)")
    parser.add_argument("-o", dest="output", choices=("table", "json"), default="table", help="table (default) or json")
    arguments = parser.parse_args()
    if min(arguments.rounds, arguments.seconds, arguments.connections) < 1:
        parser.error("--rounds, --seconds and --connections must be at least 1")
    return arguments


class Tokens:
    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.directory = ROOT / "build" / f"tokens-run-{os.getpid()}"
        self.wrk = self.find("wrk")
        self.nginx_binary = self.find("nginx")
        self.cluster = Patronus(find_binary("patronusd", "PATRONUSD"), self.directory / "patronus")
        self.nginx: Optional[Node] = None
        self.headers: dict[str, str] = {}
        self.result: dict[str, Any] = {"runs": []}

    @staticmethod
    def find(tool: str) -> str:
        # nginx is in /usr/sbin, which is not in every user's path.
        found = shutil.which(tool) or shutil.which(tool, path="/usr/sbin")
        if not found:
            raise BenchError(f"{tool} is missing: apt-get install nginx wrk")
        return found

    def run(self) -> None:
        arguments = self.arguments
        self.directory.mkdir(parents=True)
        say("starting three nodes of patronus, and nginx")
        self.cluster.start()
        if not self.cluster.token:
            raise BenchError("the nodes ask for no token: there is nothing to measure")
        node = next(address for address in self.cluster.addresses if address != self.cluster.leader())
        body = self.check_node(node)
        nginx = self.start_nginx(body)
        self.result["about"] = describe_machine(self.directory) | {
            "rounds": arguments.rounds, "seconds": arguments.seconds, "connections": arguments.connections,
            "body_bytes": len(body),
            "nginx_version": subprocess.run([self.nginx_binary, "-v"], capture_output=True, text=True,
                                            check=True).stderr.strip().rpartition("/")[2]}
        assert self.nginx is not None
        targets = {"patronus": (node, self.cluster.node_at(node)), "nginx": (nginx, self.nginx)}
        for address, _ in targets.values():
            self.load(address, WARMUP_SECONDS)
        for number in range(arguments.rounds):
            # In turn: whoever comes first may meet a quieter machine.
            for name in list(targets)[::1 if number % 2 == 0 else -1]:
                self.measure(number, name, *targets[name])
        self.check_node(node)

    def check_node(self, address: str) -> bytes:
        """The answer to a good token; a bad one must be refused, or something else would be measured."""
        self.headers = {"Authorization": f"Bearer {self.cluster.token}"}
        answer = ask(address, "GET", PATH, headers=self.headers)
        if answer is None or answer.status != 200 or not answer.json():
            raise BenchError(f"GET {PATH} with a token: {answer}")
        for bad in ({}, {"Authorization": f"Bearer {self.cluster.token[:-6]}AAAAAA"}):
            refused = ask(address, "GET", PATH, headers=bad)
            if refused is None or refused.status != 401:
                raise BenchError(f"GET {PATH} without a good token must be 401: {refused}")
        return answer.body

    def start_nginx(self, body: bytes) -> str:
        directory = self.directory / "nginx"
        directory.mkdir()
        address = f"127.0.0.1:{free_ports(1)[0]}"
        configuration = directory / "nginx.conf"
        # Of the same size; letters need no quoting in the configuration.
        configuration.write_text(NGINX.format(directory=directory, address=address, body="x" * len(body)))
        self.nginx = Node("nginx", [self.nginx_binary, "-p", str(directory), "-c", str(configuration)],
                          dict(os.environ), directory / "log")
        self.nginx.start()
        deadline = time.monotonic() + START_SECONDS
        while True:
            answer = ask(address, "GET", PATH)
            if answer is not None and answer.status == 200 and len(answer.body) == len(body):
                return address
            self.nginx.check()
            if time.monotonic() > deadline:
                raise BenchError(f"nginx does not answer:\n{self.nginx.log_tail()}")
            time.sleep(0.02)

    def load(self, address: str, seconds: int) -> dict[str, Any]:
        command = [self.wrk, "-t1", f"-c{self.arguments.connections}", f"-d{seconds}s", "-s",
                   str(Path(__file__).resolve().with_name("wrk_done.lua"))]
        for name, value in self.headers.items():  # To both: each has the same head to read.
            command += ["-H", f"{name}: {value}"]
        try:
            done = subprocess.run(command + [f"http://{address}{PATH}"], capture_output=True, text=True,
                                  timeout=seconds + 30, preexec_fn=end_with_parent)
        except subprocess.TimeoutExpired:
            raise BenchError(f"wrk did not end within {seconds + 30} s") from None
        if done.returncode != 0:
            raise BenchError(f"wrk: {done.stderr.strip() or done.stdout.strip()}")
        return json.loads(done.stdout.splitlines()[-1])

    def measure(self, number: int, name: str, address: str, process: Node) -> None:
        before = process.cpu_seconds()
        outcome = self.load(address, self.arguments.seconds)
        process.check()
        used = process.cpu_seconds() - before
        run = outcome | {"round": number, "system": name, "rps": outcome["requests"] / outcome["seconds"],
                         "cpu_us_per_request": 1e6 * used / max(1, outcome["requests"]),
                         "errors": outcome["status_errors"] + outcome["socket_errors"]}
        self.result["runs"].append(run)
        say(f"{len(self.result['runs'])}/{2 * self.arguments.rounds} {name:8} {run['rps']:9,.0f}/s  "
            f"p99 {run['p99_us']:6,.0f} us  errors {run['errors']}")

    def stop(self) -> None:
        if self.nginx is not None:
            self.nginx.stop()
        self.cluster.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def summarise(runs: list[dict[str, Any]], system: str) -> dict[str, float]:
    chosen = [run for run in runs if run["system"] == system]
    names = ("rps", "p50_us", "p99_us", "max_us", "cpu_us_per_request")
    return {name: median(run[name] for run in chosen) for name in names} | {
        "errors": sum(run["errors"] for run in chosen)}


def render(result: dict[str, Any]) -> str:
    about, ours, theirs = result["about"], result["patronus"], result["nginx"]
    lines = [f"GET {PATH} with a bearer token on one follower of three nodes, plain HTTP, beside nginx "
             f"{about['nginx_version']} (one process)",
             f"with a constant 200; bodies of {about['body_bytes']} bytes both. {about['cpus']} CPUs, "
             f"{about['kernel']}; wrk, one thread, {about['connections']} connections, {about['seconds']} s;",
             f"median of {about['rounds']} rounds, in turn.", "",
             f"  {'':10}{'requests/s':>12}{'p50 us':>10}{'p99 us':>10}{'max us':>10}{'CPU us/req':>12}{'errors':>8}"]
    for name, one in (("patronus", ours), ("nginx", theirs)):
        lines.append(f"  {name:10}{one['rps']:>12,.0f}{one['p50_us']:>10,.0f}{one['p99_us']:>10,.0f}"
                     f"{one['max_us']:>10,.0f}{one['cpu_us_per_request']:>12,.1f}{one['errors']:>8,.0f}")
    lines.append(f"  patronus / nginx: requests/s x {ours['rps'] / theirs['rps']:.2f}, "
                 f"p99 x {ours['p99_us'] / theirs['p99_us']:.2f}")
    return "\n".join(lines)


def main() -> int:
    arguments = parse_arguments()
    catch_signals()
    bench: Optional[Tokens] = None
    try:
        bench = Tokens(arguments)
        bench.run()
    except BenchError as error:
        say(f"tokens: {error}")
        return 1
    except Interrupted as why:
        say(f"tokens: {why}, ending the nodes")
        return 130
    finally:
        ignore_signals()
        if bench is not None:
            bench.stop()
    result = bench.result
    for system in ("patronus", "nginx"):
        result[system] = summarise(result["runs"], system)
    if not all(result[system]["rps"] > 0 for system in ("patronus", "nginx")):
        say("tokens: no request succeeded")
        return 1
    print(json.dumps(result, indent=1) if arguments.output == "json" else render(result))
    errors = sum(result[system]["errors"] for system in ("patronus", "nginx"))
    if errors:
        say(f"tokens: {errors} requests failed; the figures can't be trusted")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
