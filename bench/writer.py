"""A client that writes one value after the other over one keep-alive connection, and remembers when."""

from __future__ import annotations

import http.client
import json
import math
import socket
import ssl
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Optional

from systems import Write, connect

# Longer than any server's own time limit for a request, so that its answer is seen and not ours.
PATIENCE_SECONDS = 15.0
# Between a failure and the next attempt: a server that refuses at once is not to be asked in a tight loop.
PAUSE_SECONDS = 0.005
MAX_RECORDED = 1_000_000
ACKNOWLEDGED = (200, 201, 204)


@dataclass(frozen=True)
class Acknowledged:
    """Times of the monotonic clock in seconds."""

    begun: float
    seen: float


def describe_refusal(status: int, body: bytes) -> str:
    """The status and what the server calls the cause: `code` of ours, `error` of etcd."""
    try:
        fields = json.loads(body)
        causes = [fields[name] for name in ("code", "error") if isinstance(fields.get(name), str)]
    except (ValueError, AttributeError):
        causes = []
    return " ".join([str(status)] + [cause[:60] for cause in causes[:1]])


class Writer(threading.Thread):
    """Begins to write when it is started, until finish(). An attempt that gets no answer within `patience` seconds
    is given up, with its connection."""

    def __init__(self, address: str, write: Write, context: Optional[ssl.SSLContext] = None,
                 patience: float = PATIENCE_SECONDS) -> None:
        super().__init__(name=f"writer to {address}", daemon=True)
        self.address = address
        self.write = write
        self.context = context
        self.patience = patience
        self.acknowledged: list[Acknowledged] = []
        self.failures: list[tuple[float, str]] = []
        self._connection: Optional[http.client.HTTPConnection] = None
        self._finish = threading.Event()
        self._changed = threading.Condition()
        self._after = math.inf
        self._wanted = 0

    def run(self) -> None:
        while not self._finish.is_set() and len(self.acknowledged) + len(self.failures) < MAX_RECORDED:
            begun = time.monotonic()
            failure = self._attempt()
            seen = time.monotonic()
            with self._changed:
                if failure is None:
                    self.acknowledged.append(Acknowledged(begun, seen))
                    if begun > self._after:
                        self._wanted -= 1
                        self._changed.notify_all()
                else:
                    self.failures.append((begun, failure))
            if failure is not None:
                self._finish.wait(PAUSE_SECONDS)
        self._hang_up()

    def _attempt(self) -> Optional[str]:
        """None for an acknowledged write, else what came instead."""
        try:
            if self._connection is None:
                self._connection = connect(self.address, self.context, self.patience)
            self._connection.request(self.write.method, self.write.path, self.write.body, self.write.headers)
            response = self._connection.getresponse()
            body = response.read()
            return None if response.status in ACKNOWLEDGED else describe_refusal(response.status, body)
        except (OSError, http.client.HTTPException) as error:
            self._hang_up()
            return "no answer in time" if isinstance(error, socket.timeout) else type(error).__name__

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def wait_for_writes(self, count: int, after: float, seconds: float) -> bool:
        """Until so many writes that were begun later than `after` are acknowledged."""
        with self._changed:
            self._after = after
            self._wanted = count - sum(1 for one in self.acknowledged if one.begun > after)
            return self._changed.wait_for(lambda: self._wanted <= 0, seconds)

    def finish(self) -> None:
        self._finish.set()
        self.join(self.patience + 5)

    def first_after(self, moment: float) -> Optional[Acknowledged]:
        """The first acknowledgement of a write that was begun later than this."""
        return next((one for one in self.acknowledged if one.begun > moment), None)

    def longest_gap(self, since: float, until: float) -> float:
        """The longest time between two acknowledgements, as far as it lies within these moments: from the last
        acknowledgement before `since` on."""
        seen = [one.seen for one in self.acknowledged if one.seen <= until]
        begin = max(0, sum(1 for moment in seen if moment < since) - 1)
        return max((later - earlier for earlier, later in zip(seen[begin:], seen[begin + 1:])), default=math.inf)

    def failures_since(self, moment: float) -> dict[str, int]:
        """Attempts that ended without success although they had not ended before this moment, by what came."""
        first_missed = self.first_missed(moment)
        return dict(Counter(what for begun, what in self.failures if begun >= first_missed))

    def first_missed(self, moment: float) -> float:
        """When the last attempt began that was under way at this moment."""
        begun = [one.begun for one in self.acknowledged] + [begin for begin, _ in self.failures]
        return max((one for one in begun if one <= moment), default=moment)

    def usual_seconds(self, before: float) -> Optional[float]:
        """The median time of a write that was acknowledged before this moment."""
        times = sorted(one.seen - one.begun for one in self.acknowledged if one.seen < before)
        return times[len(times) // 2] if times else None
