"""What a client sends, heard a frame at a time: each is paid for, and none of it keeps other clients waiting."""

import asyncio
from abc import abstractmethod
from typing import TYPE_CHECKING

from app.sockets.bucket import Bucket
from app.sockets.closing import CLIENT_LEFT, FLOODED, Closing
from app.sockets.frames import PONG_FRAME, frame
from app.sockets.reader import BINARY, CLOSE, PING, TEXT, Reader, Unreadable, decoded, lone_text

if TYPE_CHECKING:
    from app.sockets.engine import Engine

MOST_AT_ONCE = 64  # frames of one client that are heard in a tick: one read may bring ten thousand
FINISH_WITHIN = 30.0  # seconds from the first byte of a message to its last; 64 kB then need a line of 17 kbit/s


class Incoming(asyncio.Protocol):
    """The receiving half of a connection: pauses while `_full`, and when a read brought more than a tick may take."""

    __slots__ = ("_full", "_paused", "_reader", "asked", "begun", "closed", "due", "frames", "outlet", "transport")

    def __init__(self, transport: asyncio.Transport, outlet: "Engine") -> None:
        self.transport = transport
        self.outlet = outlet
        self.closed = False
        self.asked = False  # for a sign of life that has not come
        self.begun: float | None = None  # when the message began to come whose end has not
        self.due = 0.0  # when the sweep must look at it next
        self.frames: Bucket | None = None
        self._reader: Reader | None = None
        self._full = False  # so much waits to be handled that nothing more is heard
        self._paused = False

    @abstractmethod
    def hear(self, said: str | bytes) -> None:
        """Take one message."""

    @abstractmethod
    def push(self, data: bytes) -> None:
        """Send a frame at the end of this tick."""

    @abstractmethod
    def close(self, why: Closing) -> None:
        """End the connection, and say why."""

    def data_received(self, data: bytes) -> None:
        """Hear what the client sent."""
        if self.closed:
            return None
        try:
            text = lone_text(data, self.outlet.max_frame) if self._reader is None else None
        except Unreadable as unreadable:
            return self.close(unreadable.closing)
        if text is None:
            self._reader = self._reader or Reader(self.outlet.max_frame)
            self._reader.feed(data)
            self._read_on()
        elif self._pays():
            self.hear(text)

    def _pays(self) -> bool:
        """Take a token for a frame; a client without one is cut off."""
        if self.outlet.turnstile.lets_send(self):
            return True
        self.close(FLOODED)
        return False

    def _read_on(self) -> None:
        """Hear what did not come as one text frame: some of it now, and the rest when others have had their turn."""
        for _ in range(MOST_AT_ONCE):
            if self.closed or self._full or not self._read_one():
                return
        if not self.closed and not self._full:
            self._pause()
            asyncio.get_running_loop().call_soon(self._read_on)

    def _read_one(self) -> bool:
        """Hear one frame, and tell whether there was one."""
        try:
            found = self._reader.next() if self._reader is not None else None
            if found is None:
                self._all_read()
            elif self._pays():
                self._hear_frame(*found)
        except Unreadable as unreadable:
            self.close(unreadable.closing)
            return False
        return found is not None

    def _hear_frame(self, opcode: int, payload: bytearray) -> None:
        if opcode in (TEXT, BINARY):
            self.begun = None
            self.hear(decoded(payload) if opcode == TEXT else bytes(payload))
        elif opcode == PING:
            self.push(frame(payload, PONG_FRAME))
        elif opcode == CLOSE:
            self.close(CLIENT_LEFT)  # a Close is answered with a Close, RFC 6455 section 5.5.1

    def _all_read(self) -> None:
        """Note whether a message has begun that is not whole yet, and read again."""
        if self._reader is None or self._reader.is_idle:
            self._reader = self.begun = None
        elif self.begun is None:
            self.begun = asyncio.get_running_loop().time()
            self.due = min(self.due, self.begun + FINISH_WITHIN)
        if self._paused and not self.transport.is_closing():
            self._paused = False
            self.transport.resume_reading()

    def _pause(self) -> None:
        """Read nothing for now; what has begun to come is then late by our doing, not the client's."""
        self.begun = None
        if not self._paused:
            self._paused = True
            self.transport.pause_reading()
