#!/usr/bin/env python3
"""What the dashboard shows: sites, policies, paths, the summary, the audit log; on every node."""

from __future__ import annotations

import itertools
import json
from typing import Any, Optional

from case import Case, SharedClusterCase, main
from client import Answer, Client
from cluster import Cluster

NUMBERS = itertools.count(1)
API = "/api/v1"


def endpoint(address: str, kind: str = "fiber", cost: float = 0.5) -> dict[str, Any]:
    return {"address": address, "interface_type": kind, "cost_per_gb": cost}


def put(client: Client, path: str, body: Any, headers: Optional[dict[str, str]] = None) -> Answer:
    every = {"Content-Type": "application/json", **(headers or {})}
    return client.ask("PUT", path, json.dumps(body).encode(), every)


class Tables(SharedClusterCase):
    def setUp(self) -> None:
        self.node = self.cluster.followers()[0]
        self.other = self.cluster.followers()[1]

    def site(self, *addresses: str, name: str = "") -> dict[str, Any]:
        body = {"name": name or f"site {next(NUMBERS)}", "endpoints": [endpoint(one) for one in addresses]}
        made: dict[str, Any] = self.assert_status(self.node.post(f"{API}/sites", body), 201).json()
        return made

    def read(self, path: str, client: Optional[Client] = None) -> Any:
        return self.assert_status((client or self.node).ask("GET", f"{API}{path}"), 200).json()

    def drop(self, path: str) -> None:
        self.assert_status(self.node.ask("DELETE", f"{API}{path}"), 204)

    def test_a_site_on_every_node(self) -> None:
        answer = self.node.post(f"{API}/sites", {"name": "Zürich", "endpoints": [endpoint("192.0.2.1:7000", "lte", 2.25)]})
        made = self.assert_status(answer, 201).json()
        self.assertEqual(answer.headers["location"], f"{API}/sites/{made['id']}")
        self.assertEqual(answer.headers["etag"], f'"{made["mod_revision"]}"')
        self.assertEqual(made["name"], "Zürich")
        self.assertEqual(made["status"], "inactive")
        self.assertIsNone(made["last_seen"])
        self.assertEqual(made["endpoints"], [{**endpoint("192.0.2.1:7000", "lte", 2.25), "reachable": None}])
        for node in self.cluster.nodes:
            self.assertEqual(self.read(f"/sites/{made['id']}", node), made)
            listed = self.read(f"/sites?min_revision={made['mod_revision']}&name=Z%C3%BCrich", node)
            self.assertEqual(listed["items"], [made])
        changed = put(self.other, f"{API}/sites/{made['id']}", {"name": "Bern", "endpoints": []})
        self.assertEqual(self.assert_status(changed, 200).json()["version"], 2)
        self.assertEqual(self.read(f"/sites/{made['id']}")["endpoints"], [])
        self.drop(f"/sites/{made['id']}")
        self.assert_problem(self.other.ask("GET", f"{API}/sites/{made['id']}"), 404)
        self.saw("made on a follower, read on all, changed on another, gone")

    def test_conditions_and_keys(self) -> None:
        key = {"Idempotency-Key": f"site-{next(NUMBERS)}"}
        body = {"name": f"once {next(NUMBERS)}", "endpoints": []}
        first = self.assert_status(self.node.post(f"{API}/sites", body, key), 201).json()
        again = self.assert_status(self.other.post(f"{API}/sites", body, key), 201).json()
        self.assertEqual(again["id"], first["id"])
        self.assertEqual(self.assert_problem(self.node.post(f"{API}/sites", body), 409)["code"], "name_taken")
        path = f"{API}/sites/{first['id']}"
        stale = put(self.node, path, body, {"If-Match": '"1"'})
        self.assertEqual(self.assert_problem(stale, 412)["code"], "precondition_failed")
        self.assert_status(put(self.node, path, body, {"If-Match": f'"{first["mod_revision"]}"'}), 200)
        self.assert_problem(self.node.ask("DELETE", path, None, {"If-Match": f'"{first["mod_revision"]}"'}), 412)
        self.drop(f"/sites/{first['id']}")
        self.assert_problem(self.node.ask("DELETE", path), 404)
        self.saw("a repeated key made one site; stale revisions and a taken name are refused")

    def test_what_won_t_do(self) -> None:
        def codes(body: Any, status: int) -> list[str]:
            problem = self.assert_problem(self.node.post(f"{API}/sites", body), status)
            return [error["field"] for error in problem["errors"]]

        self.assertEqual(codes({"name": "x"}, 400), ["endpoints"])
        self.assertEqual(codes({"name": "x", "endpoints": [], "colour": 1}, 400), ["colour"])
        self.assertEqual(codes({"name": "", "endpoints": []}, 422), ["name"])
        self.assertEqual(codes({"name": "x", "endpoints": [endpoint("nowhere")]}, 422), ["endpoints[0].address"])
        self.assertEqual(codes({"name": "x", "endpoints": [endpoint("a:1"), endpoint("a:1")]}, 422),
                         ["endpoints[1].address"])
        self.assertEqual(codes({"name": "x", "endpoints": [endpoint("a:1", cost=-1)]}, 422),
                         ["endpoints[0].cost_per_gb"])
        self.assert_problem(self.node.ask("GET", f"{API}/sites?limit=0"), 400)
        self.assert_problem(self.node.ask("GET", f"{API}/sites?color=1"), 400)
        self.assert_problem(self.node.ask("PATCH", f"{API}/sites"), 405)
        self.assert_problem(self.node.ask("GET", f"{API}/paths?status=odd"), 400)
        self.assert_problem(self.node.ask("GET", f"{API}/sites", None, {"Authorization": ""}), 401)
        self.saw("missing, unknown and impossible fields are named")

    def test_policies_and_their_paths(self) -> None:
        a, b = self.site("192.0.2.1:1", "192.0.2.1:2"), self.site("192.0.2.2:1")
        body = {"name": f"policy {next(NUMBERS)}", "source_site": a["id"], "destination_site": b["id"],
                "prefer": "latency", "max_latency_ms": 12.5, "max_packet_loss_pct": 1}
        policy = self.assert_status(self.node.post(f"{API}/policies", body), 201).json()
        self.assertEqual({name: policy[name] for name in body}, body)
        self.assertIsNone(policy["selected_path"])
        self.assertIs(policy["enabled"], True)
        paths = self.read(f"/paths?consistency=linearizable&source_site={a['id']}", self.other)["items"]
        self.assertEqual({(one["source_endpoint"], one["destination_endpoint"]) for one in paths},
                         {("192.0.2.1:1", "192.0.2.2:1"), ("192.0.2.1:2", "192.0.2.2:1")})
        self.assertEqual(self.read(f"/paths/{paths[0]['id']}"), paths[0])
        self.assertEqual(self.assert_problem(self.node.ask("DELETE", f"{API}/sites/{a['id']}"), 409)["code"], "site_in_use")
        nowhere = self.node.post(f"{API}/policies", {**body, "name": "nowhere", "destination_site": "none"})
        self.assertEqual(self.assert_problem(nowhere, 422)["code"], "no_such_site")
        same = self.node.post(f"{API}/policies", {**body, "name": "same", "destination_site": a["id"]})
        self.assertEqual(self.assert_problem(same, 422)["errors"][0]["field"], "destination_site")
        summary = self.read("/metrics/summary?consistency=linearizable")
        self.assertEqual(summary["policies"], 1)
        self.assertEqual(summary["paths"]["unknown"], 2)
        self.drop(f"/policies/{policy['id']}")
        self.assertEqual(self.read("/paths?consistency=linearizable")["items"], [])
        self.drop(f"/sites/{a['id']}")
        self.drop(f"/sites/{b['id']}")
        self.saw("two paths came with the policy and went with it")

    def test_pages(self) -> None:
        made = {self.site()["id"] for _ in range(25)}
        seen: list[str] = []
        cursor = ""
        while True:
            page = self.read(f"/sites?consistency=linearizable&limit=7{cursor}")
            seen += [site["id"] for site in page["items"]]
            if page["cursor"] is None:
                break
            cursor = f"&cursor={page['cursor']}"
        self.assertEqual(sorted(seen), seen)
        self.assertTrue(made <= set(seen) and len(set(seen)) == len(seen))
        for one in made:
            self.drop(f"/sites/{one}")
        self.saw(f"{len(seen)} sites in pages of 7, each once")

    def test_audit(self) -> None:
        site = self.site()
        self.drop(f"/sites/{site['id']}")
        me = self.read("/auth/me")["user"]["id"]
        records = self.read("/audit?consistency=linearizable&limit=2", self.other)
        self.assertEqual([one["action"] for one in records["items"]], ["site.delete", "site.create"])
        for one in records["items"]:
            self.assertEqual((one["user_id"], one["object"]), (me, site["id"]))
        older = self.read(f"/audit?limit=1&cursor={records['cursor']}")
        self.assertLess(older["items"][0]["revision"], records["items"][1]["revision"])
        self.assertTrue(self.read("/audit?action=session.open")["items"])
        self.saw("who made and deleted a site, the latest first")


class AfterARestart(Case):
    def test_tables_are_there_again(self) -> None:
        with Cluster(election_timeout="1s", heartbeat_interval="100ms").start() as cluster:
            node = cluster.followers()[0]
            body = {"name": "kept", "endpoints": [endpoint("192.0.2.1:1")]}
            made = self.assert_status(node.post(f"{API}/sites", body), 201).json()
            for one in cluster.nodes:
                one.kill()
            for one in cluster.nodes:
                one.start()
            cluster.wait_ready()
            again = self.assert_status(node.ask("GET", f"{API}/sites/{made['id']}"), 200).json()
            self.assertEqual(again, made)
            self.saw("a site outlived the end of all nodes")


if __name__ == "__main__":
    main()
