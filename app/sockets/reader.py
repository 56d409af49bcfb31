"""Cut what a client sends into WebSocket messages: no I/O, no clock. RFC 6455, section 5."""

from typing import NamedTuple

from aiohttp._websocket.helpers import websocket_mask

from app.sockets.closing import INVALID_TEXT, PROTOCOL_ERROR, TOO_LARGE, Closing
from app.sockets.frames import FINAL, TEXT_FRAME

REST_OF, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
KNOWN = frozenset((REST_OF, TEXT, BINARY, CLOSE, PING, PONG))
MOST_CONTROL = 125  # bytes in a control frame, section 5.5
MASKED, SHORT, LONG = 0x80, 126, 127  # in the second byte of a frame


class Unreadable(Exception):
    """What came is no frame that a client may send; `closing` is what to tell it."""

    def __init__(self, closing: Closing) -> None:
        super().__init__(closing.reason)
        self.closing = closing


class Header(NamedTuple):
    """The head of a frame: `start` is where its payload begins, `end` where the next frame does."""

    final: bool
    opcode: int
    mask: bytes
    start: int
    end: int


def lone_text(data: bytes, limit: int) -> str | None:
    """Return the text of what is one whole text frame, as nearly everything that comes is; None for the rest.

    Raises Unreadable.
    """
    head = 6 if len(data) < 6 + SHORT else 8
    size = len(data) - head
    if size < 0 or size > limit or data[0] != TEXT_FRAME:
        return None
    if head == 6:
        if data[1] != MASKED | size:
            return None
    elif data[1] != MASKED | SHORT or data[2] << 8 | data[3] != size:
        return None
    return decoded(unmasked(data[head:], data[head - 4 : head]))


def unmasked(payload: bytes | bytearray, mask: bytes) -> bytearray:
    """Return what a client masked, section 5.3."""
    plain = bytearray(payload)
    websocket_mask(mask, plain)
    return plain


def decoded(payload: bytearray) -> str:
    """Return the text in a payload. Raises Unreadable."""
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise Unreadable(INVALID_TEXT) from None


class Reader:
    """Frames that are not whole yet, and messages in several frames."""

    __slots__ = ("_data", "_limit", "_opcode", "_parts")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._data = bytearray()
        self._opcode = REST_OF  # of the message whose first parts have come
        self._parts = bytearray()

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing is kept: what comes next begins a message."""
        return not self._data and self._opcode == REST_OF

    def feed(self, data: bytes) -> None:
        """Take what has come."""
        self._data += data

    def next(self) -> tuple[int, bytearray] | None:
        """Take the next frame out; None until it is whole. Raises Unreadable.

        Returns the opcode and the payload of the message that the frame makes whole, and REST_OF, with nothing, for a
        frame that leaves its message to others.
        """
        header = self._header()
        if header is None or len(self._data) < header.end:
            return None
        payload = unmasked(self._data[header.start : header.end], header.mask)
        del self._data[: header.end]
        return self._joined(header, payload)

    def _header(self) -> Header | None:
        """Return the head of the next frame, as soon as it is there."""
        data = self._data
        if len(data) < 2:
            return None
        first, opcode, size = data[0], data[0] & 0x0F, data[1] ^ MASKED
        if first & 0x70 or opcode not in KNOWN or size >= MASKED:  # reserved bits; a client masks all, section 5.1
            raise Unreadable(PROTOCOL_ERROR)
        if opcode >= CLOSE and (size > MOST_CONTROL or not first & FINAL):
            raise Unreadable(PROTOCOL_ERROR)
        length = 2 if size == SHORT else 8 if size == LONG else 0
        start = 2 + length + 4
        if len(data) < start:
            return None
        if length:
            size = int.from_bytes(data[2 : 2 + length], "big")
        if size + len(self._parts) > self._limit:
            raise Unreadable(TOO_LARGE)
        return Header(bool(first & FINAL), opcode, bytes(data[start - 4 : start]), start, start + size)

    def _joined(self, header: Header, payload: bytearray) -> tuple[int, bytearray]:
        """Return the message that this frame makes whole, if it does."""
        if header.opcode >= CLOSE:  # between the frames of a message there may be these, section 5.4
            return header.opcode, payload
        if (header.opcode == REST_OF) is (self._opcode == REST_OF):
            raise Unreadable(PROTOCOL_ERROR)
        opcode = header.opcode or self._opcode
        if self._parts:  # grown in place: empty frames by the thousand copy nothing
            self._parts += payload
            payload = self._parts
        if header.final:
            self._opcode, self._parts = REST_OF, bytearray()
            return opcode, payload
        self._opcode, self._parts = opcode, payload
        return REST_OF, bytearray()
