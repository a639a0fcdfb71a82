#!/usr/bin/env python3
"""How long nobody can write when a leader is killed, leaves in order, or vanishes from the network; etcd beside it.
Exit code: 0 if all aims are met, 3 if one is missed, 1 if it could not be measured, 2 for a wrong option."""

from __future__ import annotations

import sys

sys.dont_write_bytecode = True  # The checkout stays as it is.

import argparse
import json
import os
import shutil
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

import network
from failover_report import Aim, Series, render
from interruption import Interrupted, catch_signals, ignore_signals, say
from machine import describe_machine, etcd_version
from patronus import ROOT, Authority, Patronus, Place, find_binary, loopback_places
from strikes import IMPATIENCE_SECONDS, Seen, drop_packets, hand_over, kill_leader
from systems import NODES, BenchError, Cluster, Etcd

HTTPS_PORT = 8443
PEER_PORT = 7443
# What may come on top of the election timeout when only silence tells that the leader is gone.
SILENCE_EXTRA_MS = 500
MAX_ROUNDS = 1000


def count(text: str) -> int:
    number = int(text)
    if not 0 <= number <= MAX_ROUNDS:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to {MAX_ROUNDS}")
    return number


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=count, default=20, help="rounds of kill -9 of the leader (20)")
    parser.add_argument("--handovers", type=count, default=20, help="rounds of SIGTERM of the leader (20)")
    parser.add_argument("--vanishings", type=count, default=6,
                        help="rounds in which the leader's packets are dropped; needs root (6)")
    parser.add_argument("--etcd-kills", type=count, default=10, help="rounds of kill -9 of etcd's leader (10)")
    parser.add_argument("--etcd-handovers", type=count, default=10, help="rounds of SIGTERM of etcd's leader (10)")
    parser.add_argument("--election-timeout", type=float, default=5, metavar="SECONDS",
                        help="of our nodes; the heartbeat is a fifth of it (5)")
    parser.add_argument("--tls", action="store_true", help="HTTPS and mutual TLS in the rounds on loopback too")
    parser.add_argument("--etcd", default="etcd", help="the etcd to compare with")
    parser.add_argument("-o", dest="output", choices=("table", "json"), default="table", help="table (default) or json")
    parser.add_argument("--keep", action="store_true", help="keep data and logs")
    return parser.parse_args()


def interleave(rounds: dict[str, int]) -> Iterator[tuple[str, int]]:
    """All rounds of all kinds, evenly mixed, so that drift of the machine meets all alike."""
    points = [((i + 0.5) / total, name, i) for name, total in rounds.items() for i in range(total)]
    for _, name, i in sorted(points):
        yield name, i


