"""`create-company`, `create-user`, `create-key`, `new-epoch`: what only an operator may do."""

import getpass
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter, ValidationError

from app.actions.enrol import enrol_key, enrol_user
from app.actions.found_company import found_company
from app.actions.new_epoch import new_epoch
from app.commands.command import DONE, Command, CommandError
from app.commands.output import answer
from app.commands.surroundings import hub_here
from app.models.fields import Email, Id, Name
from app.models.people import KeyKind, Role, Scope

BETWEEN_SCOPES = re.compile(r"[,\s]+")


def _checked(kind: Any, sentence: str) -> Callable[[str], Any]:
    """Make an argument's type of a field's, so that a command takes what the API takes."""
    adapter = TypeAdapter(kind)

    def check(given: str) -> Any:
        try:
            return adapter.validate_python(given)
        except ValidationError:
            raise ArgumentTypeError(f"{given!r} {sentence}") from None

    return check


COMPANY = _checked(Id, "is no company's id; those are 24 hex digits.")
NAME = _checked(Name, "is no name; those have 1 to 200 characters.")
EMAIL = _checked(Email, "is no e-mail address.")


def _scopes(given: str) -> list[Scope]:
    names = [name for name in BETWEEN_SCOPES.split(given) if name]
    unknown = [name for name in names if name not in tuple(Scope)]
    if unknown:
        raise ArgumentTypeError(f"there is no scope {', '.join(unknown)}; there are {', '.join(Scope)}")
    return [Scope(name) for name in names]


def _company_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--name", type=NAME, required=True, help="what the company is called")


async def _create_company(args: Namespace) -> int:
    async with hub_here() as hub:
        company = await found_company(hub, args.name)
    following = f"python -m app create-user --company {company.id} --email you@example.com --role owner"
    sentence = f"{company.name} is company {company.id}. Its owner comes next: {following}"
    answer({"company_id": company.id}, sentence, as_json=args.json)
    return DONE


def _user_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--company", type=COMPANY, required=True, help="the company's id")
    parser.add_argument("--email", type=EMAIL, required=True, help="the address to sign in with")
    parser.add_argument(
        "--role", choices=[each.value for each in Role], required=True, help="what this person is in the company"
    )
    parser.add_argument("--name", type=NAME, help="what the others see; without it, the first part of the address")
    parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")


async def _create_user(args: Namespace) -> int:
    password = _password(from_stdin=args.password_stdin)
    async with hub_here() as hub:
        user = await enrol_user(
            hub, args.company, email=args.email, role=Role(args.role), password=password, name=args.name or ""
        )
    answer({"user_id": user.id}, f"{user.email} may sign in now; this is user {user.id}.", as_json=args.json)
    return DONE


def _password(*, from_stdin: bool) -> str:
    """Take the password from where no list of processes and no shell history shows it."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise CommandError("Pass the password on standard input, with --password-stdin.")
    password = getpass.getpass("Password: ")
    if password != getpass.getpass("Once more: "):
        raise CommandError("The two passwords are not the same.")
    return password


def _key_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--company", type=COMPANY, required=True, help="the company's id")
    parser.add_argument("--name", type=NAME, required=True, help="what holds the key")
    parser.add_argument(
        "--kind", choices=[each.value for each in KeyKind], required=True, help="a bot, or a service of your own"
    )
    parser.add_argument("--scopes", type=_scopes, nargs="+", required=True, help=f"some of {', '.join(Scope)}")


async def _create_key(args: Namespace) -> int:
    scopes = tuple(dict.fromkeys(scope for part in args.scopes for scope in part))
    if not scopes:
        raise CommandError(f"Name a scope, or more: {', '.join(Scope)}.")
    async with hub_here() as hub:
        key, secret = await enrol_key(hub, args.company, name=args.name, kind=KeyKind(args.kind), scopes=scopes)
    sentence = f"The key of {key.name}, shown this once: {secret}"
    answer({"key_id": key.id, "key": secret}, sentence, as_json=args.json)
    return DONE


def _epoch_arguments(parser: ArgumentParser) -> None:
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument("--company", type=COMPANY, help="the company whose log was restored")
    whose.add_argument("--all", action="store_true", help="every company: the whole database was restored")


async def _new_epoch(args: Namespace) -> int:
    async with hub_here() as hub:
        streams = await new_epoch(hub, args.company)
    sentence = f"Clients of {streams} {'company' if streams == 1 else 'companies'} will load their state anew."
    answer({"streams": streams}, sentence, as_json=args.json)
    return DONE


CREATE_COMPANY = Command("create-company", "found a company", _company_arguments, _create_company)
CREATE_USER = Command("create-user", "let a member of staff sign in", _user_arguments, _create_user)
CREATE_KEY = Command("create-key", "make an API key, shown once", _key_arguments, _create_key)
NEW_EPOCH = Command("new-epoch", "after a restore: have clients load anew", _epoch_arguments, _new_epoch)
