"""`serve`: read the settings, open the database, build the app, listen; on a signal all of it backwards."""

import argparse
import asyncio
import socket
from argparse import ArgumentParser, Namespace
from pathlib import Path

from loguru import logger

from app.commands.command import DONE, Command
from app.commands.demo_company import Demo, demo_company_id, demo_where_wanted
from app.commands.running import bound, open_door, prepared
from app.commands.stopping import stop_within, until_stopped
from app.commands.supervising import SUPERVISED, supervise
from app.commands.surroundings import database_for, settings_for, variables_here
from app.commands.warnings import unsafe_settings
from app.commands.welcome import Welcome, welcome
from app.commands.working import work
from app.hub import Hub
from app.main import HUB, open_hub
from app.outside.secrets import FILE
from app.outside.trace import TRACE
from app.settings import Settings
from app.settings_mistakes import Mistake, SettingsError
from app.settings_reading import likely_typos

NO_DEMO = Mistake(
    "ENVIRONMENT", "ENVIRONMENT is production, where there is no demo: its passwords are shown on a screen."
)
WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - they are compared with, not bound to


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--port", type=int, help="the port to listen on; goes before PORT")
    parser.add_argument("--host", help="the address to listen on; goes before HOST")
    if SUPERVISED:
        parser.add_argument("--workers", type=_count, help="serve with so many processes on the one port")
    parser.add_argument("--slot", help=argparse.SUPPRESS)  # how a worker is told its socket and its supervisor's line


def _count(given: str) -> int:
    count = int(given)
    if not 1 <= count <= 512:
        raise argparse.ArgumentTypeError("1 to 512 processes")
    return count


async def _serve(args: Namespace) -> int:
    await serve(args, demo=False)
    return DONE


async def serve(args: Namespace, *, demo: bool) -> None:
    """Serve until a signal comes. With `demo` the demo company is made wherever it is missing.

    Raises SettingsError, MongodError, Unfit; CommandError where the port is taken.
    """
    TRACE.set(None)  # what a server does from now on, it does for others
    given = {name.upper(): str(value) for name in ("port", "host") if (value := getattr(args, name)) is not None}
    settings = settings_for(**given)
    if demo and settings.is_production:
        raise SettingsError([NO_DEMO])
    if args.slot:
        return await work(settings, args.slot)
    for typo in likely_typos(variables_here()):
        logger.warning(typo.sentence)
    for unsafe in unsafe_settings(settings):
        logger.bind(setting=unsafe.variable).warning(unsafe.sentence)
    if getattr(args, "workers", None):
        return await _supervise(args, settings, demo=demo)
    with until_stopped(stop_within(settings)), bound(settings) as door:
        async with database_for(settings, "server") as uri, prepared(settings, uri, door) as runner:
            made = await demo_where_wanted(runner.app[HUB], asked=demo)
            hub = await open_door(runner, door, settings)
            welcome(await _welcome_for(hub, door, made), as_json=args.json)
            await asyncio.Event().wait()  # until a signal comes
    return None


async def _supervise(args: Namespace, settings: Settings, *, demo: bool) -> None:
    """Make ready what all workers need, and serve through them."""

    async def prepare(uri: str, door: socket.socket) -> Welcome:
        async with open_hub(settings, uri) as hub:
            return await _welcome_for(hub, door, await demo_where_wanted(hub, asked=demo))

    await supervise(settings, args.workers, prepare, lambda known: welcome(known, as_json=args.json))


async def _welcome_for(hub: Hub, door: socket.socket, made: Demo | None) -> Welcome:
    host, port = door.getsockname()[:2]
    near = "127.0.0.1" if host in WILDCARDS else f"[{host}]" if ":" in host else host
    return Welcome(
        url=f"http://{near}:{port}",
        data_dir=hub.settings.data_dir.resolve(),
        made_secrets=_made_secrets(hub.settings),
        demo=made,
        demo_company_id=await demo_company_id(hub),
        is_empty=await hub.store.companies.any() is None,
    )


def _made_secrets(settings: Settings) -> Path | None:
    """Return the file with INTERNAL_SERVICE_API_KEY, if it is one that nobody gave."""
    file, key = settings.data_dir.resolve() / FILE, settings.internal_service_api_key
    return file if key and file.exists() and key.get_secret_value() in file.read_text() else None


SERVE = Command("serve", "start the server", _arguments, _serve)
