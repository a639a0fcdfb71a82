#!/usr/bin/env python3
"""Links are cut and healed: a minority serves nobody wrongly, the majority goes on, afterwards all agree."""

from __future__ import annotations

import threading
import time
from typing import Callable

from case import Case, main
from client import Answer, Unreachable, state_path
from cluster import Cluster, Node
from load import Writers, check_stored
from proxy import Mode
from waiting import holds_for, wait_for

# The server's default request timeout and some tolerance.
ANSWER_SECONDS = 12.0
# For tests in which requests are refused one after the other.
IMPATIENT = {"PATRONUS_REQUEST_TIMEOUT": "4s"}


def unhurried_cluster() -> Cluster:
    """For tests that fail if there is an election: noise of the machine shall not cause one."""
    return Cluster(proxied=True, election_timeout="1s", heartbeat_interval="200ms")


class Asking(threading.Thread):
    """A request in the background; a node without a quorum takes its time."""

    def __init__(self, ask: Callable[[], Answer]) -> None:
        super().__init__(daemon=True)
        self._ask = ask
        self._answer: Answer | Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self._answer = self._ask()
        except Exception as error:  # Kept for the thread that asks for the result.
            self._answer = error

    def is_done(self) -> bool:
        return not self.is_alive()

    def result(self, seconds: float = 30.0) -> Answer:
        self.join(seconds)
        if isinstance(self._answer, Exception):
            raise self._answer
        assert self._answer is not None, "the request was not answered"
        return self._answer


def has_given_up_its_leader(node: Node) -> bool:
    """It asks for votes itself. Before that it may still send a write to a leader that does not hear it, and then
    can't tell what becomes of it."""
    health = node.ask("GET", "/health").json()
    return health["role"] == "candidate" and health["leader"] is None


