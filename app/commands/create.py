"""`create-company`, `create-user`, `create-key`, `new-epoch`: what only an operator may do."""

import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace

from app.actions.enrol import enrol_key, enrol_user
from app.actions.found_company import found_company
from app.actions.new_epoch import new_epoch
from app.commands.arguments import COMPANY, EMAIL, NAME, password, take_password
from app.commands.command import DONE, Command, CommandError
from app.commands.output import answer, command_line
from app.commands.surroundings import hub_here
from app.models.people import KeyKind, Role, Scope

BETWEEN_SCOPES = re.compile(r"[,\s]+")


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
    owner = ("--email", "you@example.com", "--role", "owner")
    following = command_line("create-user", "--company", company.id, *owner)
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
    take_password(parser)


async def _create_user(args: Namespace) -> int:
    given = password(from_stdin=args.password_stdin)
    async with hub_here() as hub:
        user = await enrol_user(
            hub, args.company, email=args.email, role=Role(args.role), password=given, name=args.name or ""
        )
    answer({"user_id": user.id}, f"{user.email} may sign in now; this is user {user.id}.", as_json=args.json)
    return DONE


def _key_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--company", type=COMPANY, required=True, help="the company's id")
    parser.add_argument("--name", type=NAME, required=True, help="what holds the key")
    parser.add_argument(
        "--kind", choices=[each.value for each in KeyKind], required=True, help="a bot, or a service of your own"
    )
    some = f"some of {', '.join(Scope)}; feed:read reads every event, texts and contacts too, whatever the others are"
    parser.add_argument("--scopes", type=_scopes, nargs="+", required=True, help=some)


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


CREATE_COMPANY = Command("create-company", "create a company", _company_arguments, _create_company)
CREATE_USER = Command("create-user", "let a member of staff in", _user_arguments, _create_user)
CREATE_KEY = Command("create-key", "make an API key, shown once", _key_arguments, _create_key)
NEW_EPOCH = Command("new-epoch", "after a restore: have clients load anew", _epoch_arguments, _new_epoch)
