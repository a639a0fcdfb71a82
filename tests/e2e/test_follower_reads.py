#!/usr/bin/env python3
"""Reads on followers: what was just written on the leader is seen by a linearizable read on any node, and by one that
names the revision; a stale read says how stale it may be; a follower that is cut off says that it can't know."""

from __future__ import annotations

from case import Case, main
from client import Answer, state_path
from cluster import Cluster, Node
from proxy import Mode
from waiting import wait_for

STALENESS = "x-patronus-staleness-ms"


def history(node: Node, **parameters: object) -> Answer:
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return node.ask("GET", "/api/v1/cluster/history" + (f"?{query}" if query else ""))


class FollowerReads(Case):
    def test_followers_see_what_was_written_on_the_leader(self) -> None:
        with Cluster().start() as cluster:
            leader = cluster.leader()
            followers = cluster.others(leader)
            for turn in range(30):
                value = f"v{turn}".encode()
                written = leader.put("reads", "k", value)
                revision = written.json()["mod_revision"]
                for node in followers:
                    strong = node.get("reads", "k")
                    self.assertEqual((strong.status, strong.body), (200, value))
                    self.assertNotIn(STALENESS, strong.headers, "a linearizable read is not stale")
                written = leader.put("reads", "k", value + b"!")
                revision = written.json()["mod_revision"]
                for node in followers:
                    # A stale read waits for the revision that it names, whatever it reads.
                    stale = {"consistency": "stale", "min_revision": revision}
                    got = node.get("reads", "k", **stale)
                    self.assertEqual((got.status, got.body), (200, value + b"!"))
                    listed = node.list("reads", **stale).json()
                    self.assertEqual(listed["items"][0]["mod_revision"], revision)
                    self.assertGreaterEqual(listed["revision"], revision)
                    self.assertGreaterEqual(history(node, **stale).json()["revision"], revision)
                    self.assertLess(int(got.headers[STALENESS]), 500)
            self.saw("60 writes on the leader, each seen at once by followers")

    def test_a_revision_that_does_not_come(self) -> None:
        with Cluster(settings={"PATRONUS_REQUEST_TIMEOUT": "300ms"}).start() as cluster:
            node = cluster.followers()[0]
            cluster.nodes[0].put("reads", "k", b"v")
            far = node.applied_index() + 1000
            for consistency in ("stale", "linearizable"):
                query = {"consistency": consistency, "min_revision": far}
                paths = [state_path("reads", "k", **query), state_path("reads", None, **query)]
                paths.append(f"/api/v1/cluster/history?consistency={consistency}&min_revision={far}")
                for path in paths:
                    problem = self.assert_problem(node.ask("GET", path), 503)
                    self.assertEqual((problem["code"], problem["retryable"]), ("revision_not_reached", True), path)
            self.assert_problem(node.ask("GET", state_path("reads", "k", min_revision="next")), 400)
            self.saw("gets, lists and history say revision_not_reached in time")

    def test_a_follower_that_is_cut_off(self) -> None:
        with Cluster(proxied=True, election_timeout="1s", heartbeat_interval="100ms",
                     settings={"PATRONUS_REQUEST_TIMEOUT": "500ms"}).start() as cluster:
            leader = cluster.leader()
            node = cluster.others(leader)[0]
            leader.put("reads", "k", b"before")
            wait_for("the follower to have it", lambda: node.get("reads", "k").body == b"before")
            cluster.isolate(node, Mode.BLACKHOLE)
            self.assertIn(leader.put("reads", "k", b"after").status, (200, 504))
            wait_for("the others to go on", lambda: leader.put("reads", "k", b"after").status == 200)
            # Within two election timeouts it still knows who may read, and says how old its answer is.
            got = node.get("reads", "k", consistency="stale")
            self.assertEqual((got.status, got.body), (200, b"before"))
            first = int(got.headers[STALENESS])
            self.assertGreater(first, 0)
            problem = self.assert_problem(node.get("reads", "k"), 503)
            self.assertIn(problem["code"], ("no_quorum", "no_leader", "cannot_vouch"))
            # After that it can't vouch for a token; what an operator needs to see why is still shown, with its age.
            wait_for("it to refuse", lambda: node.get("reads", "k", consistency="stale").status == 503)
            self.assertEqual(self.assert_problem(node.get("reads", "k", consistency="stale"), 503)["code"],
                             "cannot_vouch")
            ages = [int(history(node).headers[STALENESS])]
            wait_for("a second more", lambda: int(history(node).headers[STALENESS]) > ages[0] + 1000)
            self.assertGreater(ages[0], 2000)
            self.assert_problem(history(node, consistency="linearizable"), 503)
            cluster.heal()
            wait_for("it to be back", lambda: node.get("reads", "k").body == b"after")
            wait_for("it to be fresh", lambda: int(history(node).headers[STALENESS]) < 1000)
            self.saw(f"stale by {first} ms, then {ages[0]} ms and growing; linearizable reads 503; fresh after healing")


if __name__ == "__main__":
    main()
