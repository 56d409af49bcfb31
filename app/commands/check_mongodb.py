"""The check of `doctor` that opens the MongoDB which a server would use, and looks at what is stored there."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from pymongo.errors import PyMongoError

from app.commands.check_channels import of_channels
from app.commands.check_clock import of_clock
from app.commands.check_keys import of_keys
from app.commands.checks import of_mistakes
from app.commands.finding import Finding, State
from app.commands.surroundings import database_for
from app.commands.warnings import address_parts
from app.outside.mongod import HOLES
from app.outside.mongod_binary import MongodError, find_mongod, why_it_ended
from app.settings import Settings
from app.settings_mistakes import SettingsError
from app.stores.database import connect, stores_in
from app.stores.standing import Standing, Unfit, standing_of

# A killed writer's transaction holds its company's lock for so long where no other process frees it.
LONGEST_TRANSACTION = 15  # seconds
SHORTER = "db.adminCommand({setParameter: 1, transactionLifetimeLimitSeconds: 5})"
# Majority writes, and reads at the primary: `connect` sets some of these, and relies on the defaults of the rest.
_OPTIONS = ("w", "wTimeoutMS", "journal", "readConcernLevel", "readPreference", "readPreferenceTags", "retryWrites")
OURS = {name.lower(): name for name in _OPTIONS}


async def of_mongodb(settings: Settings) -> AsyncIterator[Finding]:
    """Look at the MongoDB that a server would use, starting the embedded one if it has to."""
    try:
        if settings.mongodb_uri is None:
            program = find_mongod(settings.mongod_binary)
            yield Finding("embedded mongod", State.OK, f"{await _version_of(program)}, {program}")
        async with database_for(settings, "command") as uri:
            for finding in of_standing(settings, await standing_of(settings, uri)):
                yield finding
            async for finding in _of_what_is_stored(settings, uri):
                yield finding
    except (MongodError, Unfit) as error:
        yield Finding("mongodb", State.PROBLEM, str(error))
    except PyMongoError as error:
        yield Finding("mongodb", State.PROBLEM, f"MongoDB went away or refused ({type(error).__name__}).", "Try again.")
    except SettingsError as error:
        for finding in of_mistakes(error):
            yield finding


async def _of_what_is_stored(settings: Settings, uri: str) -> AsyncIterator[Finding]:
    async with connect(settings, uri) as client:
        stores = stores_in(client, settings.database)
        for look in (of_clock, of_keys, of_channels):
            async for finding in look(settings, stores):
                yield finding


def of_options(settings: Settings) -> Iterator[Finding]:
    """Warn of options in MONGODB_URI that have no effect, or a bad one."""
    if settings.mongodb_uri is None:
        return
    *_, options = address_parts(settings.mongodb_uri.get_secret_value())
    if named := sorted(set(options) & OURS.keys()):
        says = f"MONGODB_URI sets {' and '.join(OURS[name] for name in named)}, which is this server's to choose"
        yield Finding("mongodb options", State.WARNING, says, "Remove it from MONGODB_URI.")


async def _version_of(program: Path) -> str:
    """Return what mongod says of itself; one that lacks a shared library says that instead. Raises MongodError."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "mongod.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(program, "--version", stdout=output, stderr=output)
            code = await asyncio.wait_for(process.wait(), timeout=10)
        if code:
            raise why_it_ended(code, log)
        return log.read_text().partition("\n")[0]


def of_standing(settings: Settings, standing: Standing) -> Iterator[Finding]:
    """Show where the MongoDB is, and warn of what is not wrong but unwise."""
    place = f"replica set {standing.set_name}" if standing.set_name else "a sharded cluster"
    yield Finding("mongodb", State.OK, f"{standing.version} at {standing.address}, {place}", facts=_facts(standing))
    yield from of_options(settings)
    hole = HOLES.get(standing.version)
    if hole and settings.mongodb_uri is not None:
        yield Finding("mongodb version", State.WARNING, f"{standing.version} has {hole}", "Update MongoDB.")
    limit = standing.transaction_limit
    if limit is not None and limit > LONGEST_TRANSACTION:
        yield Finding(
            "transactions",
            State.WARNING,
            f"transactionLifetimeLimitSeconds is {limit:g}: what a killed server leaves open is held for so long",
            f"mongosh mongodb://{standing.address}/ --eval '{SHORTER}', and setParameter in mongod.conf",
        )


def _facts(standing: Standing) -> dict[str, Any]:
    return {
        "address": standing.address,
        "version": standing.version,
        "replica_set": standing.set_name,
        "transaction_lifetime_limit_seconds": standing.transaction_limit,
    }
