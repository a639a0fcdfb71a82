#!/usr/bin/env python3
"""Three nodes of Patronus beside three of etcd, on the same machine in the same run."""

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
from typing import Any, Optional

import report
from interruption import Interrupted, catch_signals, ignore_signals, say
from machine import describe_machine, etcd_version
from patronus import Patronus
from systems import BenchError, Cluster, Etcd, end_with_parent

ROOT = Path(__file__).resolve().parent.parent
WORKLOADS = {"patronus": "patronus", "patronus-leader": "patronus", "etcd-json": "etcd-json", "etcd-grpc": "etcd-grpc"}


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build-dir", type=Path, default=ROOT / "build", help="where the binaries are (build)")
    parser.add_argument("--patronusd", help="another binary than BUILD/patronusd")
    parser.add_argument("--etcd", default="etcd", help="the etcd to compare with")
    parser.add_argument("--systems", default="patronus,etcd", help="patronus, etcd or both (default)")
    parser.add_argument("--clients", default="1,64,256", help="numbers of clients (1,64,256)")
    parser.add_argument("--ops", default="write,read", help="write, read or both (default)")
    parser.add_argument("--seconds", type=float, default=3, help="measured time of a run (3)")
    parser.add_argument("--warmup", type=float, default=0.5, help="before it, not measured (0.5)")
    parser.add_argument("--rounds", type=int, default=3, help="the median of so many is shown (3)")
    parser.add_argument("--keys", type=int, default=10_000, help="size of the keyspace (10000)")
    parser.add_argument("--seed", type=int, default=1, help="of the choice of keys (1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every run and figure as JSON")
    parser.add_argument("--keep", action="store_true", help="keep data and logs")
    parser.add_argument("--patronus-env", action="append", default=[], metavar="KEY=VALUE",
                        help="for our nodes; {id}, {data} and {port} are replaced; may be repeated")
    parser.add_argument("--patronus-login", metavar="EMAIL:PASSWORD", help="log in as this user instead of one made for the run")
    parser.add_argument("--patronus-header", action="append", default=[], metavar="LINE",
                        help="header for every request to our nodes; may be repeated")
    arguments = parser.parse_args()
    arguments.systems = arguments.systems.split(",")
    arguments.ops = arguments.ops.split(",")
    arguments.clients = [int(text) for text in arguments.clients.split(",")]
    if not set(arguments.systems) <= {"patronus", "etcd"} or not set(arguments.ops) <= {"write", "read"}:
        parser.error("--systems knows patronus and etcd, --ops knows write and read")
    if arguments.rounds < 1:
        parser.error("--rounds must be at least 1")
    return arguments


def find(path: str, remedy: str) -> str:
    found = shutil.which(path)
    if not found:
        raise BenchError(f"{path} is missing: {remedy}")
    return found


