#!/usr/bin/env python3
"""The main job, as one story through the real HAProxy, at the election timeout of production: a user logs in, the node
that answered dies, the user stays logged in; the leader dies, and writes go on long before its timeout has passed."""

from __future__ import annotations

import time

from balanced import BalancedCluster
from case import Case, main
from cluster import ADMIN, PASSWORD
from waiting import wait_for

AUTH = "/api/v1/auth/"
ELECTION_TIMEOUT_SECONDS = 5.0


class NobodyYet(BalancedCluster):
    """Without an administrator: the story begins with making one."""

    def log_in(self) -> None:
        pass


class LoginSurvives(Case):
    def test_the_story(self) -> None:
        with NobodyYet(election_timeout=f"{ELECTION_TIMEOUT_SECONDS:.0f}s", heartbeat_interval="1s").start() as cluster:
            browser = cluster.balancer.client()
            setup = wait_for("a setup token", cluster.nodes[0].setup_token)
            made = browser.post(AUTH + "init-admin", {"email": ADMIN, "name": "Admin", "password": PASSWORD},
                                {"Authorization": f"Setup {setup}"})
            self.assert_status(made, 201)
            browser.token = self.assert_status(browser.post(AUTH + "login", {"email": ADMIN, "password": PASSWORD}),
                                               200).json()["access_token"]

            answered = cluster.node(browser.server)
            answered.kill()
            after = self.assert_status(browser.ask("GET", AUTH + "me"), 200)
            self.assertNotEqual(after.headers["x-patronus-node"], answered.name)
            self.assert_status(browser.post(AUTH + "refresh"), 200)
            answered.start()
            cluster.wait_ready()
            cluster.wait_caught_up()

            leader = cluster.leader()
            leader.kill()
            began = time.monotonic()
            self.assert_status(browser.put("app", "key", b"value", {"Idempotency-Key": "after-the-leader"}), 201)
            took = time.monotonic() - began
            self.assertLess(took, ELECTION_TIMEOUT_SECONDS / 2)
            asked = browser.ask("GET", "/api/v1/cluster/history?consistency=linearizable")
            changes = self.assert_status(asked, 200).json()["changes"]
            self.assertEqual(changes[0]["cause"], "crash")
            self.assertNotEqual(changes[0]["leader"], leader.name)
            leader.start()
            cluster.wait_ready()

            self.assert_status(browser.post(AUTH + "logout"), 204)
            for node in cluster.nodes:
                wait_for(f"{node} to refuse the token", lambda node=node: node.ask(
                    "GET", AUTH + "me", headers=browser.with_token()).status == 401)
            self.saw(f"logged in all the time; a write {took * 1000:.0f} ms after kill -9 of the leader at a timeout of "
                     f"{ELECTION_TIMEOUT_SECONDS:.0f} s")


if __name__ == "__main__":
    main()
