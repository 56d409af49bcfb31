"""Bytes for the wire: a packet is encoded once and framed once, however many sockets it goes to."""

import struct
from functools import cache
from typing import Any

import orjson

from app.models.wire import to_json

# Engine.IO v4 packet types, https://github.com/socketio/engine.io-protocol
OPEN, CLOSE, PING, PONG, MESSAGE = "01234"

FINAL = 0x80
TEXT_FRAME, BINARY_FRAME, CLOSE_FRAME, PONG_FRAME = 0x81, 0x82, 0x88, 0x8A  # FINAL and the opcode, RFC 6455 section 5.2

ENGINE_PING = b"\x81\x012"  # one text frame with one PING packet


class Json:
    """orjson in the shape that python-socketio calls."""

    @staticmethod
    def dumps(value: Any, **_: Any) -> str:
        """Encode; separators and the like are orjson's own."""
        return to_json(value).decode()

    loads = staticmethod(orjson.loads)


def frame(payload: bytes | bytearray, first_byte: int = TEXT_FRAME) -> bytes:
    """Return an unmasked WebSocket frame, RFC 6455 section 5.2."""
    size = len(payload)
    if size < 126:
        return bytes((first_byte, size)) + payload
    if size < 1 << 16:
        return struct.pack("!BBH", first_byte, 126, size) + payload
    return struct.pack("!BBQ", first_byte, 127, size) + payload


def event_frame(namespace: str, event: str, body: bytes) -> bytes:
    """Return the frame of an event whose one argument is JSON already."""
    return frame(b'42%b["%b",%b]' % (prefix(namespace), event.encode(), body))


def ack_frame(namespace: str, id: int, *replies: Any) -> bytes:
    """Return the frame of an ack with these arguments."""
    return frame(b"43%b%d%b" % (prefix(namespace), id, to_json(replies)))


@cache
def prefix(namespace: str) -> bytes:
    """Return how a packet names its namespace; the main one goes without saying."""
    return b"" if namespace == "/" else b"%b," % namespace.encode()
