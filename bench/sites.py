#!/usr/bin/env python3
"""Sites per second: made, changed, read, and listed in pages while there are 10,000; beside keys of the same size in the same run.
Exit code: 0 if every answer was a success, 1 if not or if it could not be measured."""

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

from interruption import Interrupted, catch_signals, ignore_signals, say
from machine import describe_machine
from patronus import ROOT, Patronus, find_binary
from systems import BenchError, ask, end_with_parent

HERE = Path(__file__).resolve().parent
SITES = "/api/v1/sites"
PAGE = 1000


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=10_000, help="that there are when they are read and listed (10000)")
    parser.add_argument("--seconds", type=int, default=5, help="measured time of each row (5)")
    parser.add_argument("--connections", type=int, default=64, help="kept alive, one request outstanding each (64)")
    parser.add_argument("-o", dest="output", choices=("table", "json"), default="table", help="table (default) or json")
    arguments = parser.parse_args()
    if min(arguments.sites, arguments.seconds, arguments.connections) < 1:
        parser.error("--sites, --seconds and --connections must be at least 1")
    return arguments


class Sites:
    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.directory = ROOT / "build" / f"sites-run-{os.getpid()}"
        found = shutil.which("wrk")
        if not found:
            raise BenchError("wrk is missing: apt-get install wrk")
        self.wrk = found
        self.cluster = Patronus(find_binary("patronusd", "PATRONUSD"), self.directory / "patronus")
        self.node = ""
        self.rows: dict[str, dict[str, Any]] = {}
        self.about: dict[str, Any] = {}
        self.ids: list[str] = []

    def run(self) -> None:
        self.directory.mkdir(parents=True)
        say("starting three nodes of patronus")
        self.cluster.start()
        self.node = next(address for address in self.cluster.addresses if address != self.cluster.leader())
        self.about = describe_machine(self.directory) | vars(self.arguments)
        # There may be only so many: making them is over sooner than the other rows.
        self.measure("make a site", SITES, "wrk_sites.lua", "first", seconds=1)
        self.fill()
        ids = self.directory / "ids"
        ids.write_text("".join(f"{one}\n" for one in self.ids))
        self.measure("change a site", SITES, "wrk_sites.lua", "changed", str(ids))
        some = self.page(f"{SITES}?limit=1")["items"][0]["id"]
        key = f"/api/v1/state/bench/{some}"
        body = json.dumps(self.page(f"{SITES}/{some}")).encode()
        self.must(ask(self.node, "PUT", key, body, self.headers()), 201)
        self.measure("read a site", f"{SITES}/{some}", "wrk_done.lua")
        self.measure("read a key", f"{key}?consistency=linearizable", "wrk_done.lua")
        self.measure("a page of 100", f"{SITES}?limit=100", "wrk_done.lua")
        self.measure("a page of 1,000", f"{SITES}?limit={PAGE}", "wrk_done.lua")
        self.list_all()

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.cluster.token}"} if self.cluster.token else {}

    @staticmethod
    def must(answer: Any, status: int) -> Any:
        if answer is None or answer.status != status:
            raise BenchError(f"expected {status}, got {answer}")
        return answer

    def page(self, path: str) -> Any:
        return self.must(ask(self.node, "GET", path, headers=self.headers()), 200).json()

    def pages(self, consistency: str = "") -> list[float]:
        """All sites, page after page: how long each took."""
        seconds, cursor, ids = [], "", set()
        while True:
            began = time.monotonic()
            page = self.page(f"{SITES}?limit={PAGE}{consistency}{cursor}")
            seconds.append(time.monotonic() - began)
            ids |= {site["id"] for site in page["items"]}
            if page["cursor"] is None:
                self.about["listed"] = len(ids)
                self.ids = sorted(ids)
                return seconds
            cursor = f"&cursor={page['cursor']}"

    def fill(self) -> None:
        """As many sites as are wanted, no more and no fewer."""
        self.pages("&consistency=linearizable")
        have = self.about["listed"]
        number = 0
        while have > self.arguments.sites:
            for site in self.page(f"{SITES}?consistency=linearizable&limit=1000")["items"]:
                if have > self.arguments.sites:
                    self.must(ask(self.node, "DELETE", f"{SITES}/{site['id']}", headers=self.headers()), 204)
                    have -= 1
        headers = self.headers() | {"Content-Type": "application/json"}
        while have < self.arguments.sites:
            number += 1
            body = json.dumps({"name": f"fill {number}", "endpoints": []}).encode()
            self.must(ask(self.node, "POST", SITES, body, headers), 201)
            have += 1
        self.pages("&consistency=linearizable")

    def list_all(self) -> None:
        seconds: list[float] = []
        began = time.monotonic()
        passes = 0
        while time.monotonic() - began < self.arguments.seconds:
            seconds += self.pages()
            passes += 1
        seconds.sort()
        self.rows["all of them, one client"] = {
            "rps": len(seconds) / sum(seconds), "p50_us": 1e6 * seconds[len(seconds) // 2],
            "p99_us": 1e6 * seconds[min(len(seconds) - 1, int(0.99 * len(seconds)))], "max_us": 1e6 * seconds[-1],
            "errors": 0}
        self.about["pass_ms"] = 1e3 * sum(seconds) / passes

    def measure(self, name: str, path: str, script: str, *words: str, seconds: Optional[int] = None) -> None:
        seconds = seconds or self.arguments.seconds
        command = [self.wrk, "-t1", f"-c{self.arguments.connections}", f"-d{seconds}s", "-s", str(HERE / script)]
        for header, value in self.headers().items():
            command += ["-H", f"{header}: {value}"]
        command += [f"http://{self.node}{path}", "--", *words]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30,
                                  preexec_fn=end_with_parent)
        except subprocess.TimeoutExpired:
            raise BenchError(f"wrk did not end within {seconds + 30} s") from None
        if done.returncode != 0:
            raise BenchError(f"wrk: {done.stderr.strip() or done.stdout.strip()}")
        outcome = json.loads(done.stdout.splitlines()[-1])
        self.rows[name] = outcome | {"rps": outcome["requests"] / outcome["seconds"],
                                     "errors": outcome["status_errors"] + outcome["socket_errors"]}
        say(f"{name}: {self.rows[name]['rps']:,.0f}/s")

    def stop(self) -> None:
        self.cluster.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def render(bench: Sites) -> str:
    about = bench.about
    lines = [f"Sites on one follower of three nodes, plain HTTP, {about['cpus']} CPUs, {about['kernel']}; wrk, "
             f"{about['connections']} connections, {about['seconds']} s a row;",
             f"reads and lists with {about['listed']:,} sites.", "",
             f"  {'':26}{'requests/s':>12}{'p50 us':>10}{'p99 us':>10}{'max us':>10}{'errors':>8}"]
    for name, row in bench.rows.items():
        lines.append(f"  {name:26}{row['rps']:>12,.0f}{row['p50_us']:>10,.0f}{row['p99_us']:>10,.0f}"
                     f"{row['max_us']:>10,.0f}{row['errors']:>8,.0f}")
    lines.append(f"  a site / a key: reads/s x {bench.rows['read a site']['rps'] / bench.rows['read a key']['rps']:.2f}; "
                 f"all sites in pages of {PAGE:,}: {about['pass_ms']:,.0f} ms")
    return "\n".join(lines)


def main() -> int:
    arguments = parse_arguments()
    catch_signals()
    bench: Optional[Sites] = None
    try:
        bench = Sites(arguments)
        bench.run()
    except BenchError as error:
        say(f"sites: {error}")
        return 1
    except Interrupted as why:
        say(f"sites: {why}, ending the nodes")
        return 130
    finally:
        ignore_signals()
        if bench is not None:
            bench.stop()
    print(json.dumps({"about": bench.about, "rows": bench.rows}, indent=1) if arguments.output == "json" else render(bench))
    errors = sum(row["errors"] for row in bench.rows.values())
    if errors:
        say(f"sites: {errors} requests failed; the figures can't be trusted")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
