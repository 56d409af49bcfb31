"""A client that says whatever it likes: one websocket, and the packets on it as they are."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp

from app.access import issue_token
from app.outside.tokens import Claims
from tests.desk import Desk, Listener
from tests.waiting import until

PAGE = "https://desk.example"
PATIENCE = 20.0  # seconds, on a busy machine
DOOR = "/socket.io/?EIO=4&transport=websocket"


@dataclass
class Wire:
    """A websocket past the handshake; `hello` is what the server said first."""

    socket: aiohttp.ClientWebSocketResponse
    hello: dict[str, Any]

    async def say(self, *texts: str) -> None:
        """Send each text in a frame of its own."""
        for text in texts:
            await self.socket.send_str(text)

    async def next(self) -> str:
        """Return the next packet; a connection that is closed instead is a mistake of the test."""
        async with asyncio.timeout(PATIENCE):
            message = await self.socket.receive()
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return str(message.data)

    async def heard(self, start: str) -> Any:
        """Return the JSON of the next packet that begins like this."""
        while not (packet := await self.next()).startswith(start):
            pass
        return json.loads(packet.removeprefix(start))

    async def connect(self, namespace: str = "/company", **auth: Any) -> dict[str, Any]:
        """Ask to be let into a namespace, and return the answer: `{sid}`, or the refusal."""
        await self.say(f"40{namespace},{json.dumps(auth)}")
        while not (packet := await self.next()).startswith((f"40{namespace},", f"44{namespace},")):
            pass
        answer: dict[str, Any] = json.loads(packet.partition(",")[2])
        return answer

    async def call(self, event: str, *payload: Any, namespace: str = "/company", id: int = 1) -> Any:
        """Send an event and return its ack."""
        await self.say(f"42{namespace},{id}{json.dumps([event, *payload])}")
        return (await self.heard(f"43{namespace},{id}"))[0]

    async def closed(self) -> tuple[int, str]:
        """Read to the end, and return the close code and the reason; 0 when there was none."""
        async with asyncio.timeout(PATIENCE):
            while (message := await self.socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
        return (int(message.data), str(message.extra)) if message.type is aiohttp.WSMsgType.CLOSE else (0, "")


@asynccontextmanager
async def wired(desk: Desk, **options: Any) -> AsyncIterator[Wire]:
    """Open a websocket at the Socket.IO door."""
    async with desk.http.ws_connect(desk.base + DOOR, **options) as socket:
        async with asyncio.timeout(PATIENCE):
            hello = await socket.receive_str()
        assert hello.startswith("0")
        yield Wire(socket, json.loads(hello[1:]))


@asynccontextmanager
async def admitted(desk: Desk, namespace: str = "/company", **auth: Any) -> AsyncIterator[Wire]:
    """Open a websocket, be let into a namespace, and wait until it is ready."""
    async with wired(desk) as wire:
        assert "sid" in await wire.connect(namespace, **(auth or {"token": desk.token}))
        while (await wire.heard(f"42{namespace},"))[0] != "sync:ready":
            pass
        yield wire


async def hears(listener: Listener, count: int) -> list[dict[str, Any]]:
    """Return the durable events that a client heard, once there are so many."""
    await until(lambda: len(listener.events) >= count)
    assert len(listener.events) == count
    return listener.events


def token_of(desk: Desk, seconds: float = 60, **claimed: str) -> str:
    """Return a token of the owner's sign-in, or one that claims something else."""
    claims = desk.hub.tokens.read(desk.token)
    ids = {"user_id": claims.user_id, "company_id": claims.company_id, "session_id": claims.session_id, **claimed}
    return issue_token(desk.hub, Claims(**ids, expires_at=desk.hub.now() + timedelta(seconds=seconds)))


async def head_of(desk: Desk) -> int:
    """Return the last seq of the desk's company: whatever is stored raises it."""
    stream = await desk.hub.store.streams.get(desk.company.id)
    assert stream is not None
    return stream.head
