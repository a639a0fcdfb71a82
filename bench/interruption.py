"""What every benchmark needs around it: progress to stderr, and signals that end it in order."""

from __future__ import annotations

import signal
import sys
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """Not KeyboardInterrupt, on which subprocess.run() leaves its child without having waited for it."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _on_signal(number: int, _frame: Any) -> None:
    raise Interrupted(signal.Signals(number).name)


def catch_signals() -> None:
    for number in SIGNALS:
        signal.signal(number, _on_signal)


def ignore_signals() -> None:
    """From here on the processes are being ended; nothing may interrupt that."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
