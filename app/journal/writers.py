"""Which processes write, and the freeing of what a dead one holds.

A process that dies or is paused leaves its transaction open, and with it a company's lock, for up to the server's
`transactionLifetimeLimitSeconds`. So each writer registers the few sessions that it uses and beats; whoever meets its
lock for too long ends the sessions of writers that have been silent.
"""

import asyncio
import time
from uuid import uuid4

from loguru import logger
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError

from app.outside.away import log_trouble
from app.outside.kept import cancelled_for_good, keep_running
from app.stores.codec import Document
from app.stores.database import Stores

BEAT = 1.0  # seconds
MISSED = 1.0  # seconds without a beat, on the server's clock, after which a writer is watched
WATCHED = 2.0  # seconds, on ours, that it is watched without a beat until it counts as dead
STEADY = 2 * BEAT  # seconds between two beats of ours beyond which those of others may have been lost as well
LOOK_AGAIN = 0.5  # seconds between two looks for dead writers


class Writer:
    """This process among those that write: its sessions, its beat."""

    def __init__(self, stores: Stores, sessions: int) -> None:
        self.stores = stores
        self.id = str(uuid4())
        self.sessions: list[AsyncClientSession] = [stores.client.start_session() for _ in range(sessions)]
        self._looked = self._beaten = self._steady_since = float("-inf")
        self._watched: dict[str, tuple[object, float]] = {}  # the last beat of each that missed one, and since when
        self._tasks: set[asyncio.Task[None]] = set()

    async def register(self) -> None:
        """Make the sessions known before any of them is used."""
        await self._beat()
        keep_running(self._tasks, "writer-beat", self._beat_on)

    async def _beat(self) -> None:
        await self.stores.writers.beat(self.id, [session.session_id["id"] for session in self.sessions])
        before, self._beaten = self._beaten, time.monotonic()
        if self._beaten - before > STEADY:
            self._steady_since = self._beaten

    async def _beat_on(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            try:
                await self._beat()
            except PyMongoError as error:
                log_trouble(error, "writer could not beat")

    async def free_dead(self) -> None:
        """End the open transactions of writers that have been silent."""
        if time.monotonic() - self._looked < LOOK_AGAIN:
            return
        self._looked = time.monotonic()
        try:
            for writer in self._dead(await self.stores.writers.silent(MISSED)):
                await self.stores.writers.end(writer)
                logger.bind(writer=writer["_id"]).warning("dead writer's transactions ended")
        except PyMongoError as error:
            log_trouble(error, "dead writers could not be looked for")

    def _dead(self, silent: list[Document]) -> list[Document]:
        """Return those of the silent that did not beat all the time in which our own beats went through.

        The server's clock alone would have everybody dead at once: after an election, when nobody could beat, or when
        the new primary's clock is ahead of the old one's.
        """
        now = time.monotonic()
        watched = {writer["_id"]: self._watched_since(writer, now) for writer in silent if writer["_id"] != self.id}
        self._watched = watched
        if now - self._beaten > STEADY:
            return []
        long_ago = now - WATCHED
        return [each for each in silent if each["_id"] in watched and watched[each["_id"]][1] <= long_ago]

    def _watched_since(self, writer: Document, now: float) -> tuple[object, float]:
        """Return a writer's last beat and since when no other came, as far as our own beats vouch for it."""
        beat, since = self._watched.get(writer["_id"], (None, now))
        return writer["seen_at"], max(since, self._steady_since) if beat == writer["seen_at"] else now

    async def leave(self) -> None:
        """Stop beating and take the sessions off the list."""
        await cancelled_for_good(set(self._tasks))
        try:
            await self.stores.writers.leave(self.id)
            for session in self.sessions:
                await session.end_session()
        except PyMongoError:
            logger.warning("writer left without saying so")
