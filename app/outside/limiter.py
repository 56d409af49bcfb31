"""How often something may be done, by all processes together, without anyone waiting for another.

A token bucket for each name, kept as the one moment at which it will be full again (GCRA, as ATM networks police their
cells). Each process decides by its own buckets, and rings what was taken to the others, which take it from theirs. So
Redis is never asked: while it is away, each process still holds everyone to the limit by itself, and nobody to more.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import orjson

from app.errors import RateLimited
from app.models.wire import to_json
from app.outside.doorbell import Doorbell

RING = 0.1  # seconds in which what was taken is gathered before it is rung
MOST = 100_000  # names that are remembered; full buckets are forgotten first


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` times in so many `seconds`, up to `burst` of them at once."""

    count: float
    seconds: float
    burst: float

    @property
    def interval(self) -> float:
        """Return the seconds in which one more becomes free."""
        return self.seconds / self.count


class Limiter:
    """The buckets of this process; without `on` everything is allowed."""

    def __init__(self, doorbell: Doorbell, *, on: bool = True) -> None:
        self.on = on
        self._doorbell = doorbell
        self._full_at: dict[str, float] = {}  # on the monotonic clock
        self._taken: Counter[tuple[str, float, float]] = Counter()
        doorbell.on("taken", self._hear)

    @property
    def names(self) -> Collection[str]:
        """Return whose buckets are not known to be full."""
        return self._full_at.keys()

    def take(self, name: str, rate: Rate) -> None:
        """Take one from a bucket. Raises RateLimited, with the seconds after which to come again."""
        if not self.on:
            return
        if wait := self.wait(name, rate):
            raise RateLimited(retry_after=math.ceil(wait))
        self._draw_and_tell(name, 1, rate)

    def give_back(self, name: str, rate: Rate) -> None:
        """Put one that was taken back into its bucket."""
        if self.on:
            self._draw_and_tell(name, -1, rate)

    def _draw_and_tell(self, name: str, count: int, rate: Rate) -> None:
        self._draw(name, count, rate.interval, rate.burst)
        if not self._taken:
            asyncio.get_running_loop().call_later(RING, self._ring)
        self._taken[name, rate.interval, rate.burst] += count

    def wait(self, name: str, rate: Rate) -> float:
        """Return the seconds after which one can be taken from a bucket."""
        now = time.monotonic()
        return max(0.0, self._full_at.get(name, now) - now - (rate.burst - 1) * rate.interval) if self.on else 0.0

    def taken(self, name: str, rate: Rate) -> float:
        """Return how many were taken from a bucket and are not back yet."""
        now = time.monotonic()
        return max(0.0, self._full_at.get(name, now) - now) / rate.interval

    def _draw(self, name: str, count: int, interval: float, burst: float) -> None:
        """Take from a bucket; however much is taken elsewhere, it is never more than empty."""
        now = time.monotonic()
        if len(self._full_at) >= MOST:
            self._make_room(now)
        self._full_at[name] = min(max(self._full_at.get(name, now), now) + count * interval, now + burst * interval)

    def _make_room(self, now: float) -> None:
        """Forget the full buckets, and where that is not enough the oldest: many at a time, so that it is seldom."""
        kept = [(name, full_at) for name, full_at in self._full_at.items() if full_at > now]
        self._full_at = dict(kept[-MOST * 9 // 10 :])

    def _ring(self) -> None:
        taken, self._taken = self._taken, Counter()
        if told := [(*key, count) for key, count in taken.items() if count]:
            self._doorbell.ring("taken", to_json(told))

    def _hear(self, process: str, company_id: str | None, says: bytes) -> None:
        if self.on:
            for name, interval, burst, count in orjson.loads(says):
                self._draw(name, count, interval, burst)
