#!/usr/bin/env python3
"""The same as test_litestream's loss of all disks, with copies in Azure's blob storage, which azurite plays. For make test-full."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from email.utils import formatdate

from case import main
from client import Client
from cluster import Cluster
from lost_cluster import LostCluster, sites_of
from offsite import AZURE_ACCOUNT, AZURE_KEY, Azure, cluster_id, restore

SECRETS = {"LITESTREAM_AZURE_ACCOUNT_KEY": AZURE_KEY}


def create_container(port: int, name: str) -> None:
    """Signed as Azure's documentation says of Shared Key; the account is part of azurite's paths, so it stands there twice."""
    date = formatdate(usegmt=True)
    path = f"/{AZURE_ACCOUNT}/{name}"
    signed = "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:2021-08-06\n/{AZURE_ACCOUNT}{path}\nrestype:container"
    signature = base64.b64encode(hmac.new(base64.b64decode(AZURE_KEY), signed.encode(), hashlib.sha256).digest()).decode()
    answer = Client(port).ask("PUT", f"{path}?restype=container", None, {
        "x-ms-date": date, "x-ms-version": "2021-08-06", "Authorization": f"SharedKey {AZURE_ACCOUNT}:{signature}"})
    assert answer.status == 201, str(answer)


class InAzure(LostCluster):
    def setUp(self) -> None:
        super().setUp()
        port = self.ports.take()
        server = Azure(self.home, port)
        self.addCleanup(server.kill)
        create_container(port, "backups")
        self.target = server.target

    def test_all_is_lost_and_comes_back_from_azure(self) -> None:
        self.lose_and_restore(self.target, SECRETS)

    def test_nodes_bring_back_the_latest_by_themselves(self) -> None:
        with Cluster(settings={"PATRONUS_CHECKPOINT_INTERVAL": "1"}).start() as cluster:
            lost = cluster_id(cluster)
            keys = self.put_keys(cluster)
            self.assert_status(cluster.nodes[1].post("/api/v1/sites", {"name": "only", "endpoints": []}), 201)
            self.start_beside(cluster, self.target, SECRETS)
            self.wait_shipped(cluster.wait_caught_up())
            self.lose_everything(cluster)
            self.refuse_what_is_wrong()

            # Who says which copy is meant has that one.
            told = restore(SECRETS, "--from", self.target, "--data-dir", str(self.home / "told"), "--cluster", lost,
                           "--node", "n2", "-o", "json")
            self.assertEqual(told.returncode, 0, told.stdout + told.stderr)
            report = json.loads(told.stdout)
            self.assertEqual((report["node"], report["keys"]), ("n2", len(keys)))

            first = self.restore_by_themselves(cluster, self.target, SECRETS, lost, "latest")
            self.assertEqual(set(first.list_all("demo")), keys)
            self.assertEqual(sites_of(first), {"only"})
            self.check_databases(cluster, {"only"})
            self.assertNotEqual(cluster_id(cluster), lost)
            self.lose_one_disk(cluster)
            self.assertEqual(set(first.list_all("demo")), keys)

    def refuse_what_is_wrong(self) -> None:
        other = base64.b64encode(b"another key").decode()
        for secrets, target, reason in (
                ({}, self.target, "needs LITESTREAM_AZURE_ACCOUNT_KEY"),
                ({"LITESTREAM_AZURE_ACCOUNT_KEY": "no key"}, self.target, "is no key"),
                ({"LITESTREAM_AZURE_ACCOUNT_KEY": other}, self.target, "403, AuthorizationFailure"),
                (SECRETS, self.target.replace("@backups/", "@elsewhere/"), "404, ContainerNotFound"),
                (SECRETS, self.target.replace("/patronus?", "/nothing?"), "no cluster has a backup")):
            refused = restore(secrets, "--from", target, "--data-dir", str(self.home / "refused"))
            self.assertEqual(refused.returncode, 1, refused.stderr)
            self.assertIn(reason, refused.stderr)
            self.assertNotIn(AZURE_KEY, refused.stderr)


if __name__ == "__main__":
    main()
