"""The one clock: the database's, so that every process means the same by "now", whatever its machine's clock says.

Between two readings time goes on by the monotonic clock, which nobody can set. A machine whose clock is wrong, or is
put right while we run, therefore makes nothing late, early or over.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from loguru import logger
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from app.outside.kept import cancelled_for_good, keep_running

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EVERY = 1.0  # seconds between two readings: for so long a laptop that slept takes the time for earlier than it is
AT_FIRST = 3  # readings before anything relies on it: the quickest of them is the most exact
WORTH_SAYING = 1000.0  # milliseconds by which the time was found to be another


class Clock:
    """The database's time, to half of a reading's round trip (Cristian's algorithm)."""

    def __init__(self, client: AsyncMongoClient[dict[str, Any]]) -> None:
        self._admin = client.admin
        self._ahead: float | None = None  # milliseconds by which the database's time is ahead of the monotonic clock
        self._reading: set[asyncio.Task[None]] = set()

    def now(self) -> datetime:
        """Return the time, to the millisecond, as the database keeps it."""
        assert self._ahead is not None  # entered before anything is built on it
        return EPOCH + timedelta(milliseconds=int(time.monotonic() * 1000 + self._ahead))

    async def __aenter__(self) -> Self:
        """Read the time, and keep on reading it. Raises PyMongoError where the database is away."""
        for _ in range(AT_FIRST):
            await self.read()
        keep_running(self._reading, "clock", self._read_on)
        return self

    async def __aexit__(self, *_: object) -> None:
        await cancelled_for_good(self._reading)

    async def read(self) -> None:
        """Ask the database for its time."""
        asked = time.monotonic() * 1000
        answer = await self._admin.command("hello")
        answered = time.monotonic() * 1000
        told = (answer["localTime"].replace(tzinfo=UTC) - EPOCH) / timedelta(milliseconds=1)
        self.told(told + 0.5, asked, answered)  # whole milliseconds: half of one is missing on average

    def told(self, said: float, asked: float, answered: float) -> None:
        """Take an answer's time, all in milliseconds: it was true at some moment between question and answer.

        What we have is kept as long as that agrees: a slow answer does not spoil what a quick one told.
        """
        ahead, doubt = said - (asked + answered) / 2, (answered - asked) / 2 + 0.5
        before = self._ahead
        if before is not None and abs(ahead - before) <= doubt:
            return
        self._ahead = ahead
        if before is not None and abs(ahead - before) > WORTH_SAYING:
            logger.bind(seconds=round((ahead - before) / 1000, 1)).warning("the database's time is another: it is ours")

    async def _read_on(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.read()
            except PyMongoError:
                continue  # others say that it is away
