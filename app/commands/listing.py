"""`list-companies`, `list-users`, `list-keys`: the ids that other commands ask for, and no secret."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from app.commands.arguments import COMPANY, no_arguments
from app.commands.command import DONE, Command
from app.commands.output import answer, one_line
from app.commands.surroundings import hub_here
from app.models.people import ApiKey, User

Row = dict[str, Any]


async def _list_companies(args: Namespace) -> int:
    async with hub_here() as hub:
        companies = await hub.store.companies.all()
    rows = [{"company_id": each.id, "name": each.name, "created_at": each.created_at} for each in companies]
    return _answer("companies", rows, args)


def _company_argument(parser: ArgumentParser) -> None:
    parser.add_argument("--company", type=COMPANY, help="the company's id; without it, those of all companies")


async def _list_users(args: Namespace) -> int:
    async with hub_here() as hub:
        store = hub.store.users
        users = await (store.of_company(args.company) if args.company else store.of_all())
    return _answer("users", [_of_user(user) for user in users], args)


def _of_user(user: User) -> Row:
    return {
        "company_id": user.company_id,
        "user_id": user.id,
        "email": user.email,
        "name": user.name,
        "role": user.role,
        "active": user.active,
    }


async def _list_keys(args: Namespace) -> int:
    async with hub_here() as hub:
        store = hub.store.api_keys
        keys = await (store.of_company(args.company) if args.company else store.of_all())
    return _answer("keys", [_of_key(key) for key in keys], args)


def _of_key(key: ApiKey) -> Row:
    return {
        "company_id": key.company_id,
        "key_id": key.id,
        "prefix": key.prefix,
        "name": key.name,
        "kind": key.kind,
        "scopes": key.scopes,
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }


def _answer(things: str, rows: Sequence[Row], args: Namespace) -> int:
    answer({things: rows}, _table(rows) if rows else f"There are no {things}.", as_json=args.json)
    return DONE


def _table(rows: Sequence[Row]) -> str:
    """Set the rows under their names, each column as wide as its widest."""
    lines = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _cell(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        case tuple():
            return ",".join(value)
    return one_line(str(value))


LIST_COMPANIES = Command("list-companies", "show all companies", no_arguments, _list_companies)
LIST_USERS = Command("list-users", "show the staff, those who were let go too", _company_argument, _list_users)
LIST_KEYS = Command("list-keys", "show the API keys, as far as they are stored", _company_argument, _list_keys)
