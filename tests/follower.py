"""A client that keeps a cursor by the book, over a bare websocket: what every client library must amount to."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import aiohttp

Frame = tuple[str, dict[str, Any]]


@dataclass
class Follower:
    """One subscription to a company. `applied` are the events that its rules let through, in order."""

    base: str
    auth: dict[str, Any]
    http: aiohttp.ClientSession
    cursor: int | None = None
    epoch: str | None = None
    applied: list[dict[str, Any]] = field(default_factory=list)
    dropped: int = 0
    gaps: int = 0
    resyncs: list[dict[str, Any]] = field(default_factory=list)
    closed: int | None = None  # the code that the server closed with
    _socket: aiohttp.ClientWebSocketResponse | None = None
    _reading: "asyncio.Task[None] | None" = None
    _ready: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def seqs(self) -> list[int]:
        """Return the seqs of what was applied."""
        return [event["seq"] for event in self.applied]

    async def connect(self, base: str | None = None) -> dict[str, Any]:
        """Connect from where it left off and return `sync:ready`."""
        self.base = base or self.base
        self._ready = asyncio.Event()
        self._socket = await self.http.ws_connect(
            f"{self.base}/socket.io/?EIO=4&transport=websocket", max_msg_size=0, autoping=True
        )
        auth = {**self.auth}
        if self.cursor is not None:
            auth |= {"seq": self.cursor, "epoch": self.epoch}
        await self._socket.send_str("40/company," + json.dumps(auth))
        self._reading = asyncio.create_task(self._read(self._socket))
        ready = asyncio.create_task(self._ready.wait())
        await asyncio.wait((ready, self._reading), timeout=20, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if not self._ready.is_set():
            raise ConnectionResetError("the connection ended, or nothing was said, before sync:ready")
        return self.last_ready

    async def cut(self) -> None:
        """Lose the connection, as a train in a tunnel does."""
        assert self._socket is not None
        transport = self._socket.get_extra_info("socket") and self._socket._writer.transport
        if transport is not None:
            transport.abort()
        assert self._reading is not None
        await self._reading

    async def gone(self) -> None:
        """Wait until the connection is lost."""
        assert self._reading is not None
        await asyncio.wait((self._reading,))

    async def reach(self, seq: int, within: float = 20.0) -> None:
        """Wait until the cursor is at `seq`."""
        async with asyncio.timeout(within):
            while (self.cursor or 0) < seq:
                await asyncio.sleep(0.005)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
            if message.data == "2":
                await socket.send_str("3")
            elif message.data.startswith("42/company,"):
                name, body = json.loads(message.data[len("42/company,") :])
                self._hear(name, body)
        self.closed = message.data if message.type is aiohttp.WSMsgType.CLOSE else None

    def _hear(self, name: str, body: dict[str, Any]) -> None:
        if name == "sync:ready":
            self.last_ready = body
            self.epoch = body["epoch"]
            if self.cursor is None or not body["resumed"]:
                self.cursor = body["head"]
            self._ready.set()
        elif name == "sync:resync":
            self.resyncs.append(body)
            self.cursor = body["head"]
        elif "seq" in body:
            self._apply(body)

    def _apply(self, event: dict[str, Any]) -> None:
        assert self.cursor is not None, "an event came before sync:ready on a connection that started at the head"
        if event["seq"] <= self.cursor:
            self.dropped += 1
        elif event["prev"] > self.cursor:
            self.gaps += 1
        else:
            self.applied.append(event)
            self.cursor = event["seq"]
