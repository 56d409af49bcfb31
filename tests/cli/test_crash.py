"""A server that is killed in the middle of its work: what it acknowledged is there, and nobody misses anything."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from app.commands.credentials import KeyCredentials
from app.commands.subscription import Subscription
from app.outside.mongod import temporary_mongo
from app.outside.mongod_process import free_port
from tests.cli.processes import Server, serving
from tests.waiting import until

WRITERS = 16
ENOUGH = 300  # acknowledged messages before the kill, and again after the restart


@dataclass
class Load:
    """Bots that post without a pause, each repeating what was not acknowledged with the same key."""

    http: aiohttp.ClientSession
    server: Server
    acknowledged: dict[str, tuple[str, int]] = field(default_factory=dict)

    async def write(self, writer: int) -> None:
        """Post one message after the other, for ever."""
        number = 0
        while True:
            number += 1
            await self._post(f"{writer}-{number}")

    async def _post(self, key: str) -> None:
        url, headers = f"{self.server.url}/api/v1/messages", {"X-API-Key": self.server.key}
        while key not in self.acknowledged:
            with suppress(aiohttp.ClientError, TimeoutError):
                body = self.server.message(key, client_message_id=key)
                async with self.http.post(url, json=body, headers=headers) as response:
                    if response.status in (200, 201):
                        data = (await response.json())["data"]
                        self.acknowledged[key] = data["id"], data["seq"]
            if key not in self.acknowledged:
                await asyncio.sleep(0.05)  # as a bot waits before it tries again


@pytest.mark.parametrize("given", ["embedded", "MONGODB_URI"])
async def test_nothing_acknowledged_is_missing_after_a_kill(given: str, tmp_path: Path) -> None:
    async with database(given) as variables, aiohttp.ClientSession() as http:
        port = {"PORT": str(free_port(None)), "LOG_LEVEL": "WARNING"}
        async with serving(tmp_path, **variables, **port) as server, loaded(http, server) as (load, heard):
            await until(lambda: len(load.acknowledged) >= ENOUGH, within=20)
            assert await server.end(signal.SIGKILL) == -signal.SIGKILL
            before = len(load.acknowledged)
            async with serving(tmp_path, **variables, **port) as again:
                again.said["demo"] = server.said["demo"]
                await until(lambda: len(load.acknowledged) >= before + ENOUGH, within=20)
                load.stop()
                head = await missing_nothing(http, again, load)
                await until(lambda: heard[-1]["seq"] == head, within=10)
    listened = [event["seq"] for event in heard]
    assert listened == list(range(listened[0], head + 1)), "the listener heard all of it, once, in order"


async def missing_nothing(http: aiohttp.ClientSession, server: Server, load: Load) -> int:
    """Compare what was acknowledged with the log and with the messages; return the log's head."""
    log, head = await changes(http, server)
    assert [event["seq"] for event in log] == list(range(1, head + 1)), "the log has no gap"
    announced = {m["client_message_id"]: (m["id"], m["seq"]) for m in map(message_of, log) if m["client_message_id"]}
    stored = {m["client_message_id"]: (m["id"], m["seq"]) for m in await messages(http, server)}
    for key, known in load.acknowledged.items():
        assert announced[key] == stored[key] == known
    assert len(announced) == sum(bool(message_of(event)["client_message_id"]) for event in log), "nothing is twice"
    return head


@asynccontextmanager
async def database(given: str) -> AsyncIterator[dict[str, str]]:
    """Give what a server is told: nothing, or a MongoDB that does not die with it."""
    if given == "embedded":
        yield {}
        return
    async with temporary_mongo() as uri:
        yield {"MONGODB_URI": uri}


@asynccontextmanager
async def loaded(http: aiohttp.ClientSession, server: Server) -> AsyncIterator[tuple[Any, list[dict[str, Any]]]]:
    """Have bots write, and a dashboard listen, for as long as the block."""
    heard: list[dict[str, Any]] = []
    subscription = Subscription(http, server.url, KeyCredentials(server.key), heard.append)
    following = asyncio.create_task(subscription.follow())
    await until(lambda: subscription.cursor.seq is not None)
    load = Load(http, server)
    writers = [asyncio.create_task(load.write(number)) for number in range(WRITERS)]
    load.stop = lambda: [each.cancel() for each in writers]  # type: ignore[attr-defined]
    try:
        yield load, heard
    finally:
        for task in (following, *writers):
            task.cancel()
        await asyncio.wait([following, *writers])


def message_of(event: dict[str, Any]) -> dict[str, Any]:
    """Return the message of a `message:new`, and of other events one without a key."""
    nothing = {"client_message_id": None}
    return event["message"] if event["type"] == "message:new" else nothing


async def changes(http: aiohttp.ClientSession, server: Server) -> tuple[list[dict[str, Any]], int]:
    """Read the whole log over REST."""
    events: list[dict[str, Any]] = []
    page = {"head": 0, "more": True}
    while page["more"]:
        page = (await read(http, server, f"changes?since={page['head']}"))["data"]
        events += page["events"]
    return events, int(page["head"])


async def messages(http: aiohttp.ClientSession, server: Server) -> list[dict[str, Any]]:
    """Read all messages of the customer over REST."""
    found: list[dict[str, Any]] = []
    following = ""
    while following is not None:
        answer = await read(http, server, f"messages?contact_id={server.contact_id}&limit=200{following}")
        found += answer["data"]
        before = answer["page"]["next"]
        following = f"&before={before}" if before else None
    return found


async def read(http: aiohttp.ClientSession, server: Server, path: str) -> Any:
    async with http.get(f"{server.url}/api/v1/{path}", headers={"X-API-Key": server.key}) as response:
        assert response.status == 200
        return await response.json()
