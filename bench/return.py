#!/usr/bin/env python3
"""A node that was away while more was written than is kept of the log comes back by the whole state: how long that
takes, and what the clients of the other two notice of it. Exit code: 0 if every write was a success and the node took
the state each time, 1 if not or if it could not be measured."""

from __future__ import annotations

import sys

sys.dont_write_bytecode = True  # The checkout stays as it is.

import argparse
import json
import os
import shutil
import subprocess
import time
from statistics import median
from typing import Any, Optional

from interruption import Interrupted, catch_signals, ignore_signals, say
from machine import describe_machine
from patronus import ROOT, Patronus, find_binary
from systems import BenchError, Node, end_with_parent

RETENTION = "8MiB"
BEGINS_AGAIN = "begins again from the state"
PHASES = ("before", "during", "after")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="the median is shown (3)")
    parser.add_argument("--writes", type=int, default=100_000, help="while the node is away (100000)")
    parser.add_argument("--value-size", type=int, default=1_000, help="bytes of each (1000)")
    parser.add_argument("--clients", type=int, default=16, help="writing to the other two, one write outstanding each (16)")
    parser.add_argument("--seconds", type=float, default=5, help="measured before, from the node's start on, and after (5)")
    parser.add_argument("-o", dest="output", choices=("table", "json"), default="table", help="table (default) or json")
    arguments = parser.parse_args()
    if min(arguments.rounds, arguments.writes, arguments.clients) < 1 or arguments.seconds < 1:
        parser.error("--rounds, --writes, --clients and --seconds must be at least 1")
    return arguments


