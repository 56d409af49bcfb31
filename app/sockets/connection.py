"""One websocket: what waits to be sent, what was heard last, and who is at the other end."""

import asyncio
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from app.models.caller import Caller
from app.sockets.closing import CLIENT_LEFT, SLOW, Closing
from app.sockets.frames import CLOSE_FRAME, ENGINE_PING, PONG_FRAME, frame
from app.sockets.reader import BINARY, CLOSE, PING, TEXT, Reader, Unreadable, decoded, lone_text

if TYPE_CHECKING:
    from app.sockets.engine import Engine
    from app.sockets.rooms import Member

MOST_QUEUED = 64  # packets of one client that wait for an earlier one; beyond it we stop reading
LAST_WORDS = 5.0  # seconds that a closing connection has to take what was written

Work = Callable[[], Awaitable[None]]


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


class Connection(asyncio.Protocol):
    """A client's one connection, whatever namespaces it joins.

    It is the transport's protocol itself: what is read is heard in the very step in which it is read. Frames are
    appended, and written in one go when the loop's tick ends. Packets that need waiting for are handled one after the
    other, in the order in which the client sent them.
    """

    __slots__ = (
        "_ending",
        "_queue",
        "_reader",
        "_worker",
        "asked",
        "bucket",
        "closed",
        "due",
        "expires",
        "identity",
        "members",
        "opened",
        "out",
        "outlet",
        "pinged",
        "remote",
        "sid",
        "transport",
    )

    def __init__(self, sid: str, transport: asyncio.Transport, remote: str, outlet: "Engine", now: float) -> None:
        self.sid = sid
        self.transport = transport
        self.remote = remote
        self.outlet = outlet
        self.out: list[bytes] = []
        self.closed = False
        self.asked = False  # for a sign of life that has not come
        self.opened = self.pinged = now
        self.due = 0.0
        self.expires: float | None = None
        self.identity: Caller | None = None
        self.bucket: Bucket | None = None
        self.members: dict[str, Member] = {}
        self._reader: Reader | None = None
        self._queue: deque[Work] | None = None
        self._worker: asyncio.Task[None] | None = None
        self._ending: asyncio.TimerHandle | None = None
        transport.set_write_buffer_limits(outlet.max_owed)

    # What the transport tells us.

    def data_received(self, data: bytes) -> None:
        """Hear what the client sent."""
        if self.closed:
            return
        try:
            text = lone_text(data, self.outlet.max_frame) if self._reader is None else None
            if text is None:
                self._read(data)
            else:
                self._heard(text)
        except Unreadable as unreadable:
            self.close(unreadable.closing)

    def _read(self, data: bytes) -> None:
        """Hear what did not come as one text frame."""
        reader = self._reader or Reader(self.outlet.max_frame)
        for opcode, payload in reader.feed(data):
            if opcode == TEXT:
                self._heard(decoded(payload))
            elif opcode == BINARY:
                self._heard(bytes(payload))
            elif opcode == PING:
                self.push(frame(payload, PONG_FRAME))
            elif opcode == CLOSE:
                self.close(CLIENT_LEFT)  # a Close is answered with a Close, RFC 6455 section 5.5.1
            if self.closed:
                return
        self._reader = None if reader.is_idle else reader

    def _heard(self, said: str | bytes) -> None:
        self.asked = False
        self.outlet.receive(self, said)

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
            self.transport.pause_reading()

    @property
    def busy(self) -> bool:
        """Tell whether something that the client asked for is still being done."""
        return self._queue is not None

    async def _work(self, queue: deque[Work]) -> None:  # whatever fails here fails closed
        try:
            while queue and not self.closed:
                await queue.popleft()()
                if len(queue) == MOST_QUEUED // 2 and not self.closed:
                    self.transport.resume_reading()
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
        return {"socket": self.sid, "remote": self.remote}
