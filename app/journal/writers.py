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

from app.stores.database import Stores

BEAT = 1.0  # seconds
SILENT = 3.0  # seconds on the server's clock after which a writer counts as dead
FREE_AGAIN = 0.5  # seconds between two looks for dead writers


class Writer:
    """This process among those that write: its sessions, its beat."""

    def __init__(self, stores: Stores, sessions: int) -> None:
        self.stores = stores
        self.id = str(uuid4())
        self.sessions: list[AsyncClientSession] = [stores.client.start_session() for _ in range(sessions)]
        self._looked = 0.0
        self._beating: asyncio.Task[None] | None = None

    async def register(self) -> None:
        """Make the sessions known before any of them is used."""
        await self._beat()
        self._beating = asyncio.create_task(self._beat_on(), name="writer-beat")

    async def _beat(self) -> None:
        await self.stores.writers.beat(self.id, [session.session_id["id"] for session in self.sessions])

    async def _beat_on(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            try:
                await self._beat()
            except PyMongoError as error:
                logger.bind(error=type(error).__name__).warning("writer could not beat")

    async def free_dead(self) -> None:
        """End the open transactions of writers that have been silent."""
        if time.monotonic() - self._looked < FREE_AGAIN:
            return
        self._looked = time.monotonic()
        try:
            for writer in await self.stores.writers.silent(SILENT):
                if writer["_id"] != self.id:
                    await self.stores.writers.end(writer)
                    logger.bind(writer=writer["_id"]).warning("dead writer's transactions ended")
        except PyMongoError as error:
            logger.bind(error=type(error).__name__).warning("dead writers could not be looked for")

    async def leave(self) -> None:
        """Stop beating and take the sessions off the list."""
        if self._beating:
            self._beating.cancel()
        try:
            await self.stores.writers.leave(self.id)
            for session in self.sessions:
                await session.end_session()
        except PyMongoError:
            logger.warning("writer left without saying so")
