#!/usr/bin/env python3
"""The table of errors: whatever is wrong with a request is refused with its status and in the promised form."""

from __future__ import annotations

from case import SharedClusterCase, main
from client import state_path

SIZE_OF_A_VALUE = 1024 * 1024


class Refusals(SharedClusterCase):
    def setUp(self) -> None:
        self.node = self.cluster.followers()[0]

    def test_bad_parameters(self) -> None:
        paths = [state_path("app", "key", consistency="eventual"), state_path("app", "key", min_revision="x"),
                 state_path("app", "key", min_revision=-1), state_path("app", "key", meta="maybe"),
                 state_path("app", "key", metadata=1), state_path("app", limit="many"), state_path("app", limit=0),
                 state_path("app", limit=1001), state_path("app", cursor="%%%"), state_path("app", prefixx="a"),
                 state_path("app", "key") + "?meta=1&meta=0", "/health/ready?exclude=nothing"]
        for path in paths:
            with self.subTest(path):
                fields = self.assert_problem(self.node.ask("GET", path), 400)
                self.assertIs(fields["retryable"], False)
        self.saw(f"{len(paths)} times 400")

    def test_bad_headers(self) -> None:
        cases = [{"If-Match": "newest"}, {"If-Match": '"0"'}, {"If-Match": '"-1"'}, {"If-None-Match": '"5"'},
                 {"If-Match": '"1"', "If-None-Match": "*"}, {"Idempotency-Key": ""}, {"Idempotency-Key": "k" * 256}]
        for headers in cases:
            with self.subTest(headers):
                self.assert_problem(self.node.put("app", "key", b"x", headers), 400)
        self.assert_problem(self.node.get("app", "key"), 404)
        self.saw(f"{len(cases)} times 400, nothing written")

    def test_unknown_paths(self) -> None:
        paths = ["/", "/nowhere", "/api", "/api/v1", "/api/v2/state/app/key", "/api/v1/state", "/api/v1/state/a/b/c",
                 "/api/v1/cluster", "/health/", "/health/nothing", "/metrics/x", "/HEALTH"]
        for path in paths:
            with self.subTest(path):
                answer = self.node.ask("GET", path)
                self.assertIn(answer.status, (400, 404) if path.endswith("/") else (404,), str(answer))
                answer.problem()
        self.saw(f"{len(paths)} paths lead nowhere")

    def test_wrong_verbs(self) -> None:
        cases = {("POST", state_path("app", "key")): {"GET", "HEAD", "PUT", "DELETE"},
                 ("PATCH", state_path("app", "key")): {"GET", "HEAD", "PUT", "DELETE"},
                 ("PUT", state_path("app")): {"GET", "HEAD"}, ("DELETE", state_path("app")): {"GET", "HEAD"},
                 ("POST", "/health"): {"GET", "HEAD"}, ("DELETE", "/health/ready"): {"GET", "HEAD"},
                 ("PUT", "/metrics"): {"GET", "HEAD"}, ("POST", "/api/v1/cluster/status"): {"GET", "HEAD"},
                 ("DELETE", "/api/v1/cluster/history"): {"GET", "HEAD"}}
        for (method, path), allowed in cases.items():
            with self.subTest(f"{method} {path}"):
                answer = self.node.ask(method, path)
                self.assert_problem(answer, 405)
                self.assertEqual({verb.strip() for verb in answer.headers["allow"].split(",")}, allowed)
        self.saw(f"{len(cases)} times 405, each with Allow")

    def test_unknown_verb(self) -> None:
        answer = self.node.ask("BREW", state_path("app", "key"))
        self.assertIn(answer.status, (405, 501))
        answer.problem()
        self.saw(f"BREW is {answer.status}")

    def test_names_that_may_not_be(self) -> None:
        for method in ("GET", "PUT", "DELETE"):
            self.assert_problem(self.node.ask(method, state_path("_system", "key")), 403)
        self.assert_problem(self.node.list("_sessions"), 403)
        self.assert_problem(self.node.batch("_x", {"then": []}), 403)
        invalid = [state_path("n" * 64, "key"), state_path("has space", "key"), state_path("a/b", "key"),
                   state_path("app", "k" * 441), state_path("app", "tab\t"), state_path("app", "line\nbreak")]
        for path in invalid:
            with self.subTest(path[:60]):
                self.assert_problem(self.node.ask("PUT", path, b"x"), 422)
        self.saw(f"5 times 403 for namespaces of the system, {len(invalid)} times 422")

    def test_too_large(self) -> None:
        self.assert_status(self.node.put("app", "largest", bytes(SIZE_OF_A_VALUE)), 201)
        self.assertEqual(len(self.node.get("app", "largest").body), SIZE_OF_A_VALUE)
        self.assert_problem(self.node.put("app", "larger", bytes(SIZE_OF_A_VALUE + 1)), 413)
        self.assert_problem(self.node.get("app", "larger"), 404)
        self.assert_status(self.node.delete("app", "largest"), 204)
        self.saw(f"{SIZE_OF_A_VALUE} bytes kept, one more refused")

    def test_too_large_to_be_read(self) -> None:
        """Refused by the size alone, before the body was read."""
        answer = self.node.put("app", "huge", bytes(2 * SIZE_OF_A_VALUE))
        self.assertEqual(answer.status, 413, str(answer))
        answer.problem()
        self.saw("413")

    def test_a_login_too_large(self) -> None:
        """Refused by size before it could wait for anything: whoever asks is not known yet."""
        body = b'{"email":"' + b"x" * 20_000 + b'"}'
        answer = self.node.ask("POST", "/api/v1/auth/login", body=body, headers={"Content-Type": "application/json"})
        self.assert_problem(answer, 413)
        self.saw("413")

    def test_headers_too_large(self) -> None:
        one = self.node.ask("GET", "/health", headers={"X-Large": "x" * 20_000})
        many = self.node.ask("GET", "/health", headers={f"X-{number}": "x" for number in range(150)})
        for answer in (one, many):
            self.assertEqual(answer.status, 431, str(answer))
            answer.problem()
        self.assert_status(self.node.ask("GET", "/health"), 200)
        self.saw("431 for one large header and for many small ones")

    def test_refusals_of_the_connection_keep_the_contract(self) -> None:
        """Every answer carries the headers, and every problem the members, also those given before routing."""
        answers = {413: self.node.put("app", "huge", bytes(2 * SIZE_OF_A_VALUE)),
                   431: self.node.ask("GET", "/health", headers={"X-Large": "x" * 20_000}),
                   400: self.node.ask("GET", "/api/v1/state/app/%ff")}
        for status, answer in answers.items():
            with self.subTest(status):
                self.assert_problem(answer, status)
                self.assertEqual(answer.headers.get("x-patronus-node"), self.node.name)
        self.saw("413, 431 and 400 like any other problem")


if __name__ == "__main__":
    main()
