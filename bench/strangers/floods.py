"""Floods of frames on one websocket, opened anew whenever the server ends it."""

import asyncio
import contextlib
from functools import partial

from bench.strangers.wires import (
    CHUNK,
    CONTINUES,
    CUT_OFF,
    PING,
    PONG,
    TEXT_BEGINS,
    Target,
    Wire,
    addresses,
    frame,
    websocket,
)

SECONDS = 3.0
ADDRESS = addresses(1, network=2)[0]
PAUSE = 0.05  # seconds before a stranger who was cut off comes again

# What is said again and again, after what is said once.
FLOODS = {
    "empty pings": (b"", frame(b"", PING)),
    "empty pongs": (b"", frame(b"", PONG)),
    "engine pongs": (b"", frame(b"3")),
    "empty continuations": (frame(b"4", TEXT_BEGINS), frame(b"", CONTINUES)),
    "unknown namespaces": (b"", frame(b"40/nowhere,")),
    "unasked acks": (b"", frame(b"43/company,1[]")),
    "unknown events": (b"", frame(b'42/company,["nonsense"]')),
}


async def flood(target: Target, name: str, *, signed_in: bool) -> None:
    """Say one thing as fast as it is read, for three seconds."""
    first, each = FLOODS[name]
    said = each * (CHUNK // len(each))
    ends = asyncio.get_running_loop().time() + SECONDS
    while asyncio.get_running_loop().time() < ends:
        with contextlib.suppress(*CUT_OFF):
            async with websocket(target, ADDRESS, signed_in=signed_in) as socket, asyncio.timeout_at(ends):
                await pour(socket, first, said)
        await asyncio.sleep(PAUSE)


async def pour(socket: Wire, first: bytes, said: bytes) -> None:
    """Say it until the server ends the connection."""
    listening = asyncio.create_task(socket.ended())
    try:
        await socket.send(first)
        while not listening.done():
            await socket.send(said)
            await asyncio.sleep(0)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


ATTACKS = {
    f"{name}, {'signed in' if signed_in else 'before signing in'}": partial(flood, name=name, signed_in=signed_in)
    for name in FLOODS
    for signed_in in (False, True)
}
