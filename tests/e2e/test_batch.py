#!/usr/bin/env python3
"""Batches: compare, then all or nothing."""

from __future__ import annotations

import base64
import itertools
import threading
from typing import Any

from case import SharedClusterCase, main
from client import state_path, value_of

NAMESPACES = itertools.count(1)
OPERATIONS_MAX = 128


def put(key: str, value: str) -> dict[str, Any]:
    return {"op": "put", "key": key, "value": value}


def compare(key: str, target: str, op: str, value: Any) -> dict[str, Any]:
    return {"key": key, "target": target, "op": op, "value": value}


class Batch(SharedClusterCase):
    def setUp(self) -> None:
        self.ns = f"batch-{next(NAMESPACES)}"
        self.node = self.cluster.followers()[0]

    def keys(self) -> dict[str, bytes]:
        return {key: value_of(item) for key, item in self.node.list_all(self.ns).items()}

    def run_batch(self, request: dict[str, Any]) -> dict[str, Any]:
        done: dict[str, Any] = self.assert_status(self.node.batch(self.ns, request), 200).json()
        return done

    def test_every_operation_in_order(self) -> None:
        raw = base64.b64encode(b"\xff\0").decode()
        steps = [put("a", "1"), put("p/1", "x"), put("p/2", "y"), {"op": "put", "key": "raw", "value_base64": raw},
                 {"op": "get", "key": "a"}, {"op": "get", "key": "none"}, {"op": "delete", "key": "a"},
                 {"op": "delete", "key": "a"}, {"op": "delete_prefix", "key": "p/"}, {"op": "get", "key": "raw"}]
        done = self.run_batch({"then": steps})
        self.assertIs(done["succeeded"], True)
        results = done["results"]
        self.assertEqual(len(results), len(steps))
        self.assertEqual([(one["op"], one["key"]) for one in results], [(one["op"], one["key"]) for one in steps])
        self.assertEqual(results[0]["mod_revision"], done["revision"])
        self.assertEqual(results[0]["version"], 1)
        self.assertEqual(value_of(results[4]), b"1")
        self.assertNotIn("value", results[5])
        self.assertEqual([results[index]["deleted"] for index in (6, 7, 8)], [1, 0, 2])
        self.assertEqual(value_of(results[9]), b"\xff\0")
        self.assertEqual(self.keys(), {"raw": b"\xff\0"})
        self.saw(f"{len(steps)} operations at revision {done['revision']}")

    def test_content_types(self) -> None:
        self.run_batch({"then": [{**put("typed", "{}"), "content_type": "application/json"}, put("plain", "text")]})
        self.assertEqual(self.node.get(self.ns, "typed").headers["content-type"], "application/json")
        kind = self.node.get(self.ns, "plain").headers["content-type"]
        self.assertTrue(kind.startswith("text/plain"), kind)
        self.saw(f"application/json, and {kind} for text")

    def test_comparisons(self) -> None:
        self.run_batch({"then": [put("key", "m")]})
        revision = self.run_batch({"then": [put("key", "m")]})["revision"]
        holds = [compare("key", "exists", "=", True), compare("none", "exists", "=", False),
                 compare("none", "exists", "!=", True), compare("key", "version", "=", 2),
                 compare("key", "version", "<", 3), compare("key", "version", ">", 1),
                 compare("none", "version", "=", 0), compare("key", "mod_revision", "=", revision),
                 compare("key", "mod_revision", "!=", revision + 1), compare("none", "mod_revision", "=", 0),
                 compare("key", "value", "=", "m"), compare("key", "value", "<", "n"),
                 compare("key", "value", ">", "l"), compare("none", "value", "!=", "m")]
        fails = [compare("key", "exists", "=", False), compare("none", "exists", "=", True),
                 compare("key", "version", "=", 1), compare("key", "version", ">", 2),
                 compare("key", "mod_revision", "<", revision), compare("key", "value", "!=", "m"),
                 compare("key", "value", "=", "M"), compare("none", "value", "=", ""),
                 compare("key", "value", ">", "m")]
        self.assertIs(self.run_batch({"compare": holds, "then": [put("all", "held")]})["succeeded"], True)
        for one in holds:
            done = self.run_batch({"compare": [one], "then": [], "else": [put("wrong", "x")]})
            self.assertIs(done["succeeded"], True, one)
        for one in fails:
            done = self.run_batch({"compare": [one], "then": [put("wrong", "x")], "else": []})
            self.assertIs(done["succeeded"], False, one)
        self.assertEqual(self.keys().keys(), {"key", "all"})
        self.saw(f"{len(holds)} that hold, {len(fails)} that do not")

    def test_else(self) -> None:
        request = {"compare": [compare("lock", "exists", "=", False)], "then": [put("lock", "mine")],
                   "else": [{"op": "get", "key": "lock"}]}
        self.assertIs(self.run_batch(request)["succeeded"], True)
        second = self.run_batch(request)
        self.assertIs(second["succeeded"], False)
        self.assertEqual(value_of(second["results"][0]), b"mine")
        self.saw("then, and the second time else")

    def test_a_failed_comparison_is_named(self) -> None:
        self.run_batch({"then": [put("present", "x")]})
        request = {"compare": [compare("present", "exists", "=", True), compare("absent-key", "exists", "=", True)],
                   "then": [put("written", "x")]}
        fields = self.assert_problem(self.node.batch(self.ns, request), 409)
        self.assertIs(fields["retryable"], False)
        self.assertIn("absent-key", fields["detail"])
        self.assertEqual(len(fields["errors"]), 1)
        self.assertIn("1", fields["errors"][0]["field"])
        self.assertNotIn("written", self.keys())
        self.saw(fields["detail"])

    def test_as_many_as_allowed_and_one_more(self) -> None:
        steps = [put(f"k{number:03}", "v") for number in range(OPERATIONS_MAX + 1)]
        self.assert_problem(self.node.batch(self.ns, {"then": steps}), 422)
        self.assertEqual(self.keys(), {})
        self.run_batch({"then": steps[:OPERATIONS_MAX]})
        self.assertEqual(len(self.keys()), OPERATIONS_MAX)
        revisions = {item["mod_revision"] for item in self.node.list_all(self.ns).values()}
        self.assertEqual(len(revisions), 1, "a batch is one revision")
        self.saw(f"{OPERATIONS_MAX} done at revision {revisions.pop()}, {OPERATIONS_MAX + 1} refused")

    def test_all_or_nothing_for_readers(self) -> None:
        """Whoever lists while batches come sees each of them whole."""
        stop = threading.Event()

        def write() -> None:
            for number in itertools.count():
                if stop.is_set():
                    return
                self.run_batch({"then": [put(key, str(number)) for key in "abc"]})

        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        try:
            seen: set[bytes] = set()
            while len(seen) < 20:
                for node in self.cluster.nodes:
                    values = {value_of(item) for item in node.list_all(self.ns).values()}
                    self.assertLessEqual(len(values), 1, "a batch was seen in part")
                    seen |= values
        finally:
            stop.set()
            writer.join(30)
        self.saw(f"{len(seen)} states seen, each whole")

    def test_mistakes(self) -> None:
        """Malformed is 400, well-formed but impossible 422; the field is named and nothing is done."""
        malformed = {
            "an unknown field": ({"then": [], "than": []}, "than"),
            "an unknown field of an operation": ({"then": [{**put("k", "v"), "valeu": "x"}]}, "valeu"),
            "an unknown field of a comparison": ({"compare": [{**compare("k", "exists", "=", True), "x": 1}],
                                                  "then": []}, "x"),
            "a number for a list": ({"then": 5}, "then"),
            "an operation without a key": ({"then": [{"op": "get"}]}, "key"),
            "a put without a value": ({"then": [{"op": "put", "key": "k"}]}, "value"),
            "no then": ({}, "then"),
        }
        invalid = {
            "an unknown operation": ({"then": [{"op": "rename", "key": "k"}]}, "op"),
            "an unknown target": ({"compare": [compare("k", "size", "=", 1)], "then": []}, "target"),
            "an unknown relation": ({"compare": [compare("k", "version", "<=", 1)], "then": []}, "op"),
            "both kinds of value": ({"then": [{**put("k", "v"), "value_base64": "dg=="}]}, "value_base64"),
            "bad base64": ({"then": [{"op": "put", "key": "k", "value_base64": "!!"}]}, "value_base64"),
            "an empty key": ({"then": [put("", "v")]}, "key"),
            "a long key": ({"then": [put("k" * 441, "v")]}, "key"),
        }
        for status, cases in ((400, malformed), (422, invalid)):
            for what, (request, field) in cases.items():
                with self.subTest(what):
                    fields = self.assert_problem(self.node.batch(self.ns, request), status)
                    named = [error["field"] for error in fields["errors"]]
                    self.assertTrue(any(name.endswith(field) for name in named), f"{named} does not name {field}")
        self.assertEqual(self.keys(), {})
        self.saw(f"{len(malformed)} times 400, {len(invalid)} times 422, each with the field")

    def test_not_json(self) -> None:
        texts = [b"", b"{", b"{} {}", b'{"then":[],"then":[]}', b"\xff\xfe", b'{"then":[]} \x00', b"[" * 1000, b"null",
                 b'{"then":[{"op":"put","key":"k","value":"\xff"}]}',
                 b'{"then":[{"op":"put","key":"\\ud800","value":""}]}']
        kind = {"Content-Type": "application/json"}
        for text in texts:
            with self.subTest(text[:40]):
                self.assert_problem(self.node.ask("POST", state_path(self.ns, "batch"), text, kind), 400)
        plain = self.node.ask("POST", state_path(self.ns, "batch"), b'{"then":[]}', {"Content-Type": "text/plain"})
        self.assert_problem(plain, 415)
        self.assertEqual(self.keys(), {})
        self.saw(f"{len(texts)} times 400, and 415 for text/plain")


if __name__ == "__main__":
    main()
