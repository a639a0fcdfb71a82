#!/usr/bin/env python3
"""The dashboard's database of each node: the same tables everywhere; and whatever happens to the file, the node is unready at
once, no request fails, and it is made again without anybody's help."""

from __future__ import annotations

import itertools
import os
import sqlite3
import subprocess
import threading
import time
from typing import Any, Callable, Optional

from balanced import BalancedCluster, Writers
from case import Case, main
from client import Unreachable
from cluster import Node
from haproxy import HAProxy
from waiting import PATIENCE, wait_for

SITES = "/api/v1/sites"
TABLES = ("state_rows", "sites", "endpoints", "policies", "paths", "audit")
PAGE_BYTES = 4096
FOUND_SECONDS = 2.0  # what a look at it each second finds
CHECK_SECONDS = 3  # PATRONUS_DB_CHECK_INTERVAL here, for what only a whole check finds


def connect(node: Node, mode: str = "ro") -> sqlite3.Connection:
    return sqlite3.connect(f"file:{node.database}?mode={mode}", uri=True, timeout=10)


def dump(node: Node) -> dict[str, list[Any]]:
    """All tables but `meta`, which says whose they are."""
    connection = connect(node)
    try:
        connection.execute("BEGIN")
        return {table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr) for table in TABLES}
    finally:
        connection.close()


def meta(node: Node) -> dict[str, Any]:
    connection = connect(node)
    try:
        return dict(connection.execute("SELECT key, value FROM meta").fetchall())
    finally:
        connection.close()


def zeros(node: Node) -> None:
    subprocess.run(["dd", "if=/dev/zero", f"of={node.database}", "bs=1M", "count=1"], check=True, capture_output=True)


