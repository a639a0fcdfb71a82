"""Sockets below HTTP's manners: whatever bytes a test likes, and whatever comes back."""

from __future__ import annotations

import select
import socket
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Optional

READ_BYTES = 65536


@dataclass
class RawAnswer:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Raw:
    """One TCP connection to a node."""

    def __init__(self, port: int, seconds: float = 10.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.input = b""
        self.ended = False

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, _kind: Optional[type[BaseException]], _error: Optional[BaseException],
                 _trace: Optional[TracebackType]) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> bool:
        """False if the other end would not take it."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def half_close(self) -> None:
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # It is closed already.

    def read_some(self, seconds: float) -> bool:
        """Reads what is there, waiting at most so long; false once the connection has ended or nothing came."""
        if self.ended or not select.select([self.socket], [], [], max(seconds, 0))[0]:
            return False
        try:
            data = self.socket.recv(READ_BYTES)
        except OSError:
            data = b""
        self.ended = not data
        self.input += data
        return bool(data)

    def read_to_end(self, seconds: float) -> bytes:
        """Everything until the node closes; it is an error if it does not in time."""
        end = time.monotonic() + seconds
        while self.read_some(end - time.monotonic()):
            pass
        if not self.ended:
            raise AssertionError(f"not closed within {seconds} s; so far {self.input[:300]!r}")
        return self.input

    def is_closed(self) -> bool:
        """Whether the node has closed it, without waiting."""
        while self.read_some(0):
            pass
        return self.ended

    def read_answer(self, seconds: float = 10.0) -> RawAnswer:
        """The next answer; what comes after it stays in `input`."""
        end = time.monotonic() + seconds
        while True:
            taken = take_answer(self.input)
            if taken is not None:
                answer, self.input = taken
                return answer
            if not self.read_some(end - time.monotonic()):
                raise AssertionError(f"no whole answer: {self.input[:300]!r}, {'closed' if self.ended else 'open'}")


def take_answer(data: bytes) -> Optional[tuple[RawAnswer, bytes]]:
    """The first whole answer in the bytes, and the rest; nothing if there is none yet."""
    head, separator, rest = data.partition(b"\r\n\r\n")
    if not separator:
        return None
    lines = head.decode("latin-1").split("\r\n")
    protocol, status = lines[0].split(" ")[:2]
    assert protocol == "HTTP/1.1", lines[0]
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    size = 0 if status.startswith("1") else int(headers.get("content-length", "0"))
    if len(rest) < size:
        return None
    return RawAnswer(int(status), headers, rest[:size]), rest[size:]


def take_answers(data: bytes) -> tuple[list[RawAnswer], bytes]:
    answers = []
    while (taken := take_answer(data)) is not None:
        answer, data = taken
        answers.append(answer)
    return answers, data
