"""An authority and certificates, made by patronusctl as an operator makes them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from cluster import binary

LOOPBACK = ["--name", "localhost", "--name", "127.0.0.1", "--name", "::1"]


def patronusctl() -> Path:
    return Path(os.environ.get("PATRONUSCTL") or binary().with_name("patronusctl")).resolve()


class Authority:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ca = directory / "ca.crt"
        self.secret = directory / "cluster-secret"
        self._run("init")

    def node(self, name: str) -> tuple[Path, Path]:
        """Certificate and key of a node."""
        certificate, key = self.directory / f"{name}.crt", self.directory / f"{name}.key"
        if not certificate.exists():
            self._run("issue", "--node", name, *LOOPBACK)
        return certificate, key

    def host(self, name: str) -> Path:
        """One file with both, as HAProxy wants it."""
        file = self.directory / f"{name}.pem"
        if not file.exists():
            self._run("issue", "--host", name, *LOOPBACK)
        return file

    def _run(self, verb: str, *arguments: str) -> None:
        command = [str(patronusctl()), "tls", verb, "--dir", str(self.directory), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
