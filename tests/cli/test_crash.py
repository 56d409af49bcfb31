"""A server that is killed in the middle of its work: what it acknowledged is there, and nobody misses anything."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from app.outside.mongod import temporary_mongo
from app.outside.mongod_process import free_port
from tests.cli.processes import Running, Server, running, serving
from tests.waiting import until

WRITERS = 16
ENOUGH = 200  # acknowledged messages before the kill, and again after the restart

Known = tuple[str, int]  # a message's id and seq


@dataclass
class Load:
    """Bots that post without a pause, each repeating what was not acknowledged with the same key."""

    http: aiohttp.ClientSession
    server: Server
    acknowledged: dict[str, Known] = field(default_factory=dict)
    writers: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        """Begin to write."""
        self.writers = [asyncio.create_task(self._write(number)) for number in range(WRITERS)]

    async def stop(self) -> None:
        """Write no more."""
        for each in self.writers:
            each.cancel()
        await asyncio.wait(self.writers)

    async def _write(self, writer: int) -> None:
        number = 0
        while True:
            number += 1
            await self._post(f"{writer}-{number}")

    async def _post(self, key: str) -> None:
        url, headers = f"{self.server.url}/api/v1/messages", {"X-API-Key": self.server.key}
        body = self.server.message(key, client_message_id=key)
        while key not in self.acknowledged:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with self.http.post(url, json=body, headers=headers) as response:
                    if response.status in (200, 201):
                        data = (await response.json())["data"]
                        self.acknowledged[key] = data["id"], data["seq"]
                        return
            await asyncio.sleep(0.05)  # as a bot waits before it tries again


@pytest.mark.parametrize("given", ["embedded", "MONGODB_URI"])
async def test_nothing_acknowledged_is_missing_after_a_kill(given: str, tmp_path: Path) -> None:
    async with database(given) as variables, aiohttp.ClientSession() as http:
        told = {**variables, "PORT": str(free_port(None)), "LOG_LEVEL": "WARNING"}
        async with serving(tmp_path, **told) as server, watched(tmp_path, server, given) as watcher:
            load = Load(http, server)
            load.start()
            await until(lambda: len(load.acknowledged) >= ENOUGH, within=20)
            assert await server.end(signal.SIGKILL) == -signal.SIGKILL
            before = len(load.acknowledged)
            async with serving(tmp_path, **told) as again:
                again.said["demo"] = server.said["demo"]
                await until(lambda: len(load.acknowledged) >= before + ENOUGH, within=20)
                await load.stop()
                head = await missing_nothing(http, again, load)
                # What the bots had asked for when they stopped may still be stored, behind the head.
                await until(lambda: seq_in(watcher.out[-1]) >= head, within=20)
    heard = [seq_in(line) for line in watcher.out]
    assert heard == list(range(heard[0], heard[-1] + 1)), "the watcher heard all of it, once, in order"


def seq_in(line: str) -> int:
    """Return the seq of an event that `watch --json` printed."""
    return int(json.loads(line)["seq"])


@asynccontextmanager
async def database(given: str) -> AsyncIterator[dict[str, str]]:
    """Give what a server is told: nothing, or a MongoDB that does not die with it."""
    if given == "embedded":
        yield {}
        return
    async with temporary_mongo() as uri:
        yield {"MONGODB_URI": uri}


@asynccontextmanager
async def watched(folder: Path, server: Server, given: str) -> AsyncIterator[Running]:
    """Watch as a bot, or as a person, for as long as the block."""
    owner = server.said["demo"]["logins"][0]
    person = ("--email", owner["email"], "--password", owner["password"])
    who = person if given == "MONGODB_URI" else ("--key", server.key)
    async with running(folder, "watch", "--url", server.url, *who, "--json") as watcher:
        await watcher.says("listening from seq")
        yield watcher
        assert await watcher.end(signal.SIGINT) == 130


async def missing_nothing(http: aiohttp.ClientSession, server: Server, load: Load) -> int:
    """Compare what was acknowledged with the log and with the messages; return the log's head."""
    log, head = await changes(http, server)
    assert [event["seq"] for event in log] == list(range(1, head + 1)), "the log has no gap"
    posted = [event["message"] for event in log if event["type"] == "message:new"]
    for found in (known(posted), known(await messages(http, server))):
        assert load.acknowledged.items() <= found.items()
    return head


def known(messages: list[dict[str, Any]]) -> dict[str, Known]:
    """Return the posted ones by their keys, and see that none is there twice."""
    keyed = [each for each in messages if each["client_message_id"]]
    found = {each["client_message_id"]: (each["id"], each["seq"]) for each in keyed}
    assert len(found) == len(keyed)
    return found


async def changes(http: aiohttp.ClientSession, server: Server) -> tuple[list[dict[str, Any]], int]:
    """Read the whole log over REST."""
    events: list[dict[str, Any]] = []
    page = {**(await read(http, server, "changes"))["data"], "next": 0, "more": True}
    while page["more"]:
        page = (await read(http, server, f"changes?epoch={page['epoch']}&since={page['next']}"))["data"]
        events += page["events"]
    return events, int(page["next"])


async def messages(http: aiohttp.ClientSession, server: Server) -> list[dict[str, Any]]:
    """Read all messages of the customer over REST."""
    path = f"messages?contact_id={server.contact_id}&limit=200"
    answer = await read(http, server, path)
    found = list(answer["data"])
    while following := answer["page"]["next"]:
        answer = await read(http, server, f"{path}&before={following}")
        found += answer["data"]
    return found


async def read(http: aiohttp.ClientSession, server: Server, path: str) -> Any:
    async with http.get(f"{server.url}/api/v1/{path}", headers={"X-API-Key": server.key}) as response:
        assert response.status == 200
        return await response.json()