class Bench:
    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        build = arguments.build_dir.resolve()
        self.load = find(str(build / "patronus-load"), "run `make bench` (cmake with -DPATRONUS_BENCH=ON)")
        self.disk = find(str(build / "patronus-disk"), "run `make bench` (cmake with -DPATRONUS_BENCH=ON)")
        self.directory = build / f"bench-run-{os.getpid()}"
        self.clusters: dict[str, Cluster] = {}
        self.result: dict[str, Any] = {"runs": [], "disk": [], "memory": {}, "notes": []}
        self.columns = self.pick_columns()
        self.build_clusters(build)

    def pick_columns(self) -> list[str]:
        columns = []
        if "patronus" in self.arguments.systems:
            columns += ["patronus", "patronus-leader"]
        if "etcd" in self.arguments.systems:
            columns.append("etcd-json")
            features = subprocess.run([self.load, "--features"], capture_output=True, text=True, check=True).stdout
            if "grpc" in features.split():
                columns.append("etcd-grpc")
            else:
                self.result["notes"].append("etcd over gRPC was not measured: patronus-load was built without "
                                            "libnghttp2-dev")
        return columns

    def build_clusters(self, build: Path) -> None:
        arguments = self.arguments
        if "patronus" in arguments.systems:
            binary = find(arguments.patronusd or str(build / "patronusd"), "run `make`")
            self.clusters["patronus"] = Patronus(binary, self.directory / "patronus", arguments.patronus_env,
                                                 arguments.patronus_login, arguments.patronus_header)
        if "etcd" in arguments.systems:
            binary = find(arguments.etcd, "apt-get install etcd-server etcd-client")
            self.clusters["etcd"] = Etcd(binary, self.directory / "etcd")

    def describe(self) -> dict[str, Any]:
        arguments = self.arguments
        about = describe_machine(self.directory) | {
            "keys": arguments.keys, "seconds": arguments.seconds, "warmup": arguments.warmup,
            "rounds": arguments.rounds, "clients": arguments.clients, "ops": arguments.ops, "seed": arguments.seed,
            "systems": arguments.systems}
        if "etcd" in self.clusters:
            about["etcd_version"] = etcd_version(self.clusters["etcd"].nodes[0].command[0])
        return about

    def count_runs(self) -> int:
        return len(self.arguments.ops) * len(self.arguments.clients) * len(self.columns) * self.arguments.rounds

    def run(self) -> None:
        self.directory.mkdir()
        self.result["about"] = self.describe()
        self.start()
        for name in self.clusters:
            self.preload(name)
        total = self.count_runs()
        done = 0
        for round_number in range(self.arguments.rounds):
            self.measure_disk()
            # Whoever comes first meets a quieter disk: each round another one does.
            shift = round_number % len(self.columns)
            order = self.columns[shift:] + self.columns[:shift]
            for op in self.arguments.ops:
                for clients in self.arguments.clients:
                    for column in order:
                        done += 1
                        self.measure(round_number, op, clients, column, f"{done}/{total}")
        self.measure_disk()
        for name, cluster in self.clusters.items():
            self.result["memory"][name]["after_load"] = cluster.rss_mb()

    def start(self) -> None:
        minutes = self.count_runs() * (self.arguments.seconds + self.arguments.warmup + 0.4) / 60
        say(f"{self.count_runs()} runs, about {minutes:.1f} minutes")
        for name, cluster in self.clusters.items():
            say(f"starting three nodes of {name}")
            cluster.start()
        time.sleep(2)  # "At rest" is after the work of starting; nothing signals the end of that.
        for name, cluster in self.clusters.items():
            self.result["memory"][name] = {"at_rest": cluster.rss_mb()}

    def preload(self, name: str) -> None:
        say(f"filling {name} with {self.arguments.keys:,} keys")
        workload = "patronus-write" if name == "patronus" else "etcd-json-write"
        outcome = self.run_load(workload, self.clusters[name], self.clusters[name].addresses,
                                ["--clients", "64", "--each-key-once"], 120)
        if outcome["total_requests"] != self.arguments.keys or outcome["objections"]:
            raise BenchError(f"{name} could not be filled: {outcome['errors_by_status']} {outcome['objections']}")
        if outcome["errors"]:
            self.result["notes"].append(f"errors: while {name} was filled: {outcome['errors_by_status']}")

    def run_load(self, workload: str, cluster: Cluster, addresses: list[str], extra: list[str],
                 limit: float) -> dict[str, Any]:
        cluster.renew_login()
        command = [self.load, "--workload", workload, "--targets", ",".join(addresses),
                   "--keys", str(self.arguments.keys)] + extra
        for header in cluster.headers:
            command += ["--header", header]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=limit, preexec_fn=end_with_parent)
        except subprocess.TimeoutExpired:
            raise BenchError(f"{workload}: the load generator did not end within {limit:.0f} s") from None
        cluster.check()
        if done.returncode not in (0, 1) or not done.stdout:
            raise BenchError(f"{workload}: {done.stderr.strip() or f'ended with code {done.returncode}'}")
        return json.loads(done.stdout)

    def measure(self, round_number: int, op: str, clients: int, column: str, progress: str) -> None:
        arguments = self.arguments
        name = column.split("-")[0]
        cluster = self.clusters[name]
        # Turned by one each round: a single client does not always meet the same node, which may be the leader.
        turn = round_number % len(cluster.addresses)
        addresses = cluster.addresses[turn:] + cluster.addresses[:turn]
        if column == "patronus-leader":
            addresses = [cluster.leader()]
        revision = cluster.revision() if isinstance(cluster, Etcd) else 0
        before = {each: one.cpu_seconds() for each, one in self.clusters.items()}
        began = time.monotonic()
        extra = ["--clients", str(clients), "--seconds", str(arguments.seconds), "--warmup", str(arguments.warmup),
                 "--seed", str(arguments.seed + round_number)]
        outcome = self.run_load(f"{WORKLOADS[column]}-{op}", cluster, addresses, extra,
                                arguments.seconds + arguments.warmup + 60)
        elapsed = time.monotonic() - began
        used = {each: [b - a for a, b in zip(before[each], one.cpu_seconds())] for each, one in self.clusters.items()}
        if isinstance(cluster, Etcd) and op == "write":
            self.check_revision(outcome, cluster.revision() - revision)
        asked = max(1, outcome["total_requests"] + outcome["verified_keys"])
        outcome |= {"round": round_number, "op": op, "column": column, "node_cpu_seconds": used[name],
                    "cpu_us_per_request": 1e6 * sum(used[name]) / asked,
                    "idle_cpu_share": {each: sum(cpu) / elapsed for each, cpu in used.items() if each != name}}
        self.result["runs"].append(outcome)
        say(f"{progress} {op:5} {clients:3} clients {report.LABELS[column]:22} {outcome['requests_per_s']:9,.0f}/s "
            f"p50 {outcome['latency_us']['p50']:8,.0f} us  p99 {outcome['latency_us']['p99']:8,.0f} us"
            f"{self.complaint(outcome)}")
        time.sleep(0.2)  # What a system does after its answers should not fall into the next one's time.

    @staticmethod
    def check_revision(outcome: dict[str, Any], advanced: int) -> None:
        """Every acknowledged write, and none but those that were sent, must have raised the revision."""
        acknowledged = outcome["total_requests"]
        if not acknowledged <= advanced <= acknowledged + outcome["errors"]:
            outcome["objections"].append(f"{acknowledged} writes acknowledged, but the revision rose by {advanced}")

    @staticmethod
    def complaint(outcome: dict[str, Any]) -> str:
        parts = [str(outcome["errors_by_status"])] if outcome["errors"] else []
        return "".join("  " + part for part in parts + outcome["objections"])

    def measure_disk(self) -> None:
        done = subprocess.run([self.disk, "--dir", str(self.directory)], capture_output=True, text=True,
                              preexec_fn=end_with_parent)
        if done.returncode != 0:
            raise BenchError(done.stderr.strip())
        self.result["disk"].append(json.loads(done.stdout))

    def note_failures(self) -> bool:
        """Whether the figures can be trusted."""
        trusted = True
        for run in self.result["runs"]:
            where = f"{run['op']}, {run['clients']} clients, {report.LABELS[run['column']]}, round {run['round'] + 1}"
            for objection in run["objections"]:
                trusted = False
                self.result["notes"].append(f"WRONG RESULT: {where}: {objection}")
            if run["requests"] == 0:
                trusted = False
                self.result["notes"].append(f"NO SUCCESS: {where}: {run['errors_by_status']}")
            elif run["errors"]:
                self.result["notes"].append(f"errors: {where}: {run['errors_by_status']}")
        return trusted

    def stop(self) -> None:
        for cluster in self.clusters.values():
            cluster.stop()
        if self.arguments.keep:
            say(f"data and logs are in {self.directory}")
        else:
            shutil.rmtree(self.directory, ignore_errors=True)


def main() -> int:
    arguments = parse_arguments()
    catch_signals()
    bench: Optional[Bench] = None
    trusted = False
    try:
        bench = Bench(arguments)
        bench.run()
        trusted = bench.note_failures()
        print(report.render(bench.result))
        if arguments.json:
            arguments.json.write_text(json.dumps(bench.result, indent=1) + "\n")
    except BenchError as error:
        say(f"bench: {error}")
        return 1
    except Interrupted as why:
        say(f"bench: {why}, ending the nodes")
        return 130
    finally:
        ignore_signals()
        if bench is not None:
            bench.stop()
    return 0 if trusted else 1


if __name__ == "__main__":
    sys.exit(main())
