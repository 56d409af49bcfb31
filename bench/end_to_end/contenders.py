"""The two servers that do the whole job, each started with a company, contacts and a database of its own."""

import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
from pymongo import AsyncMongoClient

from bench.load import STAMP, Door
from bench.peers import express
from bench.process import BenchError, Running, free_port, pinned, wait_until_ready

REPOSITORY = Path(__file__).parent.parent.parent
BODY_CHARACTERS = 100


@dataclass(frozen=True)
class Contender:
    """A server ready to be measured, and the messages to post to it."""

    name: str
    running: Running
    door: Door
    bodies: list[dict[str, object]]
    uri: str


@contextlib.asynccontextmanager
async def parley_contender(
    mongodb_uri: str, core: int, contacts: int, *, name: str = "parley", code: Path = REPOSITORY, **more: str
) -> AsyncIterator[Contender]:
    """Our server, as an operator starts it, with `more` settings; listeners show the same key as the posts.

    `code` is the checkout that it runs from: this one, or another commit's.
    """
    async with database(mongodb_uri, name) as uri:
        with tempfile.TemporaryDirectory() as data:
            port = free_port()
            settings = {
                "PORT": str(port), "MONGODB_URI": uri, "ENVIRONMENT": "development", "DATA_DIR": data,
                "RATE_LIMITS": "off", "LOG_LEVEL": "WARNING", **more,
            }  # fmt: skip
            key = await make_key(core, settings, code)
            door = Door(port, "/company", auth={"api_key": key}, headers={"X-API-Key": key})
            command = [sys.executable, "-m", "app", "serve"]
            async with pinned(name, command, core, settings, code) as running:
                await wait_until_ready(running, f"http://127.0.0.1:{port}/health/ready")
                yield Contender(name, running, door, await bodies(door, contacts), uri)


@contextlib.asynccontextmanager
async def express_contender(mongodb_uri: str, core: int, contacts: int) -> AsyncIterator[Contender]:
    """The Node peer of bench/peers/express."""
    async with database(mongodb_uri, "express") as uri, express(uri, core) as peer:
        yield Contender("express", peer.running, peer.door, await bodies(peer.door, contacts), uri)


async def make_key(core: int, settings: dict[str, str], code: Path = REPOSITORY) -> str:
    """A company of our server and a key for it, made with the command line."""
    company = await run_cli(core, settings, code, "create-company", "--name", "Bench")
    words = ["--company", company["company_id"], "--name", "bench", "--kind", "bot", "--scopes", "*"]
    return (await run_cli(core, settings, code, "create-key", *words))["key"]


async def run_cli(core: int, settings: dict[str, str], code: Path, *words: str) -> dict[str, str]:
    """The object that one command of ours prints."""
    command = [sys.executable, "-m", "app", *words, "--json"]
    async with pinned(f"app {words[0]}", command, core, settings, code) as cli:
        answer: dict[str, str] = await cli.answer(seconds=30)
        await cli.process.wait()
        return answer


async def bodies(door: Door, contacts: int) -> list[dict[str, object]]:
    """An inbound message for each of so many new contacts; its text holds the moment of sending."""
    async with aiohttp.ClientSession(headers=dict(door.headers)) as http:
        ids = [await make_contact(http, door, f"Customer {number}") for number in range(contacts)]
    text = STAMP.ljust(BODY_CHARACTERS, "x")
    message = {"role": "user", "platform": "web", "direction": "inbound", "content": text}
    return [{"contact_id": contact, **message} for contact in ids]


async def make_contact(http: aiohttp.ClientSession, door: Door, name: str) -> str:
    """The id of a new contact."""
    async with http.post(f"http://{door.host}:{door.port}/api/v1/contacts", json={"name": name}) as response:
        if response.status != 201:
            raise BenchError(f"a contact could not be made: {response.status} {await response.text()}")
        contact: str = (await response.json())["data"]["id"]
        return contact


@contextlib.asynccontextmanager
async def database(mongodb_uri: str, name: str) -> AsyncIterator[str]:
    """The URI of a database nobody else uses; it is dropped when the block ends."""
    parts = urlsplit(mongodb_uri)
    chosen = f"bench_{name}_{uuid4().hex[:8]}"
    try:
        yield parts._replace(path=f"/{chosen}").geturl()
    finally:
        async with AsyncMongoClient[dict[str, object]](mongodb_uri) as client:
            await client.drop_database(chosen)
