#!/usr/bin/env python3
"""Accounts and sessions on real nodes: a login survives its node, a logout holds everywhere, roles are kept, and what
is refused is refused for a reason."""

from __future__ import annotations

import threading
import time
from typing import Optional

from case import Case, SharedClusterCase, main
from client import Answer
from cluster import ADMIN, PASSWORD, Cluster, Node
from proxy import Mode
from waiting import wait_for

AUTH = "/api/v1/auth/"


def cookie_of(answer: Answer) -> str:
    return answer.headers["set-cookie"].split(";")[0]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def login(node: Node, email: str = ADMIN, password: str = PASSWORD) -> Answer:
    node_token, node.token = node.token, None
    try:
        return node.post(AUTH + "login", {"email": email, "password": password})
    finally:
        node.token = node_token


def me(node: Node, token: str) -> Answer:
    return node.ask("GET", AUTH + "me", headers=bearer(token))


def refresh(node: Node, cookie: str) -> Answer:
    return node.ask("POST", AUTH + "refresh", headers={"Cookie": cookie})


class Sessions(SharedClusterCase):
    def new_user(self, email: str, role: str) -> str:
        made = self.cluster.nodes[0].post("/api/v1/users", {"email": email, "name": email, "role": role,
                                                            "password": PASSWORD})
        self.assert_status(made, 201)
        return str(made.json()["id"])

    def test_a_login_is_known_to_every_node_at_once(self) -> None:
        for node in self.cluster.nodes:
            token = self.assert_status(login(node), 200).json()["access_token"]
            for other in self.cluster.nodes:
                self.assertEqual(self.assert_status(me(other, token), 200).json()["user"]["email"], ADMIN)
        self.saw("three logins, nine answers")

    def test_what_a_login_answers(self) -> None:
        answer = login(self.cluster.nodes[1])
        fields = answer.json()
        self.assertEqual(fields["token_type"], "Bearer")
        self.assertEqual(fields["expires_in"], 900)
        self.assertIn("HttpOnly", answer.headers["set-cookie"])
        self.assertIn("SameSite=Strict", answer.headers["set-cookie"])
        self.assertIn("Path=/api/v1/auth", answer.headers["set-cookie"])
        self.assertEqual(answer.headers["cache-control"], "no-store")
        keys = self.cluster.nodes[2].ask("GET", "/.well-known/jwks.json").json()["keys"]
        self.assertTrue(any(key["kty"] == "OKP" and key["crv"] == "Ed25519" for key in keys))

    # Scenario 39, with nodes that hear each other: refused everywhere as soon as the node has applied it.
    def test_a_logged_out_token_is_refused_by_all(self) -> None:
        token = login(self.cluster.nodes[0]).json()["access_token"]
        began = time.monotonic()
        left = self.cluster.nodes[1].ask("POST", AUTH + "logout", headers=bearer(token))
        self.assert_status(left, 204)
        for node in self.cluster.nodes:
            wait_for(f"{node} to refuse the token", lambda node=node: me(node, token).status == 401)
        self.saw(f"refused by all {1000 * (time.monotonic() - began):.0f} ms after the logout began")

    # Scenario 38.
    def test_two_tabs_refresh_at_once(self) -> None:
        first = login(self.cluster.nodes[0])
        answers: list[Answer] = []
        tabs = [threading.Thread(target=lambda node=node: answers.append(refresh(node, cookie_of(first))))
                for node in self.cluster.nodes]
        for tab in tabs:
            tab.start()
        for tab in tabs:
            tab.join()
        for answer in answers:
            self.assert_status(answer, 200)
        self.assertEqual(len({cookie_of(answer) for answer in answers}), 1, "tabs got different tokens")
        for answer in answers:
            self.assert_status(me(self.cluster.nodes[2], answer.json()["access_token"]), 200)

    def test_a_stolen_refresh_token_ends_the_session(self) -> None:
        stolen = cookie_of(login(self.cluster.nodes[0]))
        second = refresh(self.cluster.nodes[1], stolen)
        third = self.assert_status(refresh(self.cluster.nodes[2], cookie_of(second)), 200)
        token = third.json()["access_token"]
        time_to_be_late = wait_for("the theft to be noticed",
                                   lambda: refresh(self.cluster.nodes[0], stolen).status == 401)
        self.assertTrue(time_to_be_late)
        for node in self.cluster.nodes:
            wait_for(f"{node} to refuse the session", lambda node=node: me(node, token).status == 401)
        self.assert_problem(refresh(self.cluster.nodes[1], cookie_of(third)), 401)

    def test_the_cookie_logs_out_too(self) -> None:
        answer = login(self.cluster.nodes[0])
        left = self.cluster.nodes[1].ask("POST", AUTH + "logout",
                                         headers={"Authorization": "Bearer expired", "Cookie": cookie_of(answer)})
        self.assert_status(left, 204)
        self.assertIn("Max-Age=0", left.headers["set-cookie"])
        token = answer.json()["access_token"]
        for node in self.cluster.nodes:
            wait_for(f"{node} to refuse the token", lambda node=node: me(node, token).status == 401)

    def test_forged_refresh_tokens_end_nothing(self) -> None:
        answer = login(self.cluster.nodes[0])
        name, _, value = cookie_of(answer).partition("=")
        sid, _, code = value.split(".")
        other = code[:-1] + ("A" if code[-1] != "A" else "E")
        for forged in (f"{sid}.9.{code}", f"{sid}.1.{other}", f"{sid}.1.", "x", ""):
            self.assert_problem(refresh(self.cluster.nodes[0], f"{name}={forged}"), 401)
        self.assert_status(me(self.cluster.nodes[1], answer.json()["access_token"]), 200)

    def test_every_failed_login_looks_the_same(self) -> None:
        self.new_user("disabled@example.org", "viewer")
        found = [user for user in self.cluster.nodes[0].ask("GET", "/api/v1/users").json()["items"]
                 if user["email"] == "disabled@example.org"]
        changed = self.cluster.nodes[0].ask("PUT", f"/api/v1/users/{found[0]['id']}", b'{"disabled": true}',
                                            {"Content-Type": "application/json"})
        self.assert_status(changed, 200)
        seen = []
        for email, password in ((ADMIN, "wrong"), ("nobody@example.org", PASSWORD), ("disabled@example.org", PASSWORD)):
            fields = self.assert_problem(login(self.cluster.nodes[0], email, password), 401)
            seen.append((fields["code"], fields["detail"]))
        self.assertEqual(len(set(seen)), 1, seen)

    # Scenario 40.
    def test_tokens_of_before_a_key_rotation_go_on(self) -> None:
        before = login(self.cluster.nodes[0]).json()["access_token"]
        rotated = self.cluster.nodes[1].post("/api/v1/keys/rotate")
        self.assert_status(rotated, 204)
        after = self.assert_status(login(self.cluster.nodes[2]), 200).json()["access_token"]
        for node in self.cluster.nodes:
            self.assert_status(me(node, before), 200)
            self.assert_status(me(node, after), 200)
        self.assertGreaterEqual(len(self.cluster.nodes[0].ask("GET", "/.well-known/jwks.json").json()["keys"]), 2)

    # Scenario 39: a role that was lowered counts at once, whatever the token says.
    def test_roles(self) -> None:
        user = self.new_user("operator@example.org", "operator")
        token = login(self.cluster.nodes[1], "operator@example.org").json()["access_token"]
        node = self.cluster.nodes[2]
        self.assert_status(node.put("roles", "k", b"v", bearer(token)), 201)
        self.assert_problem(node.ask("GET", "/api/v1/users", headers=bearer(token)), 403)
        lowered = self.cluster.nodes[0].ask("PUT", f"/api/v1/users/{user}", b'{"role": "viewer"}',
                                            {"Content-Type": "application/json"})
        self.assert_status(lowered, 200)
        wait_for("the role to be lowered", lambda: node.put("roles", "k", b"w", bearer(token)).status == 403)
        self.assert_status(node.ask("GET", "/api/v1/state/roles/k", headers=bearer(token)), 200)
        removed = self.cluster.nodes[1].ask("DELETE", f"/api/v1/users/{user}")
        self.assert_status(removed, 204)
        wait_for("the user to be gone", lambda: me(node, token).status == 401)

    def test_the_last_administrator_stays(self) -> None:
        own = self.cluster.nodes[0].ask("GET", AUTH + "me").json()["user"]["id"]
        answer = self.cluster.nodes[0].ask("DELETE", f"/api/v1/users/{own}")
        self.assertEqual(self.assert_problem(answer, 409)["code"], "last_admin")

    def test_sessions_are_listed_and_ended(self) -> None:
        self.new_user("many@example.org", "viewer")
        tokens = [login(node, "many@example.org").json()["access_token"] for node in self.cluster.nodes]
        node = self.cluster.nodes[0]
        items = wait_for("three sessions", lambda: [
            items for items in [node.ask("GET", AUTH + "sessions", headers=bearer(tokens[0])).json()["items"]]
            if len(items) == 3])[0]
        self.assertEqual(sum(1 for one in items if one["current"]), 1)
        ended = node.ask("DELETE", AUTH + "sessions?others=1", headers=bearer(tokens[0]))
        self.assertEqual(self.assert_status(ended, 200).json()["sessions_ended"], 2)
        self.assert_status(me(node, tokens[0]), 200)
        for token in tokens[1:]:
            wait_for("the others to be refused", lambda token=token: me(self.cluster.nodes[2], token).status == 401)

    def test_a_changed_password_ends_other_sessions(self) -> None:
        self.new_user("change@example.org", "viewer")
        kept = login(self.cluster.nodes[0], "change@example.org").json()["access_token"]
        other = login(self.cluster.nodes[1], "change@example.org").json()["access_token"]
        node = self.cluster.nodes[2]
        wrong = node.post(AUTH + "change-password", {"current_password": "wrong", "new_password": "a much longer one"},
                          bearer(kept))
        self.assert_problem(wrong, 422)
        weak = node.post(AUTH + "change-password", {"current_password": PASSWORD, "new_password": "short"}, bearer(kept))
        self.assert_problem(weak, 422)
        done = node.post(AUTH + "change-password", {"current_password": PASSWORD, "new_password": "a much longer one"},
                         bearer(kept))
        self.assertEqual(self.assert_status(done, 200).json()["sessions_ended"], 1)
        self.assert_status(me(node, kept), 200)
        wait_for("the other session to be refused", lambda: me(node, other).status == 401)
        self.assert_problem(login(node, "change@example.org", PASSWORD), 401)
        self.assert_status(login(node, "change@example.org", "a much longer one"), 200)

    def test_bad_tokens_and_bodies(self) -> None:
        node = self.cluster.nodes[0]
        good = login(node).json()["access_token"]
        head, payload, signature = good.split(".")
        wrong = ("A" if signature[0] != "A" else "B") + signature[1:]
        for header in ("Bearer", "Bearer a b", f"Bearer {head}.{payload}.", f"Bearer {head}.{payload}.{wrong}",
                       f"Bearer {payload}.{payload}.{signature}", "Basic YTpi", "Bearer " + "x" * 5000):
            self.assert_problem(node.ask("GET", AUTH + "me", headers={"Authorization": header}), 401)
        node_token, node.token = node.token, None
        try:
            self.assert_problem(node.ask("GET", AUTH + "me"), 401)
            self.assert_problem(node.ask("GET", "/api/v1/state/app/k"), 401)
            self.assert_problem(node.post(AUTH + "login", {"email": "a", "pasword": "b"}), 400)
            self.assert_problem(node.ask("POST", AUTH + "login", b"{", {"Content-Type": "application/json"}), 400)
            self.assert_problem(node.ask("POST", AUTH + "login", b"{}", {"Content-Type": "text/plain"}), 415)
            self.assert_problem(node.ask("GET", AUTH + "login"), 405)
            again = node.post(AUTH + "init-admin", {"email": ADMIN, "name": "x", "password": PASSWORD})
            self.assertEqual(self.assert_problem(again, 409)["code"], "already_initialised")
        finally:
            node.token = node_token

    def test_failures_are_limited(self) -> None:
        self.new_user("guessed@example.org", "viewer")
        node = self.cluster.nodes[1]
        statuses = [login(node, "guessed@example.org", f"guess {n}").status for n in range(12)]
        self.assertEqual(statuses[:10], [401] * 10)
        last = login(node, "guessed@example.org", PASSWORD)
        self.assert_problem(last, 429)
        self.assertGreater(int(last.headers["retry-after"]), 1)
        self.saw(f"after ten failures: {last.json()['detail']}")
        # Others from the same address are not locked out.
        self.assert_status(login(node), 200)


