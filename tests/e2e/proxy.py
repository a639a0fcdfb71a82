"""Links between nodes that a test can cut and heal: one TCP proxy for each direction in which a node dials."""

from __future__ import annotations

import asyncio
import enum
import socket
import struct
import threading
from typing import Any, Coroutine, Optional, TypeVar

T = TypeVar("T")

CALL_SECONDS = 10.0


class Mode(enum.Enum):
    OPEN = "open"
    # Connections are reset and new ones refused, as when a host is up and the process is not.
    RESET = "reset"
    # Connections stay, bytes vanish, new connections get no answer, as behind a dead switch. A stream with a hole
    # is no TCP, so what was open is reset once the link opens again.
    BLACKHOLE = "blackhole"
    # Nothing passes, nothing is lost: once the link opens again everything arrives late, as TCP does when an
    # outage was shorter than its patience. That brings messages of long ago.
    FREEZE = "freeze"


def _reset(transport: Optional[asyncio.Transport]) -> None:
    """Ends a connection with RST instead of FIN."""
    if transport is None or transport.is_closing():
        return
    sock: socket.socket = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class _End(asyncio.Protocol):
    """One socket of a proxied connection."""

    def __init__(self, pair: _Pair) -> None:
        self.pair = pair
        self.transport: Optional[asyncio.Transport] = None
        self.early = bytearray()  # what came before this socket was connected
        self.ended = False  # its peer will send nothing more

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.pair.made(self)

    def data_received(self, data: bytes) -> None:
        if self.pair.link.mode is not Mode.BLACKHOLE:
            self.pair.other(self).write(data)

    def eof_received(self) -> bool:
        if self.pair.link.mode is Mode.BLACKHOLE:
            return True
        self.ended = True
        other = self.pair.other(self)
        other.write_eof()
        return not other.ended  # While the other direction goes on, this socket stays.

    def connection_lost(self, error: Optional[Exception]) -> None:
        if self.pair.link.mode is Mode.BLACKHOLE:
            return  # The other side must not learn of it.
        if error is not None:
            _reset(self.pair.other(self).transport)
        elif (other := self.pair.other(self).transport) is not None:
            other.close()
        self.pair.link.pairs.discard(self.pair)

    def pause_writing(self) -> None:
        self.pair.other(self).pause_reading()

    def resume_writing(self) -> None:
        if self.pair.link.mode is not Mode.FREEZE:
            self.pair.other(self).resume_reading()

    def write(self, data: bytes) -> None:
        if self.transport is None:
            self.early += data
        elif not self.transport.is_closing():
            self.transport.write(data)

    def write_eof(self) -> None:
        if self.transport is not None and not self.transport.is_closing() and self.transport.can_write_eof():
            try:
                self.transport.write_eof()
            except OSError:
                pass  # The peer reset it meanwhile.

    def pause_reading(self) -> None:
        if self.transport is not None and self.transport.is_reading():
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if self.transport is not None and not self.transport.is_closing() and not self.transport.is_reading():
            self.transport.resume_reading()


class _Pair:
    """A connection from the dialler and the one to the target that belongs to it."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.dialler = _End(self)
        self.target = _End(self)
        self.dial: Optional[asyncio.Task[None]] = None
        link.pairs.add(self)

    def other(self, end: _End) -> _End:
        return self.target if end is self.dialler else self.dialler

    def made(self, end: _End) -> None:
        if end is self.target:
            end.write(bytes(end.early))
            end.early.clear()
        elif self.link.mode is Mode.OPEN:
            self.connect()
        if self.link.mode is Mode.FREEZE:
            end.pause_reading()

    def connect(self) -> None:
        if self.dial is None:
            self.dial = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: self.target, "127.0.0.1", self.link.target_port)
        except OSError:
            self.reset()

    def freeze(self) -> None:
        for end in (self.dialler, self.target):
            end.pause_reading()

    def thaw(self) -> None:
        self.connect()
        for end in (self.dialler, self.target):
            end.resume_reading()

    def reset(self) -> None:
        for end in (self.dialler, self.target):
            _reset(end.transport)
        self.link.pairs.discard(self)


class Link:
    """One directed link; its methods run in the proxies' loop."""

    def __init__(self, listen_port: int, target_port: int) -> None:
        self.listen_port = listen_port
        self.target_port = target_port
        self.mode = Mode.OPEN
        self.pairs: set[_Pair] = set()
        self._server: Optional[asyncio.Server] = None

    async def open_door(self) -> None:
        if self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(lambda: _Pair(self).dialler, "127.0.0.1", self.listen_port,
                                                    reuse_address=True)

    async def close_door(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def set_mode(self, mode: Mode) -> None:
        before, self.mode = self.mode, mode
        if mode is Mode.RESET:
            await self.close_door()
        if mode is Mode.RESET or (before is Mode.BLACKHOLE and mode is not Mode.BLACKHOLE):
            self.reset_all()
        for pair in list(self.pairs):
            if mode is Mode.FREEZE:
                pair.freeze()
            elif before is Mode.FREEZE:
                pair.thaw()
        if mode is not Mode.RESET:
            await self.open_door()

    def reset_all(self) -> None:
        for pair in list(self.pairs):
            pair.reset()


class Proxies:
    """All links of a cluster, served by one thread."""

    def __init__(self) -> None:
        self._links: list[Link] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._thread.start()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_SECONDS)

    def add(self, listen_port: int, target_port: int) -> Link:
        link = Link(listen_port, target_port)
        self._run(link.open_door())
        self._links.append(link)
        return link

    def set_modes(self, links: list[Link], mode: Mode) -> None:
        """Changes all these links in one go, so that no message slips through between them."""

        async def change() -> None:
            for link in links:
                await link.set_mode(mode)

        self._run(change())

    def close(self) -> None:
        async def close_all() -> None:
            for link in self._links:
                await link.close_door()
                link.reset_all()

        self._run(close_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CALL_SECONDS)
        self._loop.close()
