"""A disk of its own for a node, small enough to be filled."""

from __future__ import annotations

import os
import subprocess
import unittest

from cluster import Node
from prometheus import parse

MIB = 1024 * 1024


class SmallDisk:
    """A tmpfs on a node's data directory; that needs root, as installing packages does."""

    def __init__(self, node: Node, mib: int) -> None:
        self._node = node
        self._filler = node.data / "filler"
        node.data.mkdir(parents=True)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0755", "tmpfs", str(node.data)],
                                 capture_output=True, text=True, check=False)
        if mounted.returncode != 0 and ("denied" in mounted.stderr or "superuser" in mounted.stderr
                                        or "not permitted" in mounted.stderr):
            raise unittest.SkipTest(f"no small disk can be mounted here: {mounted.stderr.strip()}")
        assert mounted.returncode == 0, mounted.stderr

    def fill(self) -> None:
        """Takes all that is free; what the node frees later is free."""
        with self._filler.open("ab") as file:
            figures = os.statvfs(self._node.data)
            if figures.f_bavail > 0:
                os.posix_fallocate(file.fileno(), file.tell(), figures.f_bavail * figures.f_frsize)

    def make_room(self) -> None:
        self._filler.unlink()

    def is_known_to_be_full(self) -> bool:
        answer = self._node.ask("GET", "/metrics")
        return answer.status == 200 and parse(answer.text()).value("patronus_disk_full") == 1

    def remove(self) -> None:
        subprocess.run(["umount", "--lazy", str(self._node.data)], check=True)