class Partition(Case):
    def _assert_refused(self, answer: Answer, codes: set[str]) -> None:
        fields = self.assert_problem(answer, 503)
        self.assertIn(fields["code"], codes)
        self.assertIs(fields["retryable"], True)
        self.assertIs(fields["maybe_applied"], False)
        self.assertIsNone(fields["leader"])
        self.assertLess(answer.seconds, ANSWER_SECONDS)

    def test_follower_in_a_black_hole(self) -> None:
        with unhurried_cluster().start() as cluster:
            lost = cluster.followers()[0]
            rest = cluster.others(lost)
            self.assert_status(rest[0].put("app", "key", b"old"), 201)
            cluster.wait_caught_up()
            with Writers(cluster, nodes=rest) as writers:
                cluster.isolate(lost, Mode.BLACKHOLE)
                wait_for("the follower to give up its leader", lambda: has_given_up_its_leader(lost))
                term = rest[0].status()["term"]
                asked = [Asking(lambda: lost.get("app", "key")), Asking(lambda: lost.put("app", "lost", b"value")),
                         Asking(lambda: lost.get("app", "key", consistency="stale", min_revision=10**12))]
                writers.wait_for_more(50)
                self.assert_status(lost.get("app", "key", consistency="stale"), 200)
                read, write, future = [one.result() for one in asked]
                self._assert_refused(read, {"no_leader", "no_quorum"})
                self._assert_refused(write, {"no_leader", "no_quorum"})
                self.assert_problem(future, 503)
                cluster.heal()
                cluster.wait_ready([lost])
                writes = writers.finish()
            cluster.wait_caught_up()
            self.assertEqual(lost.status()["term"], term, "a follower that comes back must not depose the leader")
            self.assert_status(lost.get("app", "lost"), 404)
            check_stored(lost, writes)
            self.saw(f"read refused after {read.seconds:.1f} s with {read.problem()['code']}, write after "
                     f"{write.seconds:.1f} s with {write.problem()['code']}; {len(writes)} writes meanwhile, caught up")

    def test_follower_reset_and_refused(self) -> None:
        with Cluster(proxied=True).start() as cluster:
            lost = cluster.followers()[0]
            rest = cluster.others(lost)
            with Writers(cluster, nodes=rest) as writers:
                cluster.isolate(lost, Mode.RESET)
                wait_for("the follower to give up its leader", lambda: has_given_up_its_leader(lost))
                write = Asking(lambda: lost.put("app", "patient", b"value"))
                read = Asking(lambda: lost.get("app", "patient"))
                writers.wait_for_more(50)
                self.assertFalse(write.is_done() or read.is_done(), "a node without a leader has nothing to say yet")
                cluster.heal()
                self.assert_status(write.result(), 201)
                self.assert_status(read.result(), 200, 404)
                writes = writers.finish()
            cluster.wait_caught_up()
            check_stored(lost, writes)
            for node in cluster.nodes:
                self.assert_status(node.get("app", "patient"), 200)
            self.saw(f"a write that waited out the cut was done after {write.result().seconds:.2f} s, "
                     f"{len(writes)} others went on")

    def test_leader_in_a_black_hole(self) -> None:
        self._cut_leader_off(Mode.BLACKHOLE)

    def test_leader_whose_messages_come_late(self) -> None:
        self._cut_leader_off(Mode.FREEZE)

    def _cut_leader_off(self, mode: Mode) -> None:
        with Cluster(proxied=True, settings=IMPATIENT).start() as cluster:
            old = cluster.leader()
            rest = cluster.others(old)
            self.assert_status(old.put("app", "key", b"before"), 201)
            cluster.isolate(old, mode)
            cut = time.monotonic()
            # These two fall into the time in which the old leader still believes in itself.
            write = Asking(lambda: old.put("app", "key", b"by the old leader", timeout=30))
            read = Asking(lambda: old.get("app", "key", timeout=30))
            new = cluster.leader(rest)
            elected = time.monotonic() - cut
            self.assertIsNot(new, old)
            self.assert_status(new.put("app", "key", b"after"), 200)
            wait_for("the old leader to step down", lambda: not old.is_leader())
            stepped_down = time.monotonic() - cut
            late_write = Asking(lambda: old.put("app", "late", b"value"))
            refused = [read.result(), late_write.result()]
            for answer in refused:
                self._assert_refused(answer, {"no_leader", "no_quorum"})
            # It went into the old leader's log and nowhere else; on a slow machine it may have come too late for that.
            fields = self.assert_problem(write.result(), write.result().status)
            self.assertIs(fields["maybe_applied"], write.result().status == 504)
            self.assertIn(write.result().status, (503, 504))
            cluster.heal()
            cluster.wait_ready()
            cluster.wait_caught_up()
            self._all_read(cluster, "key", b"after")
            self.assert_status(old.get("app", "late"), 404)
            self.saw(f"{mode.value}: another leader after {elected:.2f} s, the old one stepped down after "
                     f"{stepped_down:.2f} s and acknowledged nothing")

    def _all_read(self, cluster: Cluster, key: str, value: bytes) -> None:
        for node in cluster.nodes:
            self.assertEqual(self.assert_status(node.get("app", key), 200).body, value, node)

    def test_one_way_cut_of_a_follower(self) -> None:
        """It can't hear the leader but reaches everyone: it must not depose the leader again and again."""
        with unhurried_cluster().start() as cluster:
            leader = cluster.leader()
            deaf = cluster.followers()[0]
            term = leader.status()["term"]
            with Writers(cluster, nodes=cluster.others(deaf)) as writers:
                cluster.cut(leader, deaf, Mode.BLACKHOLE)
                wait_for("the follower to give up its leader", lambda: has_given_up_its_leader(deaf))
                seen = holds_for("the leader leads on", leader.is_leader, 4.0)
                writers.wait_for_more(20)
                cluster.heal()
                cluster.wait_ready()
                writes = writers.finish()
            cluster.wait_caught_up()
            self.assertEqual({node.status()["term"] for node in cluster.nodes}, {term})
            check_stored(deaf, writes)
            self.saw(f"the leader stayed for {seen} looks in term {term}, {len(writes)} writes meanwhile")

    def test_all_apart_and_together_again(self) -> None:
        with Cluster(proxied=True).start() as cluster:
            with Writers(cluster) as writers:
                writers.wait_for_more(50)
                for node in cluster.nodes:
                    cluster.isolate(node, Mode.RESET)
                for node in cluster.nodes:
                    wait_for(f"{node} to have no leader", lambda: has_given_up_its_leader(node))
                cluster.heal()
                healed = time.monotonic()
                writers.wait_for_more(50)
                took = time.monotonic() - healed
                writes = writers.finish()
            cluster.wait_caught_up()
            for node in cluster.nodes:
                check_stored(node, writes)
            self.saw(f"writes went on {took:.2f} s after the network was back, {len(writes)} kept")

    def test_client_of_a_cut_off_leader_that_hangs_up(self) -> None:
        """A write whose client is gone may come through later or not, but the same everywhere."""
        with Cluster(proxied=True).start() as cluster:
            old = cluster.leader()
            cluster.isolate(old, Mode.FREEZE)
            with self.assertRaises(Unreachable):
                old.ask("PUT", state_path("app", "orphan"), b"value", timeout=0.2)
            cluster.leader(cluster.others(old))
            cluster.heal()
            cluster.wait_ready()
            self.assert_status(old.put("app", "marker", b"value"), 201)
            cluster.wait_caught_up()
            found = {node.get("app", "orphan").status for node in cluster.nodes}
            self.assertEqual(len(found), 1, f"replicas differ: {found}")
            self.saw(f"all three say {found.pop()} to the orphan")


if __name__ == "__main__":
    main()
