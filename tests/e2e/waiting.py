"""Waiting for conditions: the tests never sleep for a fixed time and hope."""

from __future__ import annotations

import os
import time
from typing import Callable, Optional, TypeVar

from client import Unreachable

T = TypeVar("T")

POLL_SECONDS = 0.02
# Sanitizer builds and loaded machines are slower by a factor, never by a fixed time.
PATIENCE = float(os.environ.get("PATRONUS_E2E_PATIENCE", "1"))
DEADLINE_SECONDS = 30.0


def wait_for(what: str, condition: Callable[[], Optional[T]], seconds: float = DEADLINE_SECONDS) -> T:
    """Polls until the condition gives something true, and returns that; a node that does not answer is not yet."""
    began = time.monotonic()
    end = began + seconds * PATIENCE
    while True:
        last: object
        try:
            seen = condition()
            if seen:
                return seen
            last = seen
        except Unreachable as error:
            last = error
        if time.monotonic() > end:
            raise AssertionError(f"waited {time.monotonic() - began:.1f} s for {what}; last seen: {last!r}")
        time.sleep(POLL_SECONDS)


def holds_for(what: str, condition: Callable[[], bool], seconds: float) -> int:
    """Polls for some time that something stays true; returns how often it was seen. For what must never happen
    there is no condition to wait for: too short a time could only miss a fault, never invent one."""
    end = time.monotonic() + seconds
    seen = 0
    while time.monotonic() < end:
        if not condition():
            raise AssertionError(f"{what}: did not hold after {seconds - (end - time.monotonic()):.2f} s")
        seen += 1
        time.sleep(POLL_SECONDS)
    return seen