def truncated(node: Node) -> None:
    os.truncate(node.database, node.database.stat().st_size // 2)


def deleted(node: Node) -> None:
    node.database.unlink()


FLIPS = itertools.count()


def flipped(node: Node) -> None:
    """A page in the middle, each of its bits; each time another one."""
    with node.database.open("r+b") as file:
        pages = node.database.stat().st_size // PAGE_BYTES
        file.seek((pages // 2 + 5 * next(FLIPS) % (pages // 3)) * PAGE_BYTES)
        page = file.read(PAGE_BYTES)
        file.seek(-PAGE_BYTES, os.SEEK_CUR)
        file.write(bytes(byte ^ 0xFF for byte in page))


DAMAGES: tuple[tuple[Callable[[Node], None], float], ...] = (
    (zeros, FOUND_SECONDS), (truncated, FOUND_SECONDS), (deleted, FOUND_SECONDS), (flipped, CHECK_SECONDS + FOUND_SECONDS))


class SiteMaker:
    """A client that makes sites through the balancer, one after the other, and repeats none itself."""

    def __init__(self, balancer: HAProxy) -> None:
        self._client = balancer.client(keeps_cookies=False)
        self._stopping = threading.Event()
        self.made = 0
        self.faults: list[str] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> SiteMaker:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._stopping.is_set():
            number = self.made
            body = {"name": f"site {number}", "endpoints": [
                {"address": f"192.0.2.{number % 250 + 1}:7000", "interface_type": "fiber", "cost_per_gb": 0.25}]}
            try:
                answer = self._client.post(SITES, body, {"Idempotency-Key": f"site-{number}"})
                if answer.status == 201:
                    self.made += 1
                else:
                    self.faults.append(f"{number}: {answer}")
            except Unreachable as error:
                self.faults.append(f"{number}: {error}")
            self._stopping.wait(0.01)


def component(node: Node) -> Optional[dict[str, Any]]:
    answer = node.ask("GET", "/health/ready?verbose", timeout=2).json()
    found = [one for one in answer["components"] if one["name"] == "database"]
    return found[0] if found else None


def rebuilt(node: Node) -> int:
    lines = node.ask("GET", "/metrics").text().splitlines()
    return int(float(next(line.split()[1] for line in lines if line.startswith("patronus_database_rebuilt_total "))))


class Databases(Case):
    def start(self) -> BalancedCluster:
        cluster = BalancedCluster()
        for node in cluster.nodes:
            node.environment["PATRONUS_DB_CHECK_INTERVAL"] = f"{CHECK_SECONDS}s"
        return cluster.start()

    def wait_equal(self, cluster: BalancedCluster, sites: int) -> dict[str, list[Any]]:
        """Until all nodes' databases hold the same, with so many sites; they follow the state a moment later."""
        def common() -> Optional[dict[str, list[Any]]]:
            dumps = [dump(node) for node in cluster.nodes]
            is_same = all(one == dumps[0] for one in dumps) and len(dumps[0]["sites"]) == sites
            return dumps[0] if is_same else None
        return wait_for("the same tables on all nodes", common)

    def test_the_same_tables_on_every_node(self) -> None:
        with self.start() as cluster:
            with SiteMaker(cluster.balancer) as sites:
                wait_for("sites", lambda: sites.made >= 50)
            self.assertEqual(sites.faults, [])
            cluster.wait_caught_up()
            tables = self.wait_equal(cluster, sites.made)
            self.assertEqual(len(tables["endpoints"]), sites.made)
            self.assertEqual(sum(row[3] == "site.create" for row in tables["audit"]), sites.made)
            node = cluster.followers()[0]
            before = meta(node)
            self.assertEqual(before["node_id"], node.name)
            self.assertEqual(before["cluster_id"], node.status()["cluster_id"])
            wait_for("a heartbeat of an idle database", lambda: meta(node)["heartbeat_at"] > before["heartbeat_at"], 15)
            # A node that starts again compares, and writes nothing that is there.
            code = node.terminate()
            self.assertEqual(code, 0)
            size = node.database.with_name("dashboard.db-wal").stat().st_size
            node.start()
            cluster.wait_ready([node])
            grown = node.database.with_name("dashboard.db-wal").stat().st_size - size
            self.assertLess(grown, 16 * PAGE_BYTES)
            self.wait_equal(cluster, sites.made)
            self.saw(f"{sites.made} sites on all three; a restart wrote {grown} bytes")

    def strike(self, node: Node, damage: Callable[[Node], None], found_within: float) -> str:
        """Damages it; what the times were until it was found and healed."""
        wait_for(f"{node} to have a sound database", lambda: (component(node) or {}).get("ok"))
        # What stands in the WAL alone can't be struck in the file.
        connection = connect(node, "rw")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        before, began = rebuilt(node), time.monotonic()
        damage(node)
        seen: list[float] = []

        def healed() -> bool:
            nonlocal began
            if not (component(node) or {})["ok"]:
                seen.append(time.monotonic() - began)
            elif damage is flipped and not seen and rebuilt(node) == before and time.monotonic() - began > 2 * found_within:
                # A page that the node had in its cache and wrote again meanwhile is sound.
                began = time.monotonic()
                damage(node)
            return rebuilt(node) > before and node.is_ready()

        wait_for(f"{node} to heal after {damage.__name__}", healed)
        self.assertTrue(seen, "it was never seen to be unready")
        self.assertLess(seen[0], found_within * PATIENCE)
        return f"{damage.__name__} at {node}: unready after {seen[0]:.2f} s, ready after {time.monotonic() - began:.2f} s"

    def test_a_damaged_database_heals_under_load(self) -> None:
        with self.start() as cluster:
            times = []
            with Writers(cluster.balancer) as keyed, SiteMaker(cluster.balancer) as sites:
                wait_for("the load to be on", lambda: keyed.written > 50 and sites.made > 50)
                for number, (damage, found_within) in enumerate(DAMAGES):
                    # One after the other; who is struck again so soon would take a pause.
                    times.append(self.strike(cluster.followers()[number % 2], damage, found_within))
                    made = sites.made
                    wait_for("more sites", lambda least=made: sites.made > least + 20)
                leader = cluster.leader()
                times.append("leader: " + self.strike(leader, zeros, FOUND_SECONDS))
                wait_for("another node to lead", lambda: any(node.is_leader() for node in cluster.others(leader)))
                made = sites.made
                wait_for("more sites", lambda: sites.made > made + 20)
            self.assertEqual(keyed.faults + sites.faults, [])
            cluster.wait_caught_up()
            self.wait_equal(cluster, sites.made)
            said = [line for node in cluster.nodes for line in node.log_lines() if "set aside as dashboard.db.damaged-" in line]
            self.assertEqual(len(said), len(DAMAGES) + 1, said)
            self.saw("; ".join(times) + f"; {keyed.written} keyed writes and {sites.made} sites, no failed request")

    def test_what_is_damaged_while_the_node_is_down_is_made_again(self) -> None:
        with self.start() as cluster:
            with SiteMaker(cluster.balancer) as sites:
                wait_for("sites", lambda: sites.made >= 20)
            cluster.wait_caught_up()
            node = cluster.followers()[0]
            self.wait_equal(cluster, sites.made)
            node.kill()
            zeros(node)
            node.start()
            cluster.wait_ready([node])
            self.wait_equal(cluster, sites.made)
            self.assertTrue(node.database.with_name("dashboard.db.damaged-1").exists())
            self.saw("ready again with the same tables")


if __name__ == "__main__":
    main()
