"""The journal: changes in, one ordered log of each company out."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TypeVar

from loguru import logger

from app.errors import Busy, Draining
from app.journal.change import Change, Committed
from app.journal.feed import Feed
from app.journal.feeds import IDLE, Feeds
from app.journal.lane import Lane, Pending
from app.journal.ledger import Ledger
from app.journal.sharing import Sharing
from app.journal.writers import Writer
from app.journal.writing import Probe, Writing
from app.models.entity import CompanyId, Entity, Ref
from app.models.outbox import LaneStep
from app.outside.doorbell import Doorbell
from app.outside.kept import cancelled_for_good, keep_running
from app.stores.database import Stores

E = TypeVar("E", bound=Entity)

IN_FLIGHT = 8  # transactions of this process at a time
MOST_WAITING = 2000  # changes in one lane
DEADLINE = 5.0  # seconds that a caller waits for its outcome
EXPIRE = 0.25  # seconds between two looks for callers whose time is up


def nothing(point: str) -> None:
    """Do nothing at a point where tests may stop the world."""


class Journal:
    """The only way to write what a company's log speaks of."""

    def __init__(
        self, stores: Stores, now: Callable[[], datetime], probe: Probe = nothing, doorbell: Doorbell | None = None
    ) -> None:
        self.stores = stores
        self.now = now
        self.probe = probe
        self.feeds = Feeds(stores, doorbell or Doorbell(None, "", ""))
        self.draining = False
        self.on_moves: list[Callable[[LaneStep], None]] = []  # who sends wants to know what has become due
        self._lanes: dict[CompanyId, Lane] = {}
        self._ready: asyncio.Queue[Lane] = asyncio.Queue()
        self._writer: Writer | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Register this process as a writer and begin to serve."""
        self._writer = writer = Writer(self.stores, IN_FLIGHT)
        await writer.register()
        for number in range(IN_FLIGHT):
            keep_running(self._tasks, f"journal-{number}", partial(self._serve, number))
        keep_running(self._tasks, "journal-poll", self.feeds.poll_on)
        keep_running(self._tasks, "journal-deadlines", self._expire_on)

    async def close(self, patience: float = 5.0) -> None:
        """Take nothing new, finish what waits, leave."""
        self.draining = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ready.join(), patience)
        await cancelled_for_good(set(self._tasks))
        for lane in self._lanes.values():
            while lane.waiting:  # they were not begun, so they did not happen
                lane.waiting.popleft().answer(Draining())
        if self._writer:
            await self._writer.leave()

    async def commit(self, change: Change) -> Committed:
        """Make one change happen, once, and return after it is safe: majority, journaled.

        Raises the refusal that `decide` raised; Busy when the lane is full; OutcomeUnknown after 5 s in doubt (safe to
        retry with the same key).
        """
        if self.draining:
            raise Draining
        lane = self._lane(change.company_id)
        if len(lane.waiting) >= MOST_WAITING:
            raise Busy
        loop = asyncio.get_running_loop()
        pending = Pending(change, loop.create_future(), loop.time() + DEADLINE)
        lane.waiting.append(pending)
        self._line_up(lane)
        return await pending.done

    async def _expire_on(self) -> None:
        """Keep the callers' deadlines: one sweep for all of them, no timer a change."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(EXPIRE)
            for lane in tuple(self._lanes.values()):
                if lane.served:
                    lane.expire(loop.time())
            self._drop_idle_lanes()

    def recall(self, company_id: CompanyId, ref: Ref[E]) -> tuple[bool, E | None]:
        """Return whether this process remembers a thing, and what it was; a hint, never the truth."""
        lane = self._lanes.get(company_id)
        known = lane.writing.memory.known if lane else {}
        return (True, known[ref]) if ref in known else (False, None)  # type: ignore[return-value]  # a Ref[E] names an E

    def _lane(self, company_id: CompanyId) -> Lane:
        lane = self._lanes.get(company_id)
        if lane is None:
            writing = Writing(company_id, self.stores, self.now, self._report)
            sharing = Sharing(lambda: self.stores.streams.get(company_id))
            lane = self._lanes[company_id] = Lane(writing, sharing, lambda ledger: self._publish(company_id, ledger))
        return lane

    def _line_up(self, lane: Lane) -> None:
        if not lane.served:
            lane.served = True
            self._ready.put_nowait(lane)

    async def _serve(self, number: int) -> None:
        """Commit for one lane after the other; one that has more to say goes to the end of the line."""
        assert self._writer is not None
        session, free_dead = self._writer.sessions[number], self._writer.free_dead
        while True:
            lane = await self._ready.get()
            try:
                await lane.serve(session, free_dead, self.probe)
                lane.serving_ended = True
            finally:
                lane.release()
                if lane.waiting:
                    self._line_up(lane)
                self._ready.task_done()

    def _report(self, change: Change) -> None:
        logger.bind(company_id=change.company_id).exception("a decision failed")

    def _publish(self, company_id: CompanyId, ledger: Ledger) -> None:
        self.feeds.publish(company_id, self._lane(company_id).writing.epoch, ledger.events)
        for listen in self.on_moves:
            for step, _ in ledger.moves():
                listen(step)

    async def follow(self, company_id: CompanyId) -> Feed:
        """Return the company's feed, which this process keeps while somebody listens or asked lately."""
        feed = await self.feeds.follow(company_id)
        feed.reach(self._lane(company_id).writing.head)  # what was committed while we asked
        return feed

    def _drop_idle_lanes(self) -> None:
        """Let go of what is remembered of companies that are quiet."""
        now = time.monotonic()
        self._lanes = {key: lane for key, lane in self._lanes.items() if lane.served or now - lane.used < IDLE}
