"""What `doctor` looks at: each check finds that something is well, or says what to do."""

import asyncio
import os
import platform
import re
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from app.commands.check_keys import of_keys
from app.commands.finding import Finding, State
from app.commands.surroundings import database_for
from app.outside.mongod import HOLES
from app.outside.mongod_binary import MongodError, find_mongod, why_it_ended
from app.settings import GENERATED, Settings
from app.settings_mistakes import SettingsError
from app.settings_reading import likely_typos
from app.settings_text import describe
from app.stores.standing import Standing, Unfit, standing_of

# As in setup.cfg, which a test compares. The pinned ones we replace parts of; the others must not be older.
PINNED = {"python-socketio": "5.18.1", "python-engineio": "4.15.1"}
FLOORS = {"aiohttp": "3.14.3", "pymongo": "4.20", "pydantic": "2.14", "orjson": "3.13", "pyjwt": "2.15", "bcrypt": "5"}
INSTALL = "pip install --require-hashes -r requirements.txt"
# A killed writer's transaction holds its company's lock for so long where no other process frees it.
LONGEST_TRANSACTION = 15  # seconds
SHORTER = "db.adminCommand({setParameter: 1, transactionLifetimeLimitSeconds: 5})"


def of_settings(settings: Settings, variables: Mapping[str, str]) -> Iterator[Finding]:
    """Show every setting with its sentence, secrets hidden, and variables that were probably meant to be one."""
    facts = {name: {"value": value, "means": sentence} for name, value, sentence in describe(settings)}
    given = [name for name in facts if variables.get(name, "").strip()]
    yield Finding("settings", State.OK, f"given: {', '.join(given) or 'none'}; the others are defaults", facts=facts)
    made = [name.upper() for name in GENERATED if not getattr(settings, name)]
    if made:
        yield Finding("secrets", State.OK, f"kept in DATA_DIR, made at the first start: {', '.join(made)}")
    for typo in likely_typos(variables):
        yield Finding("settings", State.WARNING, typo.sentence, "Rename it, or remove it.")


def of_mistakes(error: SettingsError) -> Iterator[Finding]:
    """Show every mistake in the settings."""
    for mistake in error.mistakes:
        yield Finding("settings", State.PROBLEM, mistake.sentence, f"Set {mistake.variable} anew, or remove it.")


def of_python() -> Iterator[Finding]:
    """Look at Python, at the event loop, and at the libraries that matter."""
    yield Finding("python", State.OK, f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    found = {name: _installed(name) for name in (*PINNED, *FLOORS, "uvloop")}
    if found["uvloop"] is None and sys.platform != "win32":
        yield Finding("uvloop", State.WARNING, "not installed; asyncio's own loop is slower", INSTALL)
    wrong = [*_not_pinned(found), *_too_old(found)]
    says = ", ".join(wrong) or ", ".join(f"{name} {known}" for name, known in found.items() if known)
    yield Finding("libraries", State.PROBLEM if wrong else State.OK, says, INSTALL if wrong else None, found)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _not_pinned(found: Mapping[str, str | None]) -> list[str]:
    return [f"{name} is {found[name]}, not {wanted}" for name, wanted in PINNED.items() if found[name] != wanted]


def _too_old(found: Mapping[str, str | None]) -> list[str]:
    return [
        f"{name} is {found[name]}, older than {least}"
        for name, least in FLOORS.items()
        if _is_older(found[name], least)
    ]


def _is_older(known: str | None, least: str) -> bool:
    return known is None or _numbers(known) < _numbers(least)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


def of_port(settings: Settings) -> Iterator[Finding]:
    """Look whether the port is free."""
    where = f"{settings.host} port {settings.port}"
    try:
        socket.create_server((settings.host, settings.port), family=_family_of(settings.host)).close()
    except OSError as error:
        says = f"{where} cannot be listened on: {os.strerror(error.errno) if error.errno else error}"
        yield Finding("port", State.WARNING, says, "Fine if this server runs already; else --port or PORT, HOST.")
    else:
        yield Finding("port", State.OK, f"{where} is free")


def _family_of(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


async def of_mongodb(settings: Settings) -> AsyncIterator[Finding]:
    """Look at the MongoDB that a server would use, starting the embedded one if it has to."""
    try:
        if settings.mongodb_uri is None:
            program = find_mongod(settings.mongod_binary)
            yield Finding("embedded mongod", State.OK, f"{await _version_of(program)}, {program}")
        async with database_for(settings, "command") as uri:
            for finding in of_standing(settings, await standing_of(settings, uri)):
                yield finding
            async for finding in of_keys(settings, uri):
                yield finding
    except (MongodError, Unfit) as error:
        yield Finding("mongodb", State.PROBLEM, str(error))
    except SettingsError as error:
        for finding in of_mistakes(error):
            yield finding


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
