"""Three nodes with HTTPS and mutual TLS, and the real HAProxy in front of them."""

from __future__ import annotations

import itertools
import subprocess
import threading
from types import TracebackType
from typing import Mapping, Optional, Sequence

from client import Unreachable
from cluster import Cluster, Node
from haproxy import HAProxy

WRITERS = 2


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


class Writers:
    """Clients that write through the balancer without a break, each keyed or not, and repeat nothing themselves: an
    answer other than success is a failed request."""

    def __init__(self, balancer: HAProxy, keyed: bool = True) -> None:
        self._balancer = balancer
        self._keyed = keyed
        self._stopping = threading.Event()
        self.written = 0
        self.faults: list[str] = []
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(WRITERS)]

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(30)

    def _run(self, thread: int) -> None:
        # The first of them sticks to a node, as browsers do; the other is a script without cookies.
        client = self._balancer.client(keeps_cookies=thread == 0)
        for number in itertools.count():
            if self._stopping.is_set():
                return
            key = f"w{thread}-{number}-{'keyed' if self._keyed else 'bare'}"
            try:
                answer = client.put("load", key, b"value", {"Idempotency-Key": key} if self._keyed else None)
                if answer.status == 201:
                    self.written += 1
                else:
                    self.faults.append(f"{key}: {answer}")
            except Unreachable as error:
                self.faults.append(f"{key}: {error}")


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
