"""Where log lines go: one JSON object a line in production, readable ones elsewhere, and never a secret or a text."""

import logging
import re
import sys
import traceback
from datetime import UTC
from enum import Enum
from typing import TYPE_CHECKING, Any

import orjson
from loguru import logger

from app.outside.trace import traced_facts
from app.settings import Settings

if TYPE_CHECKING:
    from loguru import Message, Record

# What customers wrote is as private as a password.
PRIVATE = re.compile(
    r"(?:^|_)(?:password|secret|token|api_key|authorization|cookie|credentials|content|text|body)s?$", re.IGNORECASE
)
HIDDEN = "********"
# The fields are filled in, as the message is: nothing in them is taken for a brace or a colour of this template.
READABLE = "<green>{time:HH:mm:ss.SSS}</green> <level>{level: <7} {message}</level> {extra}"
# Below WARNING these write whole packets, commands or addresses, with the tokens and texts in them.
TALKATIVE = ("aiohttp.access", "engineio", "pymongo", "socketio")


def set_up_logging(settings: Settings) -> None:
    """Send all logs, the standard library's too, to stderr; stdout belongs to a command's answer."""
    logger.remove()
    logger.configure(patcher=complete)
    sink: Any = _write_json if settings.is_production else sys.stderr
    # `diagnose` would print the values of variables beside a traceback, and those are tokens and texts.
    logger.add(sink, level=settings.log_level, format=READABLE, diagnose=False, backtrace=False)
    logging.basicConfig(handlers=[_ToLoguru()], level=settings.log_level, force=True)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(settings.log_level)))


class _Fields(dict[str, Any]):
    """What a line says beside its event, as people read it."""

    def __format__(self, _: str) -> str:
        return " ".join(f"{name}={value!r}" for name, value in self.items())


class _ToLoguru(logging.Handler):
    """Passes what libraries log by the standard library on, under the name of their logger."""

    def emit(self, record: logging.LogRecord) -> None:
        def as_theirs(ours: "Record") -> None:
            ours["name"], ours["function"], ours["line"] = record.name, record.funcName, record.lineno

        known = record.levelname in logging.getLevelNamesMapping()
        level = record.levelname if known else record.levelno
        logger.patch(as_theirs).opt(exception=record.exc_info).log(level, record.getMessage())


def complete(record: "Record") -> None:
    """Say of each line what it belongs to, and hide what is private in the rest."""
    record["extra"] = _Fields(traced_facts() | _plain(record["extra"]))


def _plain(value: Any, key: str = "") -> Any:
    """Return a value without what is private, and each member of an enum as what it stands for."""
    if value is not None and PRIVATE.search(key):
        return HIDDEN
    if isinstance(value, dict):
        return {name: _plain(inner, str(name)) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value.value if isinstance(value, Enum) else value


def _write_json(message: "Message") -> None:
    sys.stderr.write(json_line(message.record) + "\n")


def json_line(record: "Record") -> str:
    """Return a record as one JSON object."""
    line = record["extra"] | {
        "at": record["time"].astimezone(UTC).isoformat(),
        "level": record["level"].name,
        "event": record["message"],
        "logger": record["name"],
        "pid": record["process"].id,
    }
    if error := record["exception"]:
        line["error"] = "".join(traceback.format_exception_only(error.type, error.value)).strip()
        line["trace"] = "".join(traceback.format_exception(error.type, error.value, error.traceback))
    return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
