"""A network between a client and the server: it can lose answers, be cut, be away, and lead to another server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

CHUNK = 1 << 16


@dataclass
class Proxy:
    """A TCP proxy on a port of its own; `server` is the port that it leads to."""

    server: int = 0
    port: int = 0
    away: bool = False
    _lost: bool = False
    _lost_after: bytes | None = None
    _held_after: bytes | None = None
    _holding: bool = False
    _released: asyncio.Event = field(default_factory=asyncio.Event)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Return where clients find it."""
        return f"http://127.0.0.1:{self.port}"

    def lose_answers(self, after: bytes | None = None) -> None:
        """Lose whatever the server says from now on, or from when a client has said this."""
        self._lost, self._lost_after = after is None, after

    def hold_answers(self, after: bytes) -> None:
        """Hold back what the server answers to whoever says this, until it is released."""
        self._held_after = after
        self._released.clear()

    def is_holding(self) -> bool:
        """Tell whether an answer is held back."""
        return self._holding

    def release(self) -> None:
        """Let through what was held back."""
        self._held_after = None
        self._released.set()

    def cut(self) -> None:
        """Cut every connection without a word; those that come after it are whole."""
        self._lost, self._lost_after = False, None
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        if self.away:
            return writer.transport.abort()
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.server)
        except OSError:
            return writer.transport.abort()
        self._writers |= {writer, back}
        held = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(reader, back, held, asks=True))
                both.create_task(self._carry(there, writer, held, asks=False))
        finally:
            self._writers -= {writer, back}

    async def _carry(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, held: asyncio.Event, *, asks: bool
    ) -> None:
        try:
            while chunk := await source.read(CHUNK):
                if asks and self._lost_after is not None and self._lost_after in chunk:
                    self._lost = True
                if asks and self._held_after is not None and self._held_after in chunk:
                    held.set()
                if not asks and held.is_set():
                    self._holding = True
                    await self._released.wait()
                    self._holding = False
                    held.clear()
                if asks or not self._lost:
                    target.write(chunk)
                    await target.drain()
        except OSError:
            pass
        finally:
            target.transport.abort() if self._lost else target.close()


@asynccontextmanager
async def proxied(server: int) -> AsyncIterator[Proxy]:
    """Carry connections to a server for as long as the block."""
    proxy = Proxy(server)
    listener = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = listener.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        proxy.release()
        proxy.cut()
        listener.close()