class Failover:
    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.patronusd = find_binary("patronusd", "PATRONUSD")
        self.patronusctl = find_binary("patronusctl", "PATRONUSCTL") if arguments.tls or arguments.vanishings else ""
        self.etcd = shutil.which(arguments.etcd) or ""
        self.directory = ROOT / "build" / f"failover-run-{os.getpid()}"
        self.clusters: list[Cluster] = []
        self.series: dict[str, Series] = {}
        self.notes: list[str] = []
        self.about: dict[str, Any] = {}

    def run(self) -> None:
        self.directory.mkdir(parents=True)
        self.about = describe_machine(self.directory) | {
            "election_timeout_s": self.arguments.election_timeout,
            "links": "HTTPS and mutual TLS" if self.arguments.tls else "plain on loopback"}
        self.strike_on_loopback()
        self.strike_on_the_wire()

    # Kills and hand-overs, ours and etcd's in turn.

    def strike_on_loopback(self) -> None:
        arguments = self.arguments
        ours = {"patronus-kill": arguments.kills, "patronus-handover": arguments.handovers}
        theirs = {"etcd-kill": arguments.etcd_kills, "etcd-handover": arguments.etcd_handovers}
        clusters: dict[str, Cluster] = {}
        if sum(ours.values()):
            authority = self.authority("loopback") if arguments.tls else None
            clusters["patronus"] = self.start(self.patronus("loopback", loopback_places(), authority))
        if sum(theirs.values()):
            if not self.etcd:
                raise BenchError(f"{arguments.etcd} is missing: apt-get install etcd-server, or --etcd-kills 0 "
                                 "--etcd-handovers 0")
            self.about["etcd_version"] = etcd_version(self.etcd)
            clusters["etcd"] = self.start(Etcd(self.etcd, self.directory / "etcd"))
        for kills, handovers in (("patronus-kill", "etcd-kill"), ("patronus-handover", "etcd-handover")):
            strike = kill_leader if kills == "patronus-kill" else hand_over
            rounds = {name: total for name, total in (ours | theirs).items() if name in (kills, handovers)}
            self.strike(rounds, lambda name, i: strike(clusters[name.split("-")[0]], i))
        self.stop()

    # Dropped packets, each node on a machine of its own.

    def strike_on_the_wire(self) -> None:
        if not self.arguments.vanishings:
            return
        obstacle = network.why_not()
        if obstacle:
            self.notes.append(f"Dropped packets were not measured: {obstacle}. --vanishings 0 leaves them out.")
            return
        wire = network.Wire(NODES)
        try:
            places = [Place(f"{wire.address(number)}:{HTTPS_PORT}", f"{wire.address(number)}:{PEER_PORT}",
                            machine.inside) for number, machine in wire.machines.items()]
            cluster = self.patronus("wire", places, self.authority("wire"))
            with wire.clients.inside():
                self.start(cluster)
            self.strike({"patronus-vanish": self.arguments.vanishings}, lambda _, i: drop_packets(cluster, i, wire))
            self.stop()
        finally:
            wire.close()

    def authority(self, name: str) -> Authority:
        return Authority(self.patronusctl, self.directory / f"tls-{name}")

    def patronus(self, name: str, places: list[Place], authority: Optional[Authority]) -> Patronus:
        timeout = self.arguments.election_timeout
        settings = [f"PATRONUS_ELECTION_TIMEOUT={1000 * timeout:.0f}ms",
                    f"PATRONUS_HEARTBEAT_INTERVAL={200 * timeout:.0f}ms", "PATRONUS_DRAIN_GRACE=0s"]
        return Patronus(self.patronusd, self.directory / name, settings, places=places, authority=authority)

    def start(self, cluster: Cluster) -> Cluster:
        say(f"starting three nodes of {cluster.name}")
        self.clusters.append(cluster)
        cluster.start()
        cluster.wait_for("all nodes to have the same", cluster.is_settled)
        return cluster

    def strike(self, rounds: dict[str, int], one_round: Callable[[str, int], list[Seen]]) -> None:
        total = sum(rounds.values())
        for done, (name, i) in enumerate(interleave(rounds), 1):
            clients = one_round(name, i)
            for key, seen in zip((name, f"{name}-impatient"), clients):
                self.series.setdefault(key, Series(key, LABELS[key], [])).rounds.append(seen)
            say(f"{done}/{total} {LABELS[name]}: " + "; ".join(tell(seen) for seen in clients))

    def stop(self) -> None:
        for cluster in self.clusters:
            cluster.stop()
        self.clusters.clear()

    def clean_up(self) -> None:
        self.stop()
        if self.arguments.keep:
            say(f"data and logs are in {self.directory}")
        else:
            shutil.rmtree(self.directory, ignore_errors=True)

    def aims(self) -> list[Aim]:
        silence = 1000 * self.arguments.election_timeout + SILENCE_EXTRA_MS
        wanted: list[tuple[int, str, Callable[[Series], dict[str, Optional[float]]], str, str, float]] = [
            (self.arguments.kills, "patronus-kill", Series.next_writes, "median", "next write after kill -9", 100),
            (self.arguments.kills, "patronus-kill", Series.next_writes, "worst", "next write after kill -9", 400),
            (self.arguments.handovers, "patronus-handover", Series.gaps, "median", "gap of a hand-over", 20),
            (self.arguments.vanishings, "patronus-vanish", Series.next_writes, "worst",
             "next write after packets are dropped", silence)]
        return [Aim(f"{what}, {figure}", below, pick(self.series[key])[figure] if key in self.series else None)
                for rounds, key, pick, figure, what, below in wanted if rounds]


GIVES_UP = f"client gives up at {1000 * IMPATIENCE_SECONDS:.0f} ms"
LABELS = {
    "patronus-kill": "patronus, kill -9, client waits",
    "patronus-kill-impatient": f"patronus, kill -9, {GIVES_UP}",
    "patronus-handover": "patronus, SIGTERM, client waits",
    "patronus-handover-impatient": f"patronus, SIGTERM, {GIVES_UP}",
    "patronus-vanish": "patronus (TLS), packets dropped, client waits",
    "etcd-kill": "etcd, kill -9, client waits",
    "etcd-kill-impatient": f"etcd, kill -9, {GIVES_UP}",
    "etcd-handover": "etcd, SIGTERM, client waits",
    "etcd-handover-impatient": f"etcd, SIGTERM, {GIVES_UP}",
}


def tell(seen: Seen) -> str:
    def ms(seconds: Optional[float]) -> str:
        return "never" if seconds is None else f"{1000 * seconds:,.1f} ms"

    failures = "".join(f", {what} x {times}" for what, times in seen.failures.items())
    return f"next write {ms(seen.next_write)}, gap {ms(seen.gap)}{failures}"


def main() -> int:
    arguments = parse_arguments()
    catch_signals()
    bench: Optional[Failover] = None
    try:
        bench = Failover(arguments)
        bench.run()
    except BenchError as error:
        say(f"failover: {error}")
        return 1
    except Interrupted as why:
        say(f"failover: {why}, ending the nodes")
        return 130
    finally:
        ignore_signals()
        if bench is not None:
            bench.clean_up()
    series = [bench.series[key] for key in LABELS if key in bench.series]
    aims = bench.aims()
    met = all(aim.met for aim in aims)
    if arguments.output == "json":
        print(json.dumps({"about": bench.about, "series": [one.as_json() for one in series],
                          "aims": [aim.as_json() for aim in aims], "met": met, "notes": bench.notes}, indent=1))
    else:
        print(render(bench.about, series, aims, bench.notes))
    return 0 if met else 3


if __name__ == "__main__":
    sys.exit(main())
