"""Five thousand who connect at once are let in, hear what is said, and leave nothing behind."""

import asyncio
import gc
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from app.sockets.connection import Connection
from app.sockets.frames import event_frame
from app.sockets.server import SocketServer
from tests.waiting import until

COUNT = 5000
ASK = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
CONNECT = b"\x81\x82" + bytes(4) + b"40"  # masked with zeros
ROOM = "everyone"


class Comer(asyncio.Protocol):
    """A client in as few steps as one can have: ask, connect, listen."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.heard = b""
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(ASK)

    def data_received(self, data: bytes) -> None:
        assert self.transport is not None
        asked = b'0{"sid"' in self.heard
        self.heard += data
        if not asked and b'0{"sid"' in self.heard:
            self.transport.write(CONNECT)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True

    @property
    def is_in(self) -> bool:
        return b'40{"sid"' in self.heard


@asynccontextmanager
async def many_files(count: int) -> AsyncIterator[None]:
    """Let this process hold so many sockets, where the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = max(soft, count)
    resource.setrlimit(resource.RLIMIT_NOFILE, (enough if hard == resource.RLIM_INFINITY else min(enough, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@asynccontextmanager
async def served() -> AsyncIterator[tuple[SocketServer, int]]:
    """Serve our engine alone, with one room that everybody joins."""
    server, app = SocketServer(), web.Application()
    server.on("connect", lambda sid, environ, auth=None: server.manager.enter(sid, ROOM))
    app.router.add_route("*", "/socket.io/", server.eio.handle_request)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    try:
        yield server, runner.addresses[0][1]
    finally:
        await runner.cleanup()
        await server.eio.shutdown()


async def test_five_thousand_who_connect_at_once_are_let_in_and_leave_nothing() -> None:
    loop = asyncio.get_running_loop()
    async with many_files(2 * COUNT + 500), served() as (server, port):
        before = len(asyncio.all_tasks())
        arriving = (loop.create_connection(Comer, "127.0.0.1", port) for _ in range(COUNT))
        async with asyncio.timeout(120):
            comers = [comer for _, comer in await asyncio.gather(*arriving)]
        await until(lambda: all(comer.is_in for comer in comers), within=120)
        assert len(server.eio.connections) == COUNT

        said = event_frame("/", "message:new", b'{"seq":1}')
        server.manager.say("/", ROOM, said)
        await until(lambda: all(comer.heard.endswith(said) for comer in comers), within=60)
        assert not any(comer.lost for comer in comers)

        for comer in comers:
            assert comer.transport is not None
            comer.transport.abort()
        await until(lambda: not server.eio.connections, within=60)
        assert not server.manager.inside("/", ROOM)
        assert not server.environ
        gc.collect()
        assert not [each for each in gc.get_objects() if isinstance(each, Connection) and each.outlet is server.eio]
        await until(lambda: len(asyncio.all_tasks()) <= before + 1)  # the sweep stays
