"""Arguments that several commands take, checked as the API checks them, and secrets, which are no arguments."""

import getpass
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter, ValidationError

from app.commands.command import CommandError
from app.models.fields import Email, Id, Name


def checked(kind: Any, sentence: str) -> Callable[[str], Any]:
    """Make an argument's type of a field's, so that a command takes what the API takes."""
    adapter = TypeAdapter(kind)

    def check(given: str) -> Any:
        try:
            return adapter.validate_python(given)
        except ValidationError:
            raise ArgumentTypeError(f"{given!r} {sentence}") from None

    return check


COMPANY = checked(Id, "is no company's id; those are 24 hex digits.")
NAME = checked(Name, "is no name; those have 1 to 200 characters, no control characters.")
EMAIL = checked(Email, "is no e-mail address.")


def no_arguments(parser: ArgumentParser) -> None:
    """Take none."""


def take_password(parser: ArgumentParser) -> None:
    """Let a script pass the password."""
    parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")


def password(*, from_stdin: bool) -> str:
    """Take a new password from where no list of processes and no shell history shows it."""
    if from_stdin:
        return line_of_stdin()
    if not sys.stdin.isatty():
        raise CommandError("Pass the password on standard input, with --password-stdin.")
    typed = getpass.getpass("Password: ")
    if typed != getpass.getpass("Once more: "):
        raise CommandError("The two passwords are not the same.")
    return typed


def line_of_stdin() -> str:
    """Return the first line of standard input, without its end."""
    return sys.stdin.readline().rstrip("\r\n")
