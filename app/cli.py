"""The command line: `python -m app --help` says what it can do.

What a command answers goes to stdout, with --json as one line with one object; everything else goes to stderr.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

from loguru import logger
from pymongo.errors import PyMongoError

from app import __version__
from app.commands.command import INTERRUPTED, SETTINGS, USAGE, WRONG, Command, CommandError
from app.commands.create import CREATE_COMPANY, CREATE_KEY, CREATE_USER, NEW_EPOCH
from app.commands.demo import DEMO
from app.commands.doctor import DOCTOR
from app.commands.end import ACTIVATE_USER, DEACTIVATE_USER, END_SESSIONS, REVOKE_KEY, SET_PASSWORD
from app.commands.listing import LIST_COMPANIES, LIST_KEYS, LIST_USERS
from app.commands.output import note
from app.commands.reencrypt import REENCRYPT
from app.commands.reply import REPLY
from app.commands.serve import SERVE
from app.commands.watch import WATCH
from app.errors import Refusal
from app.outside.mongod_binary import MongodError
from app.outside.trace import Named, tracing
from app.settings_mistakes import SettingsError
from app.stores.standing import Unfit

COMMANDS = (
    *(SERVE, DEMO, WATCH, REPLY, DOCTOR),
    *(CREATE_COMPANY, CREATE_USER, CREATE_KEY),
    *(LIST_COMPANIES, LIST_USERS, LIST_KEYS),
    *(REVOKE_KEY, DEACTIVATE_USER, ACTIVATE_USER, END_SESSIONS, SET_PASSWORD),
    *(NEW_EPOCH, REENCRYPT),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 1 with a sentence on stderr, 2 for usage, 78 for settings."""
    parser = _parser()
    args = parser.parse_args(arguments)
    if args.command is None:
        parser.print_help(sys.stderr)
        return USAGE
    try:
        command: Command = args.command
        with tracing(Named(command=command.name)), asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(command.run(args))
    except SettingsError as error:
        note(str(error))
        return SETTINGS
    except (CommandError, MongodError, Refusal, Unfit, PyMongoError) as error:
        note(_sentence_of(error))
        return WRONG
    except BrokenPipeError:
        return _nobody_reads()
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m app",
        description="Parley, a customer-messaging server.",
        epilog="Every command but serve and demo also works while a server runs: they share its database.",
    )
    parser.add_argument("--version", action="version", version=f"Parley {__version__}")
    commands = parser.add_subparsers(metavar="command", title="commands")
    parser.set_defaults(command=None)
    for command in COMMANDS:
        sentence = f"{command.does[0].upper()}{command.does[1:]}."  # capitalize() would write "api key"
        _add(command, commands.add_parser(command.name, help=command.does, description=sentence))
    return parser


def _add(command: Command, parser: argparse.ArgumentParser) -> None:
    command.arguments(parser)
    parser.add_argument("--json", action="store_true", help="for scripts: one object on standard output")
    parser.set_defaults(command=command)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's loop where there is one; asyncio's own otherwise, as on Windows."""
    with suppress(ImportError):
        import uvloop

        return uvloop.new_event_loop
    return None


def _sentence_of(error: Exception) -> str:
    if isinstance(error, Refusal) and error.details:
        return " ".join(detail.message for detail in error.details)
    if isinstance(error, PyMongoError):
        logger.opt(exception=error).debug("database error")
        return f"MongoDB went away or refused ({type(error).__name__}): python -m app doctor looks into it."
    return str(error)


def _nobody_reads() -> int:
    """Leave quietly when our reader has left, as `head` does; Python would complain when it flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return WRONG
