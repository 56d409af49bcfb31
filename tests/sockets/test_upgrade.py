"""Once a websocket is ours, aiohttp holds nothing of it: no request, no task, no place in its list of connections."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from app.sockets.server import SocketServer
from tests.waiting import until

ASK = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\n"
    b"Upgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
ACCEPTED = b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"  # RFC 6455, section 1.3


@asynccontextmanager
async def served() -> AsyncIterator[tuple[SocketServer, web.AppRunner, int]]:
    """Serve our engine, and nothing else, on a free port."""
    server, app = SocketServer(), web.Application()
    app.router.add_route("*", "/socket.io/", server.eio.handle_request)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield server, runner, runner.addresses[0][1]
    finally:
        await runner.cleanup()
        await server.eio.shutdown()


async def shaken(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a websocket, and read up to the end of the handshake."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(ASK)
    async with asyncio.timeout(5):
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101 ")
        assert ACCEPTED in answer
        assert b'0{"sid"' in await reader.readuntil(b"}")
    return reader, writer


def of_aiohttp() -> list[object]:
    """Return what is alive of requests."""
    gc.collect()
    return [each for each in gc.get_objects() if isinstance(each, web.BaseRequest | RequestHandler | web.Response)]


async def test_a_connection_is_ours_alone() -> None:
    async with served() as (server, runner, port):
        before, tasks = len(of_aiohttp()), len(asyncio.all_tasks())
        writers = [(await shaken(port))[1] for _ in range(5)]
        assert len(server.eio.connections) == 5
        http = runner.server
        assert http is not None
        await until(lambda: not http.connections)
        assert len(asyncio.all_tasks()) == tasks + 1, "the sweep alone"
        assert len(of_aiohttp()) <= before
        for writer in writers:
            writer.close()
        await until(lambda: not server.eio.connections)


async def test_it_goes_on_when_aiohttp_has_stopped() -> None:
    async with served() as (server, runner, port):
        reader, writer = await shaken(port)
        async with asyncio.timeout(2):
            await runner.cleanup()
        (connection,) = server.eio.connections.values()
        connection.push(b"\x81\x012")
        async with asyncio.timeout(5):
            assert await reader.readexactly(3) == b"\x81\x012"
        writer.close()
        await until(lambda: not server.eio.connections)


async def test_a_client_that_leaves_is_forgotten() -> None:
    async with served() as (server, _, port):
        _, writer = await shaken(port)
        writer.transport.abort()
        await until(lambda: not server.eio.connections)
        assert server.eio.closed_for == {"transport close": 1}


@pytest.mark.parametrize("early", [b"\x81\x82\0\0\0\x0040", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
async def test_who_speaks_before_the_answer_is_refused(early: bytes) -> None:
    async with served() as (server, _, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(ASK + early)
        async with asyncio.timeout(5):
            assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
        assert not server.eio.connections
        writer.close()


async def test_what_the_client_sends_right_after_the_answer_is_heard() -> None:
    async with served() as (server, _, port):
        server.on("connect", lambda sid, environ, auth=None: None)
        reader, writer = await shaken(port)
        writer.write(b"\x81\x82\0\0\0\x0040")
        async with asyncio.timeout(5):
            assert b'40{"sid"' in await reader.readuntil(b"}")
        writer.close()
