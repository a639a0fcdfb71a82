"""A line to a site: a UDP proxy that delays, jitters and loses by a set amount, and that copies or forges on the way back;
and the responder at its end, a real process."""

from __future__ import annotations

import atexit
import heapq
import json
import random
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from certificates import patronusctl
from cluster import clean_environment, end_with_parent
from ports import Ports
from waiting import DEADLINE_SECONDS, wait_for

POLL_SECONDS = 0.02
DATAGRAM_BYTES_MAX = 2048
_PORTS = Ports()
atexit.register(_PORTS.release)


@dataclass
class Weather:
    """What the line does, to each datagram and in each direction."""

    delay: float = 0.0  # seconds
    jitter: float = 0.0  # added to it, evenly from 0 to this
    loss: float = 0.0  # of 1; evenly, since by chance a few dozen datagrams would lose anything
    replays: bool = False  # answers come twice again
    forgeries: bool = False  # before each answer comes one that was changed
    swallows: bool = False  # answers themselves do not come


class Line:
    """Listens on a port of its own, which is the endpoint's address, and leads to `far`."""

    def __init__(self, far: int, weather: Optional[Weather] = None) -> None:
        self.weather = weather or Weather()
        self.far = far
        self.forged = self.replayed = 0
        self._random = random.Random(1)
        self._owed = {True: 0.0, False: 0.0}  # losses, of each direction
        self.kept: list[float] = []  # for how long datagrams really were on their way, in either direction
        self._near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._near.bind(("127.0.0.1", 0))
        self._near.settimeout(POLL_SECONDS)
        self.address = "127.0.0.1:%d" % self._near.getsockname()[1]
        self._back: dict[Any, socket.socket] = {}
        self._queue: list[tuple[float, int, float, socket.socket, bytes, Any]] = []
        self._order = 0
        self._changed = threading.Condition()
        self._stopped = False
        self._threads = [threading.Thread(target=self._serve_near, daemon=True),
                         threading.Thread(target=self._send, daemon=True)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify()
        for thread in self._threads:
            thread.join()
        for one in [self._near, *self._back.values()]:
            one.close()

    def _serve_near(self) -> None:
        while not self._stopped:
            try:
                datagram, client = self._near.recvfrom(DATAGRAM_BYTES_MAX)
            except OSError:
                continue
            if client not in self._back:
                self._back[client] = self._way_back(client)
            self._take(self._back[client], datagram, ("127.0.0.1", self.far))

    def _way_back(self, client: Any) -> socket.socket:
        """What the responder sees as the client, so that it is known whose answers these are."""
        back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        back.bind(("127.0.0.1", 0))
        back.settimeout(POLL_SECONDS)

        def serve() -> None:
            while not self._stopped:
                try:
                    datagram = back.recv(DATAGRAM_BYTES_MAX)
                except OSError:
                    continue
                if self.weather.forgeries:
                    self.forged += 1
                    self._put(0, self._near, datagram[:-1] + bytes([datagram[-1] ^ 1]), client)
                if self.weather.swallows:
                    continue
                if self._take(self._near, datagram, client) and self.weather.replays:
                    self.replayed += 2
                    for after in (0.05, 0.3):
                        self._put(self.weather.delay + self.weather.jitter + after, self._near, datagram, client)

        thread = threading.Thread(target=serve, daemon=True)
        self._threads.append(thread)
        thread.start()
        return back

    def _take(self, by: socket.socket, datagram: bytes, to: Any) -> bool:
        weather = self.weather
        self._owed[by is self._near] += weather.loss
        if self._owed[by is self._near] >= 1:
            self._owed[by is self._near] -= 1
            return False
        self._put(weather.delay + self._random.random() * weather.jitter, by, datagram, to)
        return True

    def _put(self, delay: float, by: socket.socket, datagram: bytes, to: Any) -> None:
        with self._changed:
            self._order += 1
            now = time.monotonic()
            heapq.heappush(self._queue, (now + delay, self._order, now, by, datagram, to))
            self._changed.notify()

    def _send(self) -> None:
        while True:
            with self._changed:
                if self._stopped:
                    return
                wait = self._queue[0][0] - time.monotonic() if self._queue else POLL_SECONDS
                if wait > 0:
                    self._changed.wait(wait)
                    continue
                _, _, came, by, datagram, to = heapq.heappop(self._queue)
            try:
                by.sendto(datagram, to)
                self.kept.append(time.monotonic() - came)
            except OSError:
                pass  # nobody is there at the moment


class Responder:
    """patronusctl probe-responder for one site. Start it from the main thread."""

    def __init__(self, site: str, key_file: Path) -> None:
        self.site, self.key_file = site, key_file
        self.port = _PORTS.take()  # its own for good, since it is to be found there again
        self.process: Optional[subprocess.Popen[str]] = None
        self.start()

    def start(self) -> None:
        command = [str(patronusctl()), "-o", "json", "probe-responder", "--site", self.site, "--key-file", str(self.key_file),
                   "--listen", f"127.0.0.1:{self.port}"]
        self.process = subprocess.Popen(command, env=clean_environment({}), stdout=subprocess.PIPE, text=True,
                                        stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=end_with_parent)
        ready = self._line()
        assert ready == {"site": self.site, "address": f"127.0.0.1:{self.port}"}, ready

    def counts(self) -> dict[str, int]:
        assert self.process is not None
        self.process.send_signal(signal.SIGUSR1)
        return self._line()

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(DEADLINE_SECONDS)
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()

    def terminate(self) -> dict[str, int]:
        """What it has counted; it ends well."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        counts = self._line()
        assert self.process.wait(DEADLINE_SECONDS) == 0
        self.kill()
        return counts

    def _line(self) -> dict[str, Any]:
        assert self.process is not None and self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"probe-responder has ended with code {wait_for('its end', lambda: self.process.poll())}"
        said: dict[str, Any] = json.loads(line)
        return said
