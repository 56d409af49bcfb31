"""One websocket: what waits to be sent, what was heard last, and who is at the other end."""

import asyncio
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from app.models.caller import Caller
from app.outside.trace import TRACE
from app.sockets.bucket import Bucket
from app.sockets.closing import SLOW, Closing
from app.sockets.frames import CLOSE_FRAME, ENGINE_PING, frame
from app.sockets.incoming import Incoming

if TYPE_CHECKING:
    from app.sockets.engine import Engine
    from app.sockets.rooms import Member

MOST_QUEUED = 64  # packets of one client that wait for an earlier one; beyond it we stop reading
LAST_WORDS = 5.0  # seconds that a closing connection has to take what was written

Work = Callable[[], Awaitable[None]]


class Connection(Incoming):
    """A client's one connection, whatever namespaces it joins.

    It is the transport's protocol itself: what is read is heard in the very step in which it is read. Frames are
    appended, and written in one go when the loop's tick ends. Packets that need waiting for are handled one after the
    other, in the order in which the client sent them.
    """

    __slots__ = (
        "_ending",
        "_queue",
        "_worker",
        "bucket",
        "expires",
        "identity",
        "members",
        "opened",
        "out",
        "pinged",
        "remote",
        "sid",
    )

    def __init__(self, sid: str, transport: asyncio.Transport, remote: str, outlet: "Engine", now: float) -> None:
        super().__init__(transport, outlet)
        self.sid = sid
        self.remote = remote
        self.out: list[bytes] = []
        self.opened = self.pinged = now
        self.expires: float | None = None
        self.identity: Caller | None = None
        self.bucket: Bucket | None = None  # of events
        self.members: dict[str, Member] = {}
        self._queue: deque[Work] | None = None
        self._worker: asyncio.Task[None] | None = None
        self._ending: asyncio.TimerHandle | None = None
        transport.set_write_buffer_limits(outlet.max_owed)

    # What the transport tells us.

    def hear(self, said: str | bytes) -> None:
        """Take one message: whatever it is, it is a sign of life."""
        self.asked = False
        token = TRACE.set(self)  # so that whatever this leads to is logged as this client's
        try:
            self.outlet.receive(self, said)
        finally:
            TRACE.reset(token)

    def pause_writing(self) -> None:
        """Hear that the client owes us more reading than it may."""
        self.abort(SLOW.reason)

    def connection_lost(self, exc: Exception | None) -> None:
        """Hear that the connection is gone."""
        if self._ending is not None:
            self._ending.cancel()
        self._end("transport close")

    # Sending.

    def push(self, data: bytes) -> None:
        """Send a frame at the end of this tick."""
        self.outlet.settle()
        self.append(data)

    def append(self, data: bytes) -> None:
        """Send it behind what waits already."""
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

    async def drained(self, below: int) -> bool:
        """Wait until the client owes us less than so many bytes to read; False when it went away instead."""
        pause = 0.0
        while not self.closed and self.owed >= below:
            await asyncio.sleep(pause)
            pause = min(pause + 0.002, 0.02)
        return not self.closed

    def ping(self, now: float) -> None:
        """Ask for a sign of life."""
        self.pinged, self.asked = now, True
        self.push(ENGINE_PING)

    # Handling what takes time.

    def run(self, work: Work) -> None:
        """Do this after everything else that this client asked for."""
        if self._queue is None:
            self._queue = deque()
            self._worker = asyncio.create_task(self._work(self._queue), name=f"socket-{self.sid}")
        self._queue.append(work)
        if len(self._queue) == MOST_QUEUED:
            self._full = True
            self._pause()

    @property
    def busy(self) -> bool:
        """Tell whether something that the client asked for is still being done."""
        return self._queue is not None

    async def _work(self, queue: deque[Work]) -> None:  # whatever fails here fails closed
        try:
            while queue and not self.closed:
                await queue.popleft()()
                if self._full and len(queue) <= MOST_QUEUED // 2:
                    self._full = False
                    asyncio.get_running_loop().call_soon(self._read_on)
        except BaseException:
            self.abort("error")
            raise
        finally:
            self._queue = self._worker = None

    # Ending.

    def expire_at(self, when: float) -> None:
        """End with the token: `when` is on the loop's clock."""
        self.expires = when
        self.due = min(self.due, when)

    def close(self, why: Closing) -> None:
        """Say why, and end the connection for real: after what was said has been written."""
        if self.closed:
            return
        self.outlet.settle()
        self.flush()
        self.transport.write(frame(struct.pack("!H", why.code) + why.reason.encode(), CLOSE_FRAME))
        self.transport.close()
        # A peer that reads nothing more would hold the rest for ever.
        self._ending = asyncio.get_running_loop().call_later(LAST_WORDS, self.transport.abort)
        self._end(why.reason)

    def abort(self, reason: str) -> None:
        """End the connection at once, whatever was still to be written."""
        if not self.closed:
            self.transport.abort()
            self._end(reason)

    def _end(self, reason: str) -> None:
        if self.closed:
            return
        self.closed = True
        self.out.clear()
        if self._queue is not None:
            self._queue.clear()
        self._reader = None
        self.outlet.forget(self, reason)

    def facts(self) -> dict[str, Any]:
        """Return what logs say of this connection."""
        known = {"socket": self.sid, "remote": self.remote}
        return known if self.identity is None else known | self.identity.facts()
