"""Every feed of this process: what it commits itself, what other processes ring, and what a look at the heads shows."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

from pymongo.errors import PyMongoError

from app.errors import Unavailable
from app.journal.carried import packed, unpacked
from app.journal.change import Recorded
from app.journal.feed import Feed
from app.journal.log import Log
from app.models.entity import CompanyId
from app.outside.away import log_trouble
from app.outside.doorbell import Doorbell
from app.stores.database import Stores

POLL = 1.0  # seconds between two looks at the heads of the companies that are followed
GATHER = 0.1  # seconds: after a start many companies are attended at once, and one look is enough for them
IDLE = 60.0  # seconds after which a feed that nobody listens to, or a lane that nobody writes to, is dropped


class Feeds:
    """A feed for each company that somebody here listens to, or asked for lately."""

    def __init__(self, stores: Stores, doorbell: Doorbell) -> None:
        self.stores = stores
        self.doorbell = doorbell
        self._feeds: dict[CompanyId, Feed] = {}
        self._used: dict[CompanyId, float] = {}
        self._missed = asyncio.Event()  # something may have been rung that we could not hear
        doorbell.on("events", self._hear)
        doorbell.on_attended.append(lambda company_id: self._missed.set())
        doorbell.on_reached.append(self._missed.set)

    def publish(self, company_id: CompanyId, epoch: str, events: Sequence[Recorded]) -> None:
        """Give what was committed here to those who listen, here and in other processes."""
        feed = self._feeds.get(company_id)
        if feed is not None:
            self._offer(feed, epoch, events)
        if events and self.doorbell.seen:  # somebody is there to hear it
            self.doorbell.ring("events", packed(epoch, events), company_id)

    def _hear(self, process: str, company_id: str | None, says: bytes) -> None:
        """Hear what another process has committed: sooner than the next poll would."""
        feed = self._feeds.get(CompanyId(company_id or ""))
        if feed is not None:
            self._offer(feed, *unpacked(feed.company_id, says))

    def _offer(self, feed: Feed, epoch: str, events: Sequence[Recorded]) -> None:
        """Give events to who follows their epoch; others must hear of a new epoch first, by a look at the heads."""
        if epoch == feed.epoch:
            feed.offer(events)
        else:
            self._missed.set()

    async def follow(self, company_id: CompanyId) -> Feed:
        """Return the company's feed. Raises NotFound, Unavailable."""
        self._used[company_id] = time.monotonic()
        feed = self._feeds.get(company_id)
        return feed if feed is not None else await self._begin(company_id)

    async def _begin(self, company_id: CompanyId) -> Feed:
        log = Log(self.stores, company_id)
        stream = await log.stream()
        if company_id not in self._feeds:
            self._feeds[company_id] = Feed(stream, log)
            self.doorbell.attend(company_id)
        return self._feeds[company_id]

    async def refresh_head(self, feed: Feed) -> None:
        """Hear all that is committed: a reader may come from a process that was ahead of this one.

        Raises NotFound, and Unavailable when the log could not be read so far: a reader who is merely ahead would
        otherwise be told that they come from the future.
        """
        resets = feed.resets
        stream = await Log(self.stores, feed.company_id).stream()
        feed.poll(stream, resets)
        await feed.reached(stream.head)
        if feed.epoch == stream.epoch and feed.position < stream.head:
            raise Unavailable

    async def poll_on(self) -> None:
        """Look at the heads each second, and as soon as something may have been missed."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._missed.wait(), POLL)
                await asyncio.sleep(GATHER)
            self._missed.clear()
            try:
                await self._poll()
            except PyMongoError as error:
                log_trouble(error, "heads could not be polled")

    async def _poll(self) -> None:
        self._drop_idle()
        if self._feeds:
            asked = {company_id: (feed, feed.resets) for company_id, feed in self._feeds.items()}
            for stream in await self.stores.streams.of(asked):
                feed, resets = asked[stream.id]
                feed.poll(stream, resets)

    def _drop_idle(self) -> None:
        now = time.monotonic()
        idle: Iterable[CompanyId] = [
            key for key, feed in self._feeds.items() if not feed.listeners and now - self._used.get(key, 0) > IDLE
        ]
        for company_id in idle:
            del self._feeds[company_id]
            self._used.pop(company_id, None)
            self.doorbell.leave(company_id)
