"""One websocket: what waits to be sent, what was heard last, and who is at the other end."""

import asyncio
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import web

from app.models.caller import Caller
from app.sockets.closing import Closing
from app.sockets.frames import CLOSING, ENGINE_PING, PONG_CONTROL, frame

if TYPE_CHECKING:
    from app.sockets.rooms import Member

MOST_QUEUED = 64  # packets of one client that wait for an earlier one; beyond it we stop reading
LAST_WORDS = 5.0  # seconds that a closing connection has to take what was written

Work = Callable[[], Awaitable[None]]


class Outlet(Protocol):
    """What flushes connections: the engine."""

    max_owed: int

    def mark_dirty(self, connection: "Connection") -> None:
        """Flush this one at the end of the loop's tick."""

    def forget(self, connection: "Connection", reason: str) -> None:
        """The connection is gone."""


class Bucket:
    """A token bucket on the loop's clock: `rate` a second, `burst` at once."""

    __slots__ = ("filled_at", "tokens")

    def __init__(self, burst: float, now: float) -> None:
        self.tokens = burst
        self.filled_at = now

    def take(self, rate: float, burst: float, now: float) -> bool:
        """Take a token if there is one."""
        self.tokens = min(burst, self.tokens + (now - self.filled_at) * rate)
        self.filled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Connection:
    """A client's one connection, whatever namespaces it joins.

    Frames are appended, and written in one go when the loop's tick ends. Packets that need waiting for are handled one
    after the other, in the order in which the client sent them.
    """

    __slots__ = (
        "_queue",
        "_worker",
        "bucket",
        "closed",
        "due",
        "expires",
        "gone",
        "heard",
        "identity",
        "members",
        "opened",
        "out",
        "outlet",
        "pinged",
        "remote",
        "request",
        "sid",
        "transport",
    )

    def __init__(self, sid: str, request: web.Request, remote: str, outlet: Outlet, now: float) -> None:
        assert request.transport is not None
        self.sid = sid
        self.request = request
        self.remote = remote
        self.outlet = outlet
        self.transport: asyncio.Transport = request.transport
        self.out: list[bytes] = []
        self.closed = False
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.opened = self.heard = now
        self.pinged = 0.0
        self.due = 0.0
        self.expires: float | None = None
        self.identity: Caller | None = None
        self.bucket: Bucket | None = None
        self.members: dict[str, Member] = {}
        self._queue: deque[Work] = deque()
        self._worker: asyncio.Task[None] | None = None

    def push(self, data: bytes) -> None:
        """Send a frame at the end of this tick."""
        if self.closed:
            return
        if not self.out:
            self.outlet.mark_dirty(self)
        self.out.append(data)

    def flush(self) -> None:
        """Write what waits, in one go."""
        out, self.out = self.out, []
        if self.closed or not out:
            return
        self.transport.write(out[0] if len(out) == 1 else b"".join(out))

    @property
    def owed(self) -> int:
        """Return the bytes that the client has yet to take."""
        return self.transport.get_write_buffer_size() + sum(map(len, self.out))

    def ping(self, now: float) -> None:
        """Ask for a sign of life."""
        self.pinged = now
        self.push(ENGINE_PING)

    def pong(self, payload: bytes) -> None:
        """Answer a ping of the websocket itself."""
        self.push(frame(payload, PONG_CONTROL))

    def run(self, work: Work) -> None:
        """Do this after everything else that this client asked for."""
        self._queue.append(work)
        if self._worker is None:
            self._worker = asyncio.create_task(self._work(), name=f"socket-{self.sid}")
        elif len(self._queue) == MOST_QUEUED:
            self.transport.pause_reading()

    @property
    def busy(self) -> bool:
        """Tell whether something that the client asked for is still being done."""
        return self._worker is not None

    async def _work(self) -> None:  # whatever fails here fails closed
        try:
            while self._queue and not self.closed:
                await self._queue.popleft()()
                if len(self._queue) == MOST_QUEUED // 2 and not self.closed:
                    self.transport.resume_reading()
        except BaseException:
            self.abort("error")
            raise
        finally:
            self._worker = None

    async def drained(self, below: int) -> bool:
        """Wait until the client owes us less than so many bytes to read; False when it went away instead."""
        pause = 0.0
        while not self.closed and self.owed >= below:
            await asyncio.sleep(pause)
            pause = min(pause + 0.002, 0.02)
        return not self.closed

    def expire_at(self, when: float) -> None:
        """End with the token: `when` is on the loop's clock."""
        self.expires = when
        self.due = min(self.due, when)

    def close(self, why: Closing) -> None:
        """Say why, and end the connection for real: after what was said has been written."""
        if self.closed:
            return
        self.flush()
        self.transport.write(frame(struct.pack("!H", why.code) + why.reason.encode(), CLOSING))
        self.transport.close()
        # A peer that reads nothing more would hold the rest for ever.
        asyncio.get_running_loop().call_later(LAST_WORDS, self.transport.abort)
        self._end(why.reason)

    def abort(self, reason: str) -> None:
        """End the connection at once, whatever was still to be written."""
        if not self.closed:
            self.transport.abort()
            self._end(reason)

    def lost(self) -> None:
        """Hear that the connection is gone."""
        self._end("transport close")

    def _end(self, reason: str) -> None:
        if self.closed:
            return
        self.closed = True
        self.out.clear()
        self._queue.clear()
        self.outlet.forget(self, reason)
        if not self.gone.done():
            self.gone.set_result(None)

    def facts(self) -> dict[str, Any]:
        """Return what logs say of this connection."""
        return {"socket": self.sid, "remote": self.remote}
