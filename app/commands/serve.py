"""`serve`: read the settings, open the database, build the app, listen; on a signal all of it backwards."""

import asyncio
import errno
import gc
import socket
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from loguru import logger

from app.commands.command import DONE, Command, CommandError
from app.commands.demo_company import Demo, demo_company_id, demo_where_wanted
from app.commands.stopping import until_stopped
from app.commands.surroundings import database_for, settings_for, variables_here
from app.commands.welcome import Welcome, welcome
from app.hub import Hub
from app.main import HUB, SOCKETS, build_app
from app.settings import Settings, likely_typos
from app.settings_mistakes import Mistake, SettingsError

REQUESTS_WAIT = 10.0  # seconds that running requests have to finish
# Longer than the usual proxies keep an idle connection (60 s): the side that sends must be the one that closes it.
KEEPALIVE = 75.0
# Connections that wait to be accepted; the system may allow fewer (net.core.somaxconn). Whoever finds no room knocks
# again after 1, 3, 7 s: of 1 000 clients that came at once the last was in after 14.6 s with 128, 4.4 s with 4096.
BACKLOG = 4096
NO_DEMO = Mistake(
    "ENVIRONMENT", "ENVIRONMENT is production, where there is no demo: its passwords are shown on a screen."
)
WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - they are compared with, not bound to


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--port", type=int, help="the port to listen on; goes before PORT")
    parser.add_argument("--host", help="the address to listen on; goes before HOST")


async def _serve(args: Namespace) -> int:
    await serve(args, demo=False)
    return DONE


async def serve(args: Namespace, *, demo: bool) -> None:
    """Serve until a signal comes. With `demo` the demo company is made wherever it is missing.

    Raises SettingsError, MongodError, Unfit; CommandError where the port is taken.
    """
    given = {name.upper(): str(value) for name in ("port", "host") if (value := getattr(args, name)) is not None}
    settings = settings_for(**given)
    if demo and settings.is_production:
        raise SettingsError([NO_DEMO])
    for typo in likely_typos(variables_here()):
        logger.warning(typo.sentence)
    with until_stopped(), _bound(settings) as door:
        async with database_for(settings, "server") as uri, _prepared(settings, uri) as runner:
            hub = runner.app[HUB]
            made = await demo_where_wanted(hub, asked=demo)
            _spare_what_stays()
            await _open(runner, door, settings)
            welcome(await _welcome_for(hub, door, made), as_json=args.json)
            await asyncio.Event().wait()  # until a signal comes


def _bound(settings: Settings) -> socket.socket:
    """Take the port before anything is started or made that would be in vain without it."""
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        door = socket.socket(family, kind, protocol)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(address)
    except OSError as error:
        raise _cannot_listen(settings, error) from None
    return door


def _cannot_listen(settings: Settings, error: OSError) -> CommandError:
    where = f"{settings.host} port {settings.port}"
    if error.errno == errno.EADDRINUSE:
        return CommandError(f"Something listens on {where} already; --port or PORT takes another one.")
    return CommandError(f"This server cannot listen on {where}: {error.strerror or error}.")


@asynccontextmanager
async def _prepared(settings: Settings, uri: str) -> AsyncIterator[web.AppRunner]:
    """Build the app; at the end nobody new is let in, sockets are told to come back, and what runs is finished."""
    app = await build_app(settings, uri)

    async def drain(_: web.Application) -> None:
        await app[SOCKETS].drain()

    app.on_shutdown.append(drain)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=REQUESTS_WAIT, keepalive_timeout=KEEPALIVE)
    await runner.setup()
    try:
        yield runner
    finally:
        await runner.cleanup()
        logger.info("stopped")


async def _open(runner: web.AppRunner, door: socket.socket, settings: Settings) -> None:
    try:
        await web.SockSite(runner, door, backlog=BACKLOG).start()
    except OSError as error:  # two may bind a port, but one alone may listen on it
        raise _cannot_listen(settings, error) from None


def _spare_what_stays() -> None:
    """Let the garbage collector pass over what lives as long as the server: classes, routes, clients.

    They are 85 000 objects; a full collection looks through them all, and everything waits for it: 40 ms measured.
    """
    gc.collect()
    gc.freeze()


async def _welcome_for(hub: Hub, door: socket.socket, made: Demo | None) -> Welcome:
    host, port = door.getsockname()[:2]
    near = "127.0.0.1" if host in WILDCARDS else f"[{host}]" if ":" in host else host
    return Welcome(
        url=f"http://{near}:{port}",
        demo=made,
        demo_company_id=await demo_company_id(hub),
        is_empty=await hub.store.companies.any() is None,
    )


SERVE = Command("serve", "start the server", _arguments, _serve)
