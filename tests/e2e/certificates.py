"""An authority for a test and the certificates it issues, made by the real patronusctl."""

from __future__ import annotations

import os
import ssl
import subprocess
from pathlib import Path
from typing import Optional

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = ("--name", "localhost", "--name", "127.0.0.1")


def patronusctl() -> Path:
    """Beside the patronusd under test, unless told otherwise."""
    beside = Path(os.environ.get("PATRONUSD") or ROOT / "build" / "patronusd").resolve().with_name("patronusctl")
    return Path(os.environ.get("PATRONUSCTL") or beside)


def run_ctl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(patronusctl()), *arguments], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL)


class Authority:
    """What `patronusctl tls init` makes, in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._tls("init", "--dir", str(directory))

    @property
    def revoked(self) -> Path:
        return self.directory / "ca.crl"

    @property
    def certificate(self) -> Path:
        return self.directory / "ca.crt"

    @property
    def secret(self) -> Path:
        return self.directory / "cluster-secret"

    def certificate_of(self, node: str) -> Path:
        return self.directory / f"{node}.crt"

    def key_of(self, node: str) -> Path:
        return self.directory / f"{node}.key"

    def issue(self, node: str, *options: str) -> None:
        self._tls("issue", "--dir", str(self.directory), "--node", node, *LOOPBACK, *options)

    def issue_host(self, name: str) -> Path:
        """A file with certificate and key, as HAProxy wants them."""
        self._tls("issue", "--dir", str(self.directory), "--host", name, *LOOPBACK)
        return self.directory / f"{name}.pem"

    def renew(self, node: str, *options: str) -> None:
        self._tls("renew", "--dir", str(self.directory), "--node", node, *options)

    def revoke(self, node: str) -> None:
        """Nodes that are started with this authority read the list where it is signed."""
        self._tls("revoke", "--dir", str(self.directory), node)

    def _tls(self, *arguments: str) -> None:
        done = run_ctl("tls", *arguments)
        assert done.returncode == 0, f"patronusctl tls {' '.join(arguments)}: {done.stderr}"

    def environment_of(self, node: str) -> dict[str, str]:
        """The settings of a node that has these certificates."""
        return {"PATRONUS_TLS_CERT": str(self.certificate_of(node)), "PATRONUS_TLS_KEY": str(self.key_of(node)),
                "PATRONUS_PEER_CA": str(self.certificate), "PATRONUS_TLS_CRL": str(self.revoked),
                "PATRONUS_CLUSTER_SECRET_FILE": str(self.secret)}

    def client_context(self, node: Optional[str] = None) -> ssl.SSLContext:
        """Trusts this authority alone; shows the node's certificate if one is named."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        if node is not None:
            context.load_cert_chain(str(self.certificate_of(node)), str(self.key_of(node)))
        return context
