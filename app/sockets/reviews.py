"""Close the sockets of those whose access ended or changed, in whichever process that came about.

It is rung, which is heard at once; it is noted, which is read within seconds where no ring was heard; and everyone who
is connected is looked at now and then, for what neither told of: a document that was changed by hand.
"""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress

from pymongo.errors import PyMongoError

from app.actions.end_access import CHANGED, ended_lately, forget_access
from app.actions.review_access import review_access
from app.hub import Hub
from app.models.caller import Caller
from app.outside.away import log_trouble
from app.outside.kept import keep_running
from app.sockets import closing
from app.sockets.connection import Connection

NOTES = 2.0  # seconds between two looks at what was noted
EVERYONE = 30.0  # seconds between two looks at everyone who is connected


class Reviews:
    """The looks of this process at who is connected to it."""

    def __init__(self, hub: Hub, connections: Mapping[str, Connection]) -> None:
        self._hub = hub
        self._connections = connections
        self._subjects: set[str] = set()  # rung, and not looked at yet
        self._rung = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        hub.bells.access.append(self._hear)
        hub.doorbell.on(CHANGED, lambda process, company_id, subject: forget_access(hub, subject.decode()))

    def start(self) -> None:
        """Begin to look."""
        keep_running(self._tasks, "reviews-rung", self._look_on)
        keep_running(self._tasks, "reviews-noted", self._read_on)
        keep_running(self._tasks, "reviews", self._review_on)

    def stop(self) -> None:
        """Look no more."""
        for task in tuple(self._tasks):
            task.cancel()

    async def everyone(self) -> None:
        """Look once at everyone who is connected."""
        await self._review({each.identity for each in self._connections.values() if each.identity is not None})

    async def noted(self) -> None:
        """Look once at those connected whose access was noted to have ended or changed."""
        if self._connections:
            await self._review(self._those_of(await ended_lately(self._hub)))

    def _hear(self, subject: str) -> None:
        self._subjects.add(subject)
        self._rung.set()

    async def _look_on(self) -> None:
        while True:
            await self._rung.wait()
            self._rung.clear()
            subjects, self._subjects = self._subjects, set()
            with suppress(PyMongoError):  # they are noted, too
                await self._review(self._those_of(subjects))

    async def _read_on(self) -> None:
        while True:
            await asyncio.sleep(NOTES)
            with suppress(PyMongoError):  # those who look at everyone say so
                await self.noted()

    async def _review_on(self) -> None:
        while True:
            await asyncio.sleep(EVERYONE)
            try:
                await self.everyone()
            except PyMongoError as error:
                log_trouble(error, "access could not be reviewed")

    def _those_of(self, subjects: set[str]) -> set[Caller]:
        if not subjects:
            return set()
        callers = {each.identity for each in self._connections.values() if each.identity is not None}
        return {caller for caller in callers if not subjects.isdisjoint(caller.subjects)}

    async def _review(self, callers: Collection[Caller]) -> None:
        if not callers:
            return
        outcome = await review_access(self._hub, callers)
        for connection in tuple(self._connections.values()):
            if connection.identity in outcome.ended:
                connection.close(closing.SIGNED_OUT)
            elif connection.identity in outcome.changed:
                connection.close(closing.CHANGED)
