#!/usr/bin/env python3
"""The routes of the replicated state, as api.md promises them, through whichever node is asked."""

from __future__ import annotations

import base64
import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from case import SharedClusterCase, main
from client import Client, state_path, value_of
from cluster import Node

NAMESPACES = itertools.count(1)


class StateCase(SharedClusterCase):
    def setUp(self) -> None:
        # Each test writes into a namespace of its own, through a follower: what the leader does, it must do too.
        self.ns = f"test-{next(NAMESPACES)}"
        self.leader: Node = self.cluster.leader()
        self.follower: Node = self.cluster.others(self.leader)[0]
        self.node: Client = self.follower


class Keys(StateCase):
    def test_life_of_a_key(self) -> None:
        created = self.assert_status(self.node.put(self.ns, "key", b"one"), 201)
        first = created.json()
        self.assertEqual(first["key"], "key")
        self.assertEqual(first["version"], 1)
        self.assertEqual(first["create_revision"], first["mod_revision"])
        changed = self.assert_status(self.node.put(self.ns, "key", b"two"), 200)
        second = changed.json()
        self.assertEqual(second["version"], 2)
        self.assertEqual(second["create_revision"], first["create_revision"])
        self.assertGreater(second["mod_revision"], first["mod_revision"])
        read = self.assert_status(self.node.get(self.ns, "key"), 200)
        self.assertEqual((read.body, read.headers["etag"]), (b"two", f'"{second["mod_revision"]}"'))
        gone = self.assert_status(self.node.delete(self.ns, "key"), 204)
        self.assertEqual(gone.body, b"")
        self.assert_problem(self.node.get(self.ns, "key"), 404)
        self.assert_problem(self.node.delete(self.ns, "key"), 404)
        again = self.assert_status(self.node.put(self.ns, "key", b"three"), 201).json()
        self.assertEqual(again["version"], 1)
        self.saw(f"201, 200, 200, 204, 404, 404, 201 at revisions {first['mod_revision']} to {again['mod_revision']}")

    def test_headers_of_every_answer(self) -> None:
        asked = [self.node.put(self.ns, "key", b"value"), self.node.get(self.ns, "key"), self.node.get(self.ns, "none"),
                 self.node.list(self.ns), self.node.ask("GET", "/health"), self.node.ask("GET", "/metrics"),
                 self.node.ask("GET", "/nowhere"), self.node.ask("GET", "/api/v1/cluster/status")]
        for answer in asked:
            self.assertEqual(answer.headers.get("x-patronus-node"), self.follower.name)
            self.assertEqual(answer.headers.get("x-patronus-leader"), self.leader.name)
            self.assertGreater(int(answer.headers["x-patronus-revision"]), 0)
        ids = [answer.headers["x-request-id"] for answer in asked]
        self.assertEqual(len(set(ids)), len(ids), "request ids are unique")
        self.saw(f"{len(asked)} answers, ids such as {ids[0]}")

    def test_request_id_of_the_client_is_kept(self) -> None:
        answer = self.node.ask("GET", state_path(self.ns, "none"), headers={"X-Request-Id": "from-the-client-1"})
        fields = self.assert_problem(answer, 404)
        self.assertEqual(fields["request_id"], "from-the-client-1")
        self.saw(f"{fields['request_id']} came back")

    def test_a_write_is_read_at_its_revision(self) -> None:
        for number in range(20):
            answer = self.node.put(self.ns, "counter", str(number).encode())
            revision = self.assert_status(answer, 200, 201).json()["mod_revision"]
            self.assertGreaterEqual(int(answer.headers["x-patronus-revision"]), revision)
            for node in self.cluster.nodes:
                read = node.get(self.ns, "counter", consistency="stale", min_revision=revision)
                self.assertEqual(self.assert_status(read, 200).body, str(number).encode())
        self.saw("20 writes, each read back through all nodes at once")

    def test_any_bytes_and_types(self) -> None:
        values = {"empty": b"", "text": "grüße, 世界".encode(), "binary": bytes(range(256)), "nul": b"\0\0",
                  "newlines": b"a\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "large": bytes(1024 * 1024)}
        types = ["text/plain", "application/json", "image/png", "text/plain; charset=utf-8", "application/octet-stream",
                 'application/x-thing; parameter="quoted, value"']
        for (name, value), kind in zip(values.items(), types):
            self.assert_status(self.node.put(self.ns, name, value, {"Content-Type": kind}), 201)
            for node in self.cluster.nodes:
                read = self.assert_status(node.get(self.ns, name), 200)
                self.assertEqual(read.body, value, name)
                self.assertEqual(read.headers["content-type"], kind)
                self.assertEqual(read.headers["x-content-type-options"], "nosniff")
                self.assertIn("sandbox", read.headers["content-security-policy"], "a stored page is no page of ours")
        self.saw(f"{len(values)} values from 0 to {max(map(len, values.values()))} bytes kept with their types")

    def test_without_a_type_it_is_bytes(self) -> None:
        self.assert_status(self.node.put(self.ns, "key", b"x"), 201)
        kind = self.node.get(self.ns, "key").headers["content-type"]
        self.assertEqual(kind, "application/octet-stream")
        self.saw(kind)

    def test_any_keys(self) -> None:
        keys = ["a/b/c", "with space", "ключ", "percent%2F", "question?", "hash#", "plus+", "dots..", "k" * 440,
                "batch", "_leading", '"quoted"', "a&b=c", "a;b"]
        for key in keys:
            self.assert_status(self.node.put(self.ns, key, key.encode()), 201)
        for key in keys:
            self.assertEqual(self.assert_status(self.node.get(self.ns, key), 200).body, key.encode())
        self.assertEqual(list(self.node.list_all(self.ns)), sorted(keys, key=str.encode))
        self.saw(f"{len(keys)} keys, in the order of their bytes")

    def test_head(self) -> None:
        self.assert_status(self.node.put(self.ns, "key", b"value", {"Content-Type": "text/plain"}), 201)
        head = self.node.ask("HEAD", state_path(self.ns, "key"))
        get = self.node.get(self.ns, "key")
        self.assertEqual((head.status, head.body), (200, b""))
        for name in ("content-length", "content-type", "etag"):
            self.assertEqual(head.headers.get(name), get.headers.get(name), name)
        self.assertEqual(self.node.ask("HEAD", state_path(self.ns, "none")).status, 404)
        self.saw(f"no body, and the headers of a GET: {head.headers['content-length']} bytes")

    def test_meta(self) -> None:
        self.assert_status(self.node.put(self.ns, "text", "grüße".encode(), {"Content-Type": "text/plain"}), 201)
        self.assert_status(self.node.put(self.ns, "binary", b"\xff\0"), 201)
        text = self.assert_status(self.node.get(self.ns, "text", meta=1), 200)
        self.assertEqual(text.headers["content-type"], "application/json")
        fields = text.json()
        self.assertEqual((fields["key"], fields["value"], fields["content_type"]), ("text", "grüße", "text/plain"))
        self.assertEqual(fields["version"], 1)
        self.assertEqual(f'"{fields["mod_revision"]}"', text.headers["etag"])
        self.assertIsNone(fields["lease"])
        self.assertNotIn("value_base64", fields)
        binary = self.node.get(self.ns, "binary", meta=1).json()
        self.assertNotIn("value", binary)
        self.assertEqual(base64.b64decode(binary["value_base64"]), b"\xff\0")
        self.assert_problem(self.node.get(self.ns, "none", meta=1), 404)
        self.saw(f"fields {', '.join(fields)}")


class Conditions(StateCase):
    def test_if_match(self) -> None:
        first = self.node.put(self.ns, "key", b"one").json()["mod_revision"]
        second = self.assert_status(self.node.put(self.ns, "key", b"two", {"If-Match": f'"{first}"'}), 200)
        revision = second.json()["mod_revision"]
        stale = self.node.put(self.ns, "key", b"three", {"If-Match": f'"{first}"'})
        fields = self.assert_problem(stale, 412)
        self.assertIs(fields["retryable"], False)
        self.assertEqual(self.node.get(self.ns, "key").body, b"two")
        self.assert_status(self.node.put(self.ns, "key", b"four", {"If-Match": str(revision)}), 200)
        self.assert_problem(self.node.put(self.ns, "none", b"x", {"If-Match": str(revision)}), 412)
        self.assert_problem(self.node.get(self.ns, "none"), 404)
        self.saw(f"quoted and bare; stale: {fields['detail']}")

    def test_if_match_of_a_delete(self) -> None:
        first = self.node.put(self.ns, "key", b"one").json()["mod_revision"]
        second = self.node.put(self.ns, "key", b"two").json()["mod_revision"]
        self.assert_problem(self.node.delete(self.ns, "key", {"If-Match": f'"{first}"'}), 412)
        self.assert_status(self.node.get(self.ns, "key"), 200)
        self.assert_status(self.node.delete(self.ns, "key", {"If-Match": f'"{second}"'}), 204)
        self.assert_problem(self.node.get(self.ns, "key"), 404)
        self.saw("stale 412, current 204")

    def test_create_only(self) -> None:
        self.assert_status(self.node.put(self.ns, "key", b"one", {"If-None-Match": "*"}), 201)
        self.assert_problem(self.node.put(self.ns, "key", b"two", {"If-None-Match": "*"}), 412)
        self.assertEqual(self.node.get(self.ns, "key").body, b"one")
        self.assert_status(self.node.delete(self.ns, "key"), 204)
        self.assert_status(self.node.put(self.ns, "key", b"three", {"If-None-Match": "*"}), 201)
        self.saw("201, 412, and 201 again after a delete")

    def test_not_modified(self) -> None:
        etag = self.node.put(self.ns, "key", b"one").headers["etag"]
        fresh = self.node.ask("GET", state_path(self.ns, "key"), headers={"If-None-Match": etag})
        self.assertEqual((fresh.status, fresh.body, fresh.headers["etag"]), (304, b"", etag))
        self.assert_status(self.node.put(self.ns, "key", b"two"), 200)
        changed = self.node.ask("GET", state_path(self.ns, "key"), headers={"If-None-Match": etag})
        self.assertEqual((changed.status, changed.body), (200, b"two"))
        self.saw("304, then 200 with the new value")

    def test_counting_up_from_all_nodes(self) -> None:
        """Compare and swap through all nodes at once: no increment may be lost."""
        self.assert_status(self.node.put(self.ns, "counter", b"0"), 201)
        with ThreadPoolExecutor(6) as pool:
            refused = sum(pool.map(lambda turn: self._add_ten(self.cluster.nodes[turn % 3]), range(6)))
        self.assertEqual(self.node.get(self.ns, "counter").body, b"60")
        self.saw(f"60 increments, {refused} were refused first")

    def _add_ten(self, node: Node) -> int:
        refused = added = 0
        while added < 10:
            read = self.assert_status(node.get(self.ns, "counter"), 200)
            wanted = str(int(read.body) + 1).encode()
            answer = node.put(self.ns, "counter", wanted, {"If-Match": read.headers["etag"]})
            self.assert_status(answer, 200, 412)
            refused += answer.status == 412
            added += answer.status == 200
        return refused


class Lists(StateCase):
    def setUp(self) -> None:
        super().setUp()
        puts = [{"op": "put", "key": f"{letter}/{number:02}", "value": f"{letter}{number}"}
                for letter in "abc" for number in range(10)]
        self.assert_status(self.node.batch(self.ns, {"then": puts}), 200)

    def test_prefix_and_order(self) -> None:
        page = self.assert_status(self.node.list(self.ns, prefix="b/"), 200).json()
        self.assertEqual([item["key"] for item in page["items"]], [f"b/{number:02}" for number in range(10)])
        self.assertEqual([value_of(item) for item in page["items"]], [f"b{number}".encode() for number in range(10)])
        self.assertFalse(page["cursor"])
        self.assertGreater(page["revision"], 0)
        item = page["items"][0]
        fields = {"key", "value", "content_type", "create_revision", "mod_revision", "version"}
        self.assertLessEqual(fields, item.keys())
        self.assertEqual(self.node.list(self.ns, prefix="none/").json()["items"], [])
        self.assertEqual(self.node.list(self.ns + "-empty").json()["items"], [])
        self.saw(f"10 of 30 items as of revision {page['revision']}")

    def test_pages(self) -> None:
        keys: list[str] = []
        pages, cursor = 0, None
        while pages == 0 or cursor:
            more: dict[str, Any] = {"cursor": cursor} if cursor else {}
            # Each page through another node: the cursor must mean the same everywhere.
            page = self.cluster.nodes[pages % 3].list(self.ns, limit=7, **more).json()
            self.assertLessEqual(len(page["items"]), 7)
            keys += [item["key"] for item in page["items"]]
            cursor = page["cursor"]
            pages += 1
        self.assertEqual(keys, [f"{letter}/{number:02}" for letter in "abc" for number in range(10)])
        self.saw(f"30 keys on {pages} pages from three nodes")

    def test_a_full_last_page_ends_the_list(self) -> None:
        page = self.node.list(self.ns, prefix="c/", limit=10).json()
        self.assertEqual(len(page["items"]), 10)
        self.assertFalse(page["cursor"], "there is nothing more")
        self.saw("no cursor after the last item")

    def test_keys_only(self) -> None:
        page = self.node.list(self.ns, keys_only=1, prefix="a/").json()
        for item in page["items"]:
            self.assertNotIn("value", item)
            self.assertNotIn("value_base64", item)
            self.assertGreater(item["mod_revision"], 0)
        self.assertEqual(len(page["items"]), 10)
        self.saw("10 items without values")

    def test_namespaces_are_apart(self) -> None:
        other = self.ns + "-other"
        self.assert_status(self.node.put(other, "a/00", b"elsewhere"), 201)
        self.assertEqual(self.node.get(self.ns, "a/00").body, b"a0")
        self.assertEqual(list(self.node.list_all(other)), ["a/00"])
        self.saw("the same key twice, each its own")


class Redirects(StateCase):
    def test_redirect_to_the_leader(self) -> None:
        path = state_path(self.ns, "key", redirect=1)
        answer = self.follower.ask("PUT", path, b"value")
        self.assertEqual(answer.status, 307)
        location = answer.headers["location"]
        self.assertTrue(location.startswith(f"http://{self.leader.address}/api/v1/state/{self.ns}/key"), location)
        self.assert_problem(self.follower.get(self.ns, "key"), 404)
        followed = self.leader.ask("PUT", location.removeprefix(f"http://{self.leader.address}"), b"value")
        self.assert_status(followed, 201)
        self.assertEqual(self.follower.get(self.ns, "key").body, b"value")
        self.saw(location)

    def test_redirect_of_a_delete_and_a_batch(self) -> None:
        delete = self.follower.ask("DELETE", state_path(self.ns, "key", redirect=1))
        body = b'{"then":[{"op":"get","key":"key"}]}'
        batch = self.follower.ask("POST", state_path(self.ns, "batch", redirect=1), body,
                                  {"Content-Type": "application/json"})
        for answer in (delete, batch):
            self.assertEqual(answer.status, 307)
            self.assertIn(self.leader.address, answer.headers["location"])
        self.saw("307 twice")


if __name__ == "__main__":
    main()
