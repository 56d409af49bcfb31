"""The other end of a transport, scripted: what was written to it, and how much it takes before it is too much."""

import asyncio

from app.sockets.connection import Connection
from app.sockets.engine import Engine


class Pipe(asyncio.Transport):
    """Keeps each write; one that makes what is kept longer than `takes` is too much for it, as in a real transport."""

    def __init__(self, takes: int = 1 << 20) -> None:
        super().__init__()
        self.takes = takes
        self.writes: list[bytes] = []
        self.ended = ""
        self.paused = False
        self.protocol: Connection | None = None

    @property
    def written(self) -> bytes:
        """Return everything, as the client would read it."""
        return b"".join(self.writes)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data) if not isinstance(data, bytes) else data)
        if len(self.written) > self.takes and self.protocol is not None:
            self.protocol.pause_writing()

    def get_write_buffer_size(self) -> int:
        return len(self.written)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def pause_reading(self) -> None:
        self.paused = True

    def is_closing(self) -> bool:
        return bool(self.ended)

    def resume_reading(self) -> None:
        self.paused = False

    def close(self) -> None:
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        self.ended = "aborted"


def piped(engine: Engine, name: str, takes: int = 1 << 20) -> tuple[Connection, Pipe]:
    """Return a connection of an engine, and what it writes to."""
    pipe = Pipe(takes)
    connection = pipe.protocol = Connection(name, pipe, "here", engine, 0.0)
    engine.connections[name] = connection
    return connection, pipe


def masked(payload: bytes, opcode: int = 0x1, *, final: bool = True, mask: bytes = b"\x0f\xf0\x55\xaa") -> bytes:
    """Return a frame as a client sends it, RFC 6455 section 5.2."""
    size = len(payload)
    length = (
        bytes((0x80 | size,))
        if size < 126
        else b"\xfe" + size.to_bytes(2, "big")
        if size < 1 << 16
        else b"\xff" + size.to_bytes(8, "big")
    )
    hidden = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
    return bytes((opcode | (0x80 if final else 0),)) + length + mask + hidden