class Return:
    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.load_binary = find_binary("patronus-load", "PATRONUS_LOAD", "run `make bench-return`")
        self.directory = ROOT / "build" / f"return-run-{os.getpid()}"
        self.cluster = Patronus(find_binary("patronusd", "PATRONUSD"), self.directory / "patronus",
                                [f"PATRONUS_LOG_RETENTION={RETENTION}", "PATRONUS_CHECKPOINT_INTERVAL=2s",
                                 "PATRONUS_ELECTION_TIMEOUT=1s", "PATRONUS_HEARTBEAT_INTERVAL=100ms"])
        self.result: dict[str, Any] = {"rounds": []}

    def run(self) -> None:
        self.directory.mkdir(parents=True)
        say("starting three nodes of patronus")
        self.cluster.start()
        self.result["about"] = describe_machine(self.directory) | {
            name: getattr(self.arguments, name) for name in ("rounds", "writes", "value_size", "clients", "seconds")}
        for number in range(self.arguments.rounds):
            self.round(number)

    def round(self, number: int) -> None:
        cluster, arguments = self.cluster, self.arguments
        leader = cluster.leader()
        away_address = next(address for address in cluster.addresses if address != leader)
        away = cluster.node_at(away_address)
        others = [address for address in cluster.addresses if address != away_address]
        taken = self.times_taken(away)
        away.kill()
        cluster.nodes.remove(away)  # it is not expected to run
        written = self.load(others, ["--keys", str(arguments.writes), "--each-key-once"], 300)
        seconds = str(arguments.seconds)
        one = {"before": self.load(others, ["--seconds", seconds, "--seed", str(3 * number + 1)], 60)}
        began = time.monotonic()
        away.start()
        process = self.start_load(others, ["--seconds", seconds, "--seed", str(3 * number + 2)])
        while not cluster.is_ready(away_address):
            away.check()
            if time.monotonic() - began > 60:
                raise BenchError(f"{away.name} is not back after a minute:\n{away.log_tail()}")
            time.sleep(0.01)
        back = time.monotonic() - began
        one["during"] = self.finish_load(process, 60)
        cluster.nodes.insert(cluster.addresses.index(away_address), away)
        one["after"] = self.load(others, ["--seconds", seconds, "--seed", str(3 * number + 3)], 60)
        if self.times_taken(away) != taken + 1:
            raise BenchError(f"{away.name} did not come back by the whole state:\n{away.log_tail()}")
        outcome = {"round": number, "written": written["total_requests"], "back_s": back,
                   "errors": written["errors"] + sum(one[phase]["errors"] for phase in PHASES),
                   "state_bytes": self.state_bytes(away)}
        for phase in PHASES:
            outcome[phase] = {"rps": one[phase]["requests_per_s"], **{
                name: one[phase]["latency_us"][name] for name in ("p50", "p99", "max")}}
        self.result["rounds"].append(outcome)
        say(f"{number + 1}/{arguments.rounds} back after {back:.2f} s with {outcome['state_bytes'] / 1e6:.0f} MB; p99 " +
            ", ".join(f"{phase} {outcome[phase]['p99']:,.0f} us" for phase in PHASES) + f"; errors {outcome['errors']}")

    @staticmethod
    def times_taken(node: Node) -> int:
        return node.log.read_text(errors="replace").count(BEGINS_AGAIN)

    @staticmethod
    def state_bytes(node: Node) -> int:
        last = [line for line in node.log.read_text(errors="replace").splitlines() if BEGINS_AGAIN in line][-1]
        return int(last[last.rindex("(") + 1:].split()[0])

    def start_load(self, addresses: list[str], extra: list[str]) -> subprocess.Popen:
        self.cluster.renew_login()
        command = [self.load_binary, "--workload", "patronus-write", "--targets", ",".join(addresses), "--clients",
                   str(self.arguments.clients), "--value-size", str(self.arguments.value_size), "--warmup", "0", *extra]
        if "--keys" not in extra:
            command += ["--keys", str(self.arguments.writes)]
        for header in self.cluster.headers:
            command += ["--header", header]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                preexec_fn=end_with_parent)

    def finish_load(self, process: subprocess.Popen, limit: float) -> dict[str, Any]:
        try:
            out, complaint = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            raise BenchError(f"the load generator did not end within {limit:.0f} s") from None
        if process.returncode not in (0, 1) or not out:
            raise BenchError(complaint.strip() or f"the load generator ended with code {process.returncode}")
        return json.loads(out)

    def load(self, addresses: list[str], extra: list[str], limit: float) -> dict[str, Any]:
        return self.finish_load(self.start_load(addresses, extra), limit)

    def stop(self) -> None:
        self.cluster.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def render(result: dict[str, Any]) -> str:
    about, rounds = result["about"], result["rounds"]
    middle = lambda values: median(list(values))
    lines = [f"A node of three was away during {about['writes']:,} writes of {about['value_size']:,} bytes, with {RETENTION} kept of "
             f"the log, and came back by",
             f"the whole state ({middle(one['state_bytes'] for one in rounds) / 1e6:.0f} MB) after "
             f"{middle(one['back_s'] for one in rounds):.2f} s (from its start to ready; median of {about['rounds']} rounds). "
             f"{about['cpus']} CPUs, {about['kernel']}.",
             f"{about['clients']} clients write to the other two meanwhile:", "",
             f"  {'':8}{'writes/s':>12}{'p50 us':>10}{'p99 us':>10}{'max us':>10}"]
    for phase in PHASES:
        lines.append(f"  {phase:8}" + "".join(f"{middle(one[phase][name] for one in rounds):>{width},.0f}" for name, width in
                                              (("rps", 12), ("p50", 10), ("p99", 10), ("max", 10))))
    ratio = middle(one["during"]["p99"] / one["before"]["p99"] for one in rounds)
    return "\n".join(lines + [f"  p99 during / before: x {ratio:.2f}"])


def main() -> int:
    arguments = parse_arguments()
    catch_signals()
    bench: Optional[Return] = None
    try:
        bench = Return(arguments)
        bench.run()
    except BenchError as error:
        say(f"return: {error}")
        return 1
    except Interrupted as why:
        say(f"return: {why}, ending the nodes")
        return 130
    finally:
        ignore_signals()
        if bench is not None:
            bench.stop()
    print(json.dumps(bench.result, indent=1) if arguments.output == "json" else render(bench.result))
    errors = sum(one["errors"] for one in bench.result["rounds"])
    if errors:
        say(f"return: {errors} writes failed; the figures can't be trusted")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
