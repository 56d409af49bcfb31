"""Waiting in line, where the line is short and whoever asks for the most goes last."""

import asyncio
import math
from bisect import insort
from collections.abc import Callable
from itertools import count

from app.errors import RateLimited
from app.outside.limiter import Limiter, Rate

AT_MOST = 20  # that stand in one line
PATIENCE = 10.0  # seconds for which one may stand

Place = tuple[float, int, "asyncio.Future[None]"]


class Line:
    """Who ranks lowest goes first, and among equals who came first; where it is full, who ranks highest is sent away.

    `lost` is called when somebody is gone in the moment in which their turn came.
    """

    def __init__(self, most: float, lost: Callable[[], None]) -> None:
        self._most = most
        self._lost = lost
        self._places: list[Place] = []
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._places)

    async def stand(self, rank: float) -> None:
        """Return when it is our turn. Raises RateLimited for whoever is sent away, or has stood for too long."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        place = (rank, next(self._numbers), turn)
        insort(self._places, place)
        if len(self._places) > self._most:
            last = self._places.pop()[2]
            if not last.done():
                last.set_exception(_too_many())
        try:
            async with asyncio.timeout(PATIENCE):
                await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            self._leave(place)
            if isinstance(error, TimeoutError):
                raise _too_many() from None
            raise

    def call(self) -> bool:
        """Give the first one their turn; tell whether there was one."""
        while self._places:
            turn = self._places.pop(0)[2]
            if not turn.done():  # else they are about to go: they were cancelled in this very moment
                turn.set_result(None)
                return True
        return False

    def _leave(self, place: Place) -> None:
        if place in self._places:
            self._places.remove(place)
        elif place[2].done() and not place[2].cancelled() and place[2].exception() is None:
            self._lost()


def _too_many() -> RateLimited:
    return RateLimited(retry_after=math.ceil(PATIENCE))


class Pace:
    """Whoever finds a bucket empty waits until it fills up again: a line for each bucket."""

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter
        self._lines: dict[str, Line] = {}

    async def take(self, name: str, rate: Rate, rank: float) -> None:
        """Take one from a bucket, at once or in turn. Raises RateLimited."""
        line = self._lines.get(name)
        if line is None:
            if not self._limiter.wait(name, rate):
                return self._limiter.take(name, rate)
            line = self._lines[name] = Line(AT_MOST, lambda: None)
            self._look_later(name, rate)
        await line.stand(rank)

    def _look_later(self, name: str, rate: Rate) -> None:
        wait = self._limiter.wait(name, rate)
        asyncio.get_running_loop().call_later(wait, self._look, name, rate)

    def _look(self, name: str, rate: Rate) -> None:
        line = self._lines[name]
        if line and not self._limiter.wait(name, rate):
            self._limiter.take(name, rate)
            line.call()
        if line:
            self._look_later(name, rate)
        else:
            del self._lines[name]