class Survival(Case):
    def test_a_session_survives_every_node(self) -> None:
        with Cluster().start() as cluster:
            answer = login(cluster.nodes[0])
            token, cookie = answer.json()["access_token"], cookie_of(answer)
            for node in cluster.nodes:
                node.kill()
                others = cluster.others(node)
                for other in others:
                    wait_for(f"{other} to know the session", lambda other=other: me(other, token).status == 200)
                refreshed = wait_for("a refresh", lambda: (lambda a: a if a.status == 200 else None)(
                    refresh(others[0], cookie)))
                token, cookie = refreshed.json()["access_token"], cookie_of(refreshed)
                node.start()
                cluster.wait_ready([node])
                self.assert_status(me(node, token), 200)
            self.saw("killed each node in turn, logged in all the time")

    def test_sessions_survive_the_loss_of_all_processes(self) -> None:
        with Cluster().start() as cluster:
            token = login(cluster.nodes[0]).json()["access_token"]
            for node in cluster.nodes:
                node.kill()
            for node in cluster.nodes:
                node.start()
            cluster.wait_ready()
            for node in cluster.nodes:
                self.assert_status(me(node, token), 200)

    def test_a_token_of_another_cluster_is_refused(self) -> None:
        with Cluster(size=1).start() as one, Cluster(size=1).start() as other:
            token = login(one.nodes[0]).json()["access_token"]
            fields = self.assert_problem(me(other.nodes[0], token), 401)
            self.assertIn("another cluster", fields["detail"])

    # Scenario 39: a node that is cut off stops judging tokens, with 503 and never 401, within two election timeouts.
    def test_a_node_that_is_cut_off_vouches_for_nothing(self) -> None:
        with Cluster(proxied=True).start() as cluster:
            lonely = cluster.followers()[0]
            others = cluster.others(lonely)
            token = login(others[0]).json()["access_token"]
            self.assert_status(me(lonely, token), 200)
            for other in others:
                cluster.cut(lonely, other, Mode.BLACKHOLE)
                cluster.cut(other, lonely, Mode.BLACKHOLE)
            cut = time.monotonic()
            self.assert_status(others[0].ask("POST", AUTH + "logout", headers=bearer(token)), 204)
            seen: Optional[Answer] = None
            while time.monotonic() - cut < 10:
                seen = me(lonely, token)
                self.assertIn(seen.status, (200, 503), str(seen))
                if seen.status == 503:
                    break
            assert seen is not None
            self.assertEqual(self.assert_problem(seen, 503)["code"], "cannot_vouch")
            took = time.monotonic() - cut
            self.assertLess(took, 1.0 + 0.5, "the bound is two election timeouts of 500 ms")
            cluster.heal()
            wait_for("the logout to be known", lambda: me(lonely, token).status == 401)
            self.saw(f"accepted a revoked token for {took:.2f} s at most, then 503, and 401 once healed")



if __name__ == "__main__":
    main()
