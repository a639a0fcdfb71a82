#!/usr/bin/env python3
"""The same as test_litestream's loss of all disks, with copies in Azure's blob storage, which azurite plays. For make test-full."""

from __future__ import annotations

import base64
import hashlib
import hmac
from email.utils import formatdate

from case import main
from client import Client
from lost_cluster import LostCluster
from offsite import AZURE_ACCOUNT, AZURE_KEY, Azure


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
    def test_all_is_lost_and_comes_back_from_azure(self) -> None:
        port = self.ports.take()
        server = Azure(self.home, port)
        self.addCleanup(server.kill)
        create_container(port, "backups")
        self.lose_and_restore(server.target, {"LITESTREAM_AZURE_ACCOUNT_KEY": AZURE_KEY}, listed=False)


if __name__ == "__main__":
    main()
