"""Three nodes with HTTPS and mutual TLS, and the real HAProxy in front of them."""

from __future__ import annotations

import subprocess
from types import TracebackType
from typing import Mapping, Optional, Sequence

from cluster import Cluster, Node
from haproxy import HAProxy


class BalancedCluster(Cluster):
    """Nodes dashboard1, dashboard2, dashboard3, and spare ones that do not belong to the cluster yet but have their place
    in the balancer. As in production they let balancers notice before they leave."""

    balancer: HAProxy

    def __init__(self, election_timeout: str = "1s", heartbeat_interval: str = "100ms", drain_grace: str = "3s",
                 without: Sequence[str] = (), front: Optional[Mapping[str, str]] = None,
                 spares: int = 0) -> None:
        super().__init__(3, False, election_timeout, heartbeat_interval, {"PATRONUS_DRAIN_GRACE": drain_grace},
                         tls=True, prefix="dashboard")
        assert self.authority is not None
        self.spares = [self.new_node(f"dashboard{len(self.nodes) + 1 + number}") for number in range(spares)]
        addresses = [node.address for node in self.nodes + self.spares]
        self.balancer = HAProxy(self.authority, addresses, self._ports, without, front)

    def start(self) -> BalancedCluster:
        super().start()
        try:
            self.balancer.token = self.nodes[0].token
            self.balancer.start()
            self.balancer.wait_all_up()
        except BaseException:
            self.close(failed=True)
            raise
        return self

    def __enter__(self) -> BalancedCluster:
        return self

    def __exit__(self, kind: Optional[type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        if kind is not None:
            self.balancer.print_log()
        super().__exit__(kind, error, trace)

    def close(self, failed: bool = False) -> None:
        self.balancer.close()
        # Nobody is left whom a drain could spare anything.
        for node in self.running():
            node.kill()
        super().close(failed)

    def restart(self, node: Node) -> None:
        """As an operator does it: drained by SIGTERM, started, and back in the balancer's pool."""
        code = node.terminate()
        assert code == 0, f"{node} answered SIGTERM with exit code {code}"
        node.start()
        self.wait_ready([node])


class Bench:
    """ab, ApacheBench: what it counts as failed must not happen."""

    def __init__(self, url: str, requests: int, concurrency: int) -> None:
        command = ["ab", "-q", "-l", "-n", str(requests), "-c", str(concurrency), url]
        self.requests = requests
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def running(self) -> bool:
        return self._process.poll() is None

    def finish(self, seconds: float = 120) -> dict[str, float]:
        """What it counted, by its own names; fails unless every request was answered with 2xx."""
        try:
            text = self._process.communicate(timeout=seconds)[0]
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise AssertionError(f"ab has not ended within {seconds:.0f} s") from None
        assert self._process.returncode == 0, f"ab gave up: {text}"
        counts = {}
        for line in text.splitlines():
            name, _, value = line.partition(":")
            words = value.split()
            if words and words[0].replace(".", "", 1).isdigit():
                counts[name.strip()] = float(words[0])
        complete, failed = counts.get("Complete requests"), counts.get("Failed requests")
        assert (complete, failed) == (self.requests, 0) and "Non-2xx responses" not in counts, text
        return counts
