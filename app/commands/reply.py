"""`reply`: answer a customer, by the digits that `watch` shows, and say what became of it."""

import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import Any

import aiohttp

from app.commands.command import DONE, WRONG, Command, CommandError
from app.commands.credentials import credentials_of, take_server
from app.commands.output import answer, one_line
from app.commands.rest import Rest

WHOLE = 24  # digits of an id
LATEST = 200  # conversations among which the end of an id is looked for
LOST = ("failed", "canceled", "uncertain")


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("conversation", type=_id, help="its id, or the last digits of it, as watch shows them")
    parser.add_argument("text", help="what to say")
    take_server(parser, "messages:write and conversations:read")


def _id(given: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{4,24}", given):
        raise ArgumentTypeError(f"{given!r} is no conversation's id, nor the last 4 to 24 digits of one.")
    return given.lower()


async def _reply(args: Namespace) -> int:
    async with aiohttp.ClientSession() as http:
        rest = Rest(http, args.url, credentials_of(args, http))
        body = {"conversation_id": await _whole(rest, args.conversation), "role": "operator", "content": args.text}
        message = await rest.ask("POST", "/messages?wait=1", body)
    delivery = message.get("delivery") or {}
    state = str(delivery.get("state", "stored"))
    told = {"message_id": message["id"], "conversation_id": message["conversation_id"], "state": state}
    answer({**told, "reason": delivery.get("reason")}, _sentence(state, delivery), as_json=args.json)
    return WRONG if state in LOST else DONE


async def _whole(rest: Rest, named: str) -> str:
    """Return the id of the conversation that ends like this. Raises CommandError for none, or several."""
    if len(named) == WHOLE:
        return named
    latest: list[dict[str, Any]] = await rest.ask("GET", f"/conversations?limit={LATEST}")
    found = [str(each["id"]) for each in latest if each["id"].endswith(named)]
    if not found:
        raise CommandError(f"None of the latest {LATEST} conversations ends with {named}; its whole id always works.")
    if len(found) > 1:
        raise CommandError(f"Several conversations end with {named}; write more of it: {', '.join(found)}.")
    return found[0]


def _sentence(state: str, delivery: dict[str, Any]) -> str:
    why = one_line(str(delivery.get("reason") or "the platform gave no reason"))
    match state:
        case "queued":
            return "It is stored, and still on its way; watch shows what becomes of it."
        case "uncertain":
            return f"It may have reached the customer, and nobody can know: {why}"
        case "failed" | "canceled":
            return f"It is stored, and was not sent ({state}): {why}"
    return f"It is {state}."


REPLY = Command("reply", "answer a customer, and say what became of it", _arguments, _reply)
