"""`watch`: a live tail of a company's feed, over the socket that dashboards use."""

import asyncio
import sys
from argparse import ArgumentParser, Namespace
from typing import NoReturn

import aiohttp

from app.commands.command import Command, CommandError
from app.commands.credentials import credentials_of, take_server
from app.commands.feed_lines import Body, contact_of, feed_line
from app.commands.output import painter
from app.commands.rest import Rest
from app.commands.subscription import Subscription
from app.models.wire import to_json

MOST_NAMES = 10_000


def _arguments(parser: ArgumentParser) -> None:
    take_server(parser, "feed:read, and contacts:read for customers' names")


async def _watch(args: Namespace) -> NoReturn:
    heard: asyncio.Queue[Body] = asyncio.Queue()
    async with aiohttp.ClientSession() as http:
        who = credentials_of(args, http)
        following = asyncio.create_task(Subscription(http, args.url, who, heard.put_nowait).follow(), name="follow")
        showing = asyncio.create_task(
            _show(heard, Names(Rest(http, args.url, who, patient=0)), as_json=args.json), name="show"
        )
        try:
            ended, _ = await asyncio.wait((following, showing), return_when=asyncio.FIRST_COMPLETED)
            raise next(iter(ended)).exception() or AssertionError("neither ends by itself")
        finally:
            following.cancel()
            showing.cancel()


async def _show(heard: "asyncio.Queue[Body]", names: "Names", *, as_json: bool) -> NoReturn:
    paint = painter(sys.stdout)
    while True:
        event = await heard.get()
        line = to_json(event).decode() if as_json else feed_line(event, paint, await names.of(event))
        print(line, flush=True)


class Names:
    """Customers' names: events carry ids alone, so each is asked for once, and read off where one is told."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._known: dict[str, str] = {}

    async def of(self, event: Body) -> str:
        """Return the name of the event's customer; an empty one where it is not to be had."""
        if told := event.get("contact"):
            self._keep(told)
        id = contact_of(event)
        if id and id not in self._known:
            await self._ask(id)
        return self._known.get(id, "")

    async def _ask(self, id: str) -> None:
        try:
            self._keep(await self._rest.ask("GET", f"/contacts/{id}"))
        except CommandError:  # a key without contacts:read, most likely; the feed goes on without the name
            self._keep({"id": id})

    def _keep(self, contact: Body) -> None:
        if len(self._known) >= MOST_NAMES:
            self._known.clear()
        self._known[str(contact["id"])] = str(contact.get("name") or "")


WATCH = Command("watch", "show a company's live feed", _arguments, _watch)
