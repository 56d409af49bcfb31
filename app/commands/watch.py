"""`watch`: a live tail of a company's feed, over the socket that dashboards use."""

import getpass
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import NoReturn

import aiohttp

from app.commands.command import Command, CommandError
from app.commands.credentials import Credentials, KeyCredentials, PersonCredentials
from app.commands.feed_lines import feed_line
from app.commands.output import painter
from app.commands.subscription import Body, Subscription
from app.models.wire import to_json
from app.settings_values import web_address


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--url", type=_url, required=True, help="where the server is, as http://127.0.0.1:4000")
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--key", help="an API key with the scope feed:read")
    who.add_argument("--email", help="the address of a member of staff")
    parser.add_argument("--password", help="that person's password; without it, it is asked for")
    parser.add_argument("--company", help="ignored: a key or a person belongs to one company")


def _url(given: str) -> str:
    try:
        return web_address(given)
    except ValueError as error:
        raise ArgumentTypeError(f"{given!r} {error}") from None


async def _watch(args: Namespace) -> NoReturn:
    paint = painter(sys.stdout)

    def show(event: Body) -> None:
        print(to_json(event).decode() if args.json else feed_line(event, paint), flush=True)

    async with aiohttp.ClientSession() as http:
        await Subscription(http, args.url, _credentials(args, http), show).follow()


def _credentials(args: Namespace, http: aiohttp.ClientSession) -> Credentials:
    if args.key:
        return KeyCredentials(args.key)
    if args.password is None and not sys.stdin.isatty():
        raise CommandError("A password goes with --email: --password.")
    return PersonCredentials(http, args.url, args.email, args.password or getpass.getpass("Password: "))


WATCH = Command("watch", "show a company's live feed", _arguments, _watch)
