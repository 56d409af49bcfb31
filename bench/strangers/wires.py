"""Connections as a stranger makes them: raw bytes over TCP, from any address of the loopback network."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass

CONNECT_WITHIN = 3.0  # seconds
CHUNK = 1 << 16  # bytes that are written at once
MASK = b"\x00\x00\x00\x00"  # a mask of zeros leaves a payload as it is

# What a server that refuses a connection, cuts it off or does not answer in time looks like.
CUT_OFF = (OSError, TimeoutError, asyncio.IncompleteReadError)

TEXT, PING, PONG = 0x81, 0x89, 0x8A
TEXT_BEGINS, CONTINUES = 0x01, 0x00


@dataclass(frozen=True)
class Target:
    """The server that is attacked."""

    port: int
    key: str = ""

    @property
    def host(self) -> bytes:
        """Return what stands in the Host header."""
        return b"127.0.0.1:%d" % self.port


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        """Write, and wait until the server has taken most of it."""
        self.writer.write(data)
        await self.writer.drain()

    async def status(self) -> int:
        """Read the first line of an answer; 0 when the connection ends instead."""
        line = await self.reader.readline()
        return int(line.split()[1]) if line.startswith(b"HTTP/1.1 ") else 0

    async def answer(self) -> int:
        """Read one whole answer and return its status; 0 when the connection ends instead."""
        status, size = await self.status(), 0
        while (line := await self.reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            size = int(value) if name.lower() == b"content-length" else size
        await self.reader.readexactly(size)
        return status

    async def ended(self) -> None:
        """Read until the server ends the connection."""
        while await self.reader.read(CHUNK):
            pass


@contextlib.asynccontextmanager
async def wire(target: Target, address: str) -> AsyncIterator[Wire]:
    """Connect from this address. Raises any of CUT_OFF, then and later."""
    async with asyncio.timeout(CONNECT_WITHIN):
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port, local_addr=(address, 0))
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


@contextlib.asynccontextmanager
async def websocket(target: Target, address: str, *, signed_in: bool) -> AsyncIterator[Wire]:
    """Shake hands, and sign in at /company if asked. Raises any of CUT_OFF."""
    async with wire(target, address) as socket:
        await socket.send(
            b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n"
            % (target.host, b"c3RyYW5nZXJzLWFyZS1oZQ==")
        )
        if await socket.status() != 101:
            raise ConnectionRefusedError
        while (await socket.reader.readline()) not in (b"\r\n", b""):
            pass
        if signed_in:
            await socket.send(frame(b'40/company,{"api_key":"%s"}' % target.key.encode()))
        yield socket


def frame(payload: bytes, head: int = TEXT) -> bytes:
    """Return a masked frame."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes([head]) + length + MASK + payload


def request(target: Target, method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    """Return a request as bytes."""
    head = [f"{method} {path} HTTP/1.1", f"Host: {target.host.decode()}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def addresses(count: int, network: int = 1) -> list[str]:
    """Return addresses of this machine that nobody else uses: 127.0.NETWORK.x."""
    return [f"127.0.{network}.{number + 1}" for number in range(count)]


def be_modest() -> None:
    """Let the measuring process and the database go first on the core that they share with the attack."""
    os.nice(19)
