#!/usr/bin/env python3
"""A node that lacks what the others' logs no longer have is given the whole state, and begins again from it: one that
was away, one that is new, one that loses power on the way, one whose giver does."""

from __future__ import annotations

import re
import time

from case import Case, main
from cluster import Cluster, Node
from load import Writers, check_bulk, check_stored, fill
from waiting import wait_for

# So little of the log is kept that a few writes are too many to be caught up with.
SETTINGS = {"PATRONUS_CHECKPOINT_INTERVAL": "200ms", "PATRONUS_LOG_RETENTION": "1MiB"}
NODES = "/api/v1/cluster/nodes"


def metric(node: Node, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", node.ask("GET", "/metrics").text(), re.MULTILINE)
    assert found, f"{node} has no metric {name}"
    return float(found[1])


def said(node: Node, text: str) -> int:
    return sum(text in line for line in node.log_lines())


class StateTransfer(Case):
    def test_a_node_that_was_away_begins_again_from_the_state(self) -> None:
        with Cluster(settings=SETTINGS).start() as cluster:
            away = cluster.followers()[0]
            held = away.applied_index()
            away.kill()
            others = cluster.others(away)
            # Scenario 54: done while it was away, and asked for again where only the state that it was given tells.
            key = {"Idempotency-Key": "once"}
            once = self.assert_status(others[0].put("keyed", "once", b"value", key), 201)
            with Writers(cluster, nodes=others) as writers:
                written = fill(others[0], 0, 60)
                self._wait_cut(others, held)
                away.start()
                assert away.process is not None
                process = away.process.pid
                cluster.wait_ready()
                writers.wait_for_more(50)
                writes = writers.finish()
            cluster.wait_caught_up()
            self.assertEqual(said(away, "begins again from the state"), 1)
            self.assertIsNone(away.process.poll(), "whoever supervises it saw no end")
            self.assertEqual(away.process.pid, process)
            self.assertGreater(metric(away, "patronus_log_first_index"), held)
            check_stored(away, writes)
            check_bulk(away, written)
            # It is a voter like any other: with one of the others gone the two that are left serve.
            cluster.leader().kill()
            left = [node for node in cluster.nodes if node.alive()]
            wait_for("a leader again", lambda: cluster.leader(left))
            fill(left[0], 1000, 5)
            again = away.put("keyed", "once", b"value", key)
            self.assertEqual((again.status, again.body), (once.status, once.body))
            self.assertEqual(away.get("keyed", "once", meta=1).json()["version"], 1)
            # And it comes up from what it has, as ever.
            away.kill()
            away.start()
            for node in cluster.nodes:
                if not node.alive():
                    node.start()
            cluster.wait_ready()
            cluster.wait_caught_up()
            self.assertEqual(said(away, "begins again from the state"), 1)
            check_bulk(away, written)
            self.saw(f"{away} was away from entry {held} on and began again from the state: "
                     f"{next(line for line in away.log_lines() if 'fetches the state' in line)}")

    def test_a_new_node_is_given_the_state(self) -> None:
        with Cluster(settings=SETTINGS).start() as cluster:
            written = fill(cluster.nodes[0], 0, 60)
            self._wait_cut(cluster.nodes, 10)
            new = cluster.new_node("n4")
            new.token = cluster.nodes[0].token
            new.start()
            cluster.nodes.append(new)
            wait_for(f"{new} to have a vote", lambda: any(
                one["id"] == new.name and one["standing"] == "voter" for one in
                cluster.nodes[0].ask("GET", NODES).json()["nodes"]))
            cluster.wait_ready()
            self.assertEqual(said(new, "begins again from the state"), 1)
            check_bulk(new, written)

    def test_power_that_fails_on_the_way_costs_nothing(self) -> None:
        with Cluster(settings=SETTINGS).start() as cluster:
            away = cluster.followers()[0]
            written = fill(cluster.leader(), 0, 20)
            cluster.wait_caught_up()
            installed = 0
            for turn in range(8):
                held = away.applied_index()
                away.kill()
                others = cluster.others(away)
                written |= fill(others[0], 100 * turn + 100, 60)
                self._wait_cut(others, held)
                away.start()
                # Each time a little later on the way: while it fetches, while it installs, after that.
                wait_for("it to fetch", lambda: said(away, "fetches the state") > installed or said(away, "begins again"))
                time.sleep(0.03 * turn)
                away.kill()
                away.start()
                installed = said(away, "fetches the state")
                cluster.wait_ready()
            cluster.wait_caught_up()
            check_bulk(away, written)
            self.saw(f"killed eight times on the way; the state was fetched {said(away, 'fetches the state')} times and "
                     f"begun from {said(away, 'begins again')} times")

    def test_the_next_leader_gives_what_the_last_could_not(self) -> None:
        with Cluster(size=5, settings=SETTINGS).start() as cluster:
            away = cluster.followers()[0]
            held = away.applied_index()
            away.kill()
            others = cluster.others(away)
            written = fill(others[0], 0, 400)
            self._wait_cut(others, held)
            leader = cluster.leader(others)
            away.start()
            wait_for("it to fetch", lambda: said(away, "fetches the state") > 0)
            leader.kill()
            wait_for(f"{away} to be ready", away.is_ready)
            check_bulk(away, {key: written[key] for key in list(written)[::20]})
            leader.start()
            cluster.wait_ready()
            self.saw("; ".join(re.sub(r'.*"message":"([^"]*)".*', r"\1", line) for line in away.log_lines()
                               if '"event":"state"' in line))

    def _wait_cut(self, nodes: list[Node], behind: int) -> None:
        wait_for(f"the logs to begin after entry {behind}",
                 lambda: all(metric(node, "patronus_log_first_index") > behind + 1 for node in nodes))


if __name__ == "__main__":
    main()
