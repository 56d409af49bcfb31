"""Someone who speaks to the server as they like: bytes on a connection, half of them, or none."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.desk import Desk
from tests.handlers.asking import Refused, refusal_in

WITHIN = 20.0  # seconds: on a loaded machine too, what is to be cut has been cut by then
HEALTH = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass(frozen=True)
class Told:
    """An answer as it stood on the wire."""

    status: int
    head: str
    body: bytes

    @property
    def refused(self) -> Refused:
        """Return the refusal; anything else is a mistake of the test."""
        return refusal_in(self.status, json.loads(self.body))


class Stranger:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def say(self, *said: bytes) -> None:
        """Send bytes."""
        for each in said:
            self.writer.write(each)

    async def told(self) -> Told:
        """Read one answer."""
        async with asyncio.timeout(WITHIN):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            length = next(line for line in head.lower().splitlines() if line.startswith("content-length:"))
            return Told(int(head.split()[1]), head, await self.reader.readexactly(int(length.split()[1])))

    async def cut(self) -> bytes:
        """Read until the server has cut the connection, and return what it said before."""
        said = b""
        try:
            async with asyncio.timeout(WITHIN):
                while heard := await self.reader.read(1 << 16):
                    said += heard
        except ConnectionError:
            pass
        return said

    async def drip(self, one: bytes = b"x") -> None:
        """Send a byte now and then for as long as the connection lasts."""
        while not self.writer.transport.is_closing() and not self.reader.at_eof():
            self.say(one)
            await asyncio.sleep(0.02)


@asynccontextmanager
async def stranger(desk: Desk, **more: Any) -> AsyncIterator[Stranger]:
    """Open a connection to a desk's server."""
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.base.rsplit(":", 1)[1], **more)
    try:
        yield Stranger(reader, writer)
    finally:
        writer.transport.abort()


def post(path: str, length: int, *headers: str) -> bytes:
    """Return the header of a POST whose body is announced to be so long."""
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: x",
        "Content-Type: application/json",
        f"Content-Length: {length}",
        *headers,
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
