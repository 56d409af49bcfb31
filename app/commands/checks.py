"""The checks of `doctor` that need no database: the settings, Python and its libraries, the port."""

import os
import platform
import re
import socket
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version

from app.commands.finding import Finding, State
from app.commands.warnings import unsafe_settings
from app.settings import GENERATED, VARIABLES, Settings
from app.settings_mistakes import Mistake, SettingsError
from app.settings_reading import likely_typos
from app.settings_text import describe

# As in setup.cfg, which a test compares. The pinned ones we replace parts of; the others must not be older.
PINNED = {"python-socketio": "5.18.1", "python-engineio": "4.15.1"}
FLOORS = {"aiohttp": "3.14.3", "pymongo": "4.20", "pydantic": "2.14", "orjson": "3.13", "pyjwt": "2.15", "bcrypt": "5"}
NO_ADDRESS = "PUBLIC_URL is not set: no platform is told where to call, and this server's own pages are refused."
INSTALL = "pip install --require-hashes -r requirements.txt"


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
    for unsafe in unsafe_settings(settings):
        yield Finding("settings", State.WARNING, unsafe.sentence, f"Set {unsafe.variable} anew: docs/deployment.md.")
    if settings.is_production and settings.public_url is None:
        yield Finding("settings", State.WARNING, NO_ADDRESS, "Set PUBLIC_URL to the https address of this server.")


def of_mistakes(error: SettingsError) -> Iterator[Finding]:
    """Show every mistake in the settings."""
    for mistake in error.mistakes:
        yield Finding("settings", State.PROBLEM, mistake.sentence, _mend(mistake))


def _mend(mistake: Mistake) -> str | None:
    if mistake.variable not in VARIABLES:
        return None  # the sentence says it
    return f"Set {mistake.variable}." if mistake.missing else f"Set {mistake.variable} anew, or remove it."


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
