"""One serving process: the app built, its door open, and on the way out everything in order."""

import asyncio
import errno
import gc
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiohttp import web
from loguru import logger

from app.commands.command import CommandError
from app.handlers.runner import Runner
from app.hub import Hub
from app.main import DRAIN, HUB, build_app
from app.settings import Settings

if sys.platform != "win32":
    import resource

# Seconds on the way out: for connections to end with their next answer, then for those that are in a request still.
LINGER, REQUESTS_WAIT = 3.0, 3.0
POLL = 0.05  # seconds between two looks whether they have
# Connections that wait to be accepted; the system may allow fewer (net.core.somaxconn). Whoever finds no room knocks
# again after 1, 3, 7 s: of 1 000 clients that came at once the last was in after 14.6 s with 128, 4.4 s with 4096.
BACKLOG = 4096


def bound(settings: Settings, *, shared: bool = False) -> socket.socket:
    """Take the port before anything is started or made that would be in vain without it; others may share it.

    Raises CommandError.
    """
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        door = socket.socket(family, kind, protocol)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        door.bind(address)
    except OSError as error:
        raise cannot_listen(settings, error) from None
    return door


def cannot_listen(settings: Settings, error: OSError) -> CommandError:
    """Return what to say when the port is not to be had."""
    where = f"{settings.host} port {settings.port}"
    if error.errno == errno.EADDRINUSE:
        return CommandError(f"Something listens on {where} already; --port or PORT takes another one.")
    return CommandError(f"This server cannot listen on {where}: {error.strerror or error}.")


@asynccontextmanager
async def prepared(settings: Settings, uri: str, door: socket.socket) -> AsyncIterator[web.AppRunner]:
    """Build the app; at the end nobody new is let in, clients are sent away, and what runs is finished."""
    app = await build_app(settings, uri)
    runner = Runner(app, settings, shutdown_timeout=REQUESTS_WAIT)
    await runner.setup()
    try:
        yield runner
    finally:
        await _leave(runner, door)
        logger.info("stopped")


async def _leave(runner: web.AppRunner, door: socket.socket) -> None:
    """Accept nobody, let each connection end with its next answer, then close what is idle or late."""
    await _shut(runner, door)
    await asyncio.gather(runner.app[DRAIN](), _quiet(runner))
    await runner.cleanup()


async def _shut(runner: web.AppRunner, door: socket.socket) -> None:
    """Close the door behind those who stand in it: the kernel would reset them, with what they have asked."""
    if not runner.sites:
        return
    with door.dup() as queue, suppress(BlockingIOError):
        queue.setblocking(False)
        for site in tuple(runner.sites):
            await site.stop()
        while runner.server is not None:
            connection, _ = queue.accept()
            await asyncio.get_running_loop().connect_accepted_socket(runner.server, connection)


async def _quiet(runner: web.AppRunner) -> None:
    """Wait for the connections to go: one that is closed while its client sends would be a failed request."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER):
            while runner.server is not None and runner.server.connections:  # noqa: ASYNC110 - aiohttp sets no event
                await asyncio.sleep(POLL)


async def open_door(runner: web.AppRunner, door: socket.socket, settings: Settings) -> Hub:
    """Let clients in. Raises CommandError where another one listens on the port."""
    _spare_what_stays()
    _allow_open_files()
    try:
        await web.SockSite(runner, door, backlog=BACKLOG).start()
    except OSError as error:  # two may bind a port, but one alone may listen on it
        raise cannot_listen(settings, error) from None
    return runner.app[HUB]


def _allow_open_files() -> None:
    """Use as many open files as the system allows: a shell's 1,024 are fewer connections than one address may hold."""
    if sys.platform != "win32":
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        with suppress(OSError, ValueError):  # some systems call it unlimited and do not mean it
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _spare_what_stays() -> None:
    """Let the garbage collector pass over what lives as long as the server: classes, routes, clients.

    They are 85 000 objects; a full collection looks through them all, and everything waits for it: 40 ms measured.
    """
    gc.collect()
    gc.freeze()
