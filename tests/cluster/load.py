"""Bots that write and dashboards that listen, at several servers of one company, through whatever happens to them."""

import asyncio
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.follower import Follower
from tests.waiting import until

PAUSE = 0.02  # seconds before a bot tries again what was not acknowledged
AWAY = (aiohttp.ClientError, TimeoutError, OSError)


@dataclass
class Load:
    """Bots post without a pause, each at the doors in turn, and repeat with the same key what was not acknowledged.

    `acknowledged` is each message's id and seq by its key, `moments` when each was; `slowest` the longest that an
    answer took; `failed` what was answered beside a 2xx.
    """

    http: aiohttp.ClientSession
    doors: list[str]
    key: str
    contact_id: str
    acknowledged: dict[str, tuple[str, int]] = field(default_factory=dict)
    moments: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    slowest: float = 0.0
    listeners: list["Dashboard"] = field(default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self, writers: int, *, pause: float = 0.0) -> None:
        """Let so many bots write, each with so many seconds between two messages."""
        self._tasks += [asyncio.create_task(self._write(number, pause)) for number in range(writers)]

    async def listen(self, base: str | None = None) -> "Dashboard":
        """Add a dashboard that comes back by itself, at the given door or at any."""
        dashboard = Dashboard(self.doors, Follower(base or self.doors[0], {"api_key": self.key}, self.http), base)
        self.listeners.append(dashboard)
        self._tasks.append(asyncio.create_task(dashboard.stay()))
        await until(lambda: dashboard.follower.cursor is not None, within=20)
        return dashboard

    async def _write(self, writer: int, pause: float) -> None:
        number = 0
        while True:
            number += 1
            await self.post(f"{writer}-{number}", writer + number)
            await asyncio.sleep(pause)

    async def post(self, key: str, turn: int = 0) -> None:
        """Post one message until it is acknowledged."""
        body = {"contact_id": self.contact_id, "role": "user", "platform": "web", "direction": "inbound"}
        body |= {"content": key, "client_message_id": key}
        while key not in self.acknowledged:
            door = self.doors[turn % len(self.doors)]
            began = time.monotonic()
            with suppress(*AWAY):
                await self._try(door, key, body)
            self.slowest = max(self.slowest, time.monotonic() - began)
            turn += 1
            if key not in self.acknowledged:
                await asyncio.sleep(PAUSE)

    async def _try(self, door: str, key: str, body: dict[str, Any]) -> None:
        patience = aiohttp.ClientTimeout(total=20)
        try:
            async with self.http.post(
                f"{door}/api/v1/messages", json=body, headers={"X-API-Key": self.key}, timeout=patience
            ) as response:
                answer = await response.json()
                if response.status in (200, 201):
                    self.acknowledged[key] = answer["data"]["id"], answer["data"]["seq"]
                    self.moments.append(time.monotonic())
                else:
                    assert response.status >= 500, answer
                    self.failed.append(f"{response.status} {answer['error']['code']}")
        except AWAY as error:
            self.failed.append(type(error).__name__)
            raise

    async def more(self, count: int, within: float = 30.0) -> None:
        """Wait until so many more messages are acknowledged."""
        enough = len(self.acknowledged) + count
        await until(lambda: len(self.acknowledged) >= enough, within)

    async def stop(self) -> None:
        """Let nobody write any more; listeners stay."""
        writers = [task for task in self._tasks if task.get_coro().__name__ == "_write"]  # type: ignore[union-attr]
        for task in writers:
            task.cancel()
        await asyncio.gather(*writers, return_exceptions=True)

    async def end(self) -> None:
        """Let everybody go."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def events(self, since: int = 0) -> list[dict[str, Any]]:
        """Return the log, as the first door that answers tells it."""
        told: list[dict[str, Any]] = []
        page = {**await self._page(), "next": since, "more": True}
        while page["more"]:
            page = await self._page(epoch=page["epoch"], since=page["next"])
            told += page["events"]
        return told

    async def _page(self, **cursor: str | int) -> dict[str, Any]:
        while True:
            door = random.choice(self.doors)
            with suppress(*AWAY):
                async with self.http.get(
                    f"{door}/api/v1/changes", params=cursor, headers={"X-API-Key": self.key}
                ) as response:
                    if response.status == 200:
                        page: dict[str, Any] = (await response.json())["data"]
                        return page
            await asyncio.sleep(PAUSE)

    async def prove(self, within: float = 30.0) -> None:
        """See that nothing acknowledged is lost, no seq is missing or spent twice, and every listener heard it all."""
        log = await self.events()
        assert [event["seq"] for event in log] == list(range(1, len(log) + 1))
        stored = {event["message"]["id"]: event["seq"] for event in log if event["type"] == "message:new"}
        assert len(stored) == sum(event["type"] == "message:new" for event in log)
        assert not {id: seq for id, seq in self.acknowledged.values() if stored.get(id) != seq}
        texts = [event["message"]["content"] for event in log if event["type"] == "message:new"]
        assert len(texts) == len(set(texts)), "a message was stored twice"
        for each in self.listeners:
            await until(lambda follower=each.follower: (follower.cursor or 0) >= log[-1]["seq"], within)
            assert each.follower.gaps == 0
            assert each.follower.dropped == 0
            assert not each.follower.resyncs
            assert [event for event in each.follower.applied if event["seq"] <= len(log)] == [
                {**event, "prev": event["seq"] - 1} for event in log if event["seq"] > each.since
            ]


@dataclass
class Dashboard:
    """A listener that comes back wherever it is let in, from where it left off. `since` is where it began."""

    doors: list[str]
    follower: Follower
    base: str | None = None
    since: int = 0
    connects: int = 0

    async def stay(self) -> None:
        """Be connected for as long as one can be."""
        while True:
            base = self.base or random.choice(self.doors)
            with suppress(*AWAY, AssertionError):
                ready = await self.follower.connect(base)
                self.since = self.since if self.connects else ready["head"]
                self.connects += 1
                await self.follower.gone()
            await asyncio.sleep(random.uniform(PAUSE, 5 * PAUSE))
