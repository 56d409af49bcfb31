"""How a lane shares its company with the lanes of other processes: who waits for whom, and for how long.

All of it is courtesy. What keeps the log right is the compare-and-set on the stream's `turn`; a lane that is told
nothing, or something wrong, loses some milliseconds.

Under load a company is written in stints: some batches in a row by one process, which remembers what it wrote, then the
next one's. A stint's last commit says so (`more` is 0), and its process gives way for a moment; who waits reads the
stream now and then, and takes the lock when it is free, rather than run into it: a conflict costs two commands and
starves whoever has the worse luck.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from pymongo.errors import PyMongoError

from app.models.company import Stream

# Batches in a row. 3 and 4 measured alike: two processes did 0.7 to 0.85 of one alone, p99 was 3 to 4.5 times its.
STINT = 4
STINT_SECONDS = 0.08  # that a stint may take; with batches so slow that fewer fit, it has fewer
LOOK = (0.0007, 0.0013)  # seconds between two looks at a stream that will be free soon
LOOKS = 4  # in the time of one commit, at most: each costs a command's CPU on both sides
GIVE_WAY = 0.002  # seconds, and a part of the time of a commit, that others have to begin after our stint
THEIR_FIRST = 1.5  # times as long as one of our commits: the first of a stint has to load what it does not remember
STALL = 0.004  # seconds, and the time of two commits, after which who does not move is not waited for
AWAY = 6  # times in a row that nobody came when we gave way, until the company is ours alone again
LONGEST = 0.1  # seconds of waiting for others before the lock is tried all the same
GUESS = 0.003  # seconds that a commit takes, before we know


class Sharing:
    """What one lane knows of the others: nothing, until it meets one."""

    def __init__(self, look: Callable[[], Awaitable[Stream | None]]) -> None:
        self.look = look
        self.is_shared = False
        self.commit_takes = GUESS
        self._turn: int | None = None  # the last one that we know to be committed
        self._missed = 0  # times that nobody came
        self._more = 0  # batches left of our stint
        self._done_at = 0.0
        self._is_busy = False
        self._gives_way = False  # before the next batch
        self.is_sure = True  # that nobody has come between: no collision yet, and nobody was given way

    def begin(self) -> None:
        """Begin a batch: one right after the other means that callers wait, and that a stint is worth it."""
        self._is_busy = time.monotonic() - self._done_at < GIVE_WAY + self.commit_takes

    def more(self) -> int:
        """Return how many batches shall follow this one at once, for others to know."""
        if not (self.is_shared and self._is_busy):
            return 0
        if not self._more:
            return max(0, min(STINT, int(STINT_SECONDS / self.commit_takes)) - 1)
        return self._more - 1

    def met(self) -> None:
        """Hear that another process writes, or wrote, the same company."""
        self.is_shared, self.is_sure, self._missed, self._more = True, False, 0, 0

    def committed(self, turn: int | None, more: int, seconds: float) -> None:
        """Hear that a batch is done as this turn, and how long it took."""
        self._turn = turn
        if self.is_sure:  # else it had to load what it did not remember
            self.commit_takes += (min(seconds, STINT_SECONDS) - self.commit_takes) / 8
        self._more = more
        self.is_sure = True
        self._done_at = time.monotonic()
        self._gives_way = self.is_shared and self._is_busy and not more

    async def give_way(self) -> None:
        """After a stint of ours, let others in: return when the next one may begin."""
        if not self._gives_way:
            return
        self._gives_way, self.is_sure, is_expected = False, False, not self._missed
        self._missed += 1  # until we meet them
        self.is_shared = self._missed <= AWAY
        await asyncio.sleep(GIVE_WAY + self.commit_takes * (THEIR_FIRST if is_expected else 0.5))
        stream = await self._looked() if is_expected else None
        if stream is not None and stream.turn != self._turn:
            self.met()
            if not await self._lets_go(stream):
                await self.until_free()

    async def until_free(self) -> None:
        """Return when whoever has the company has let go, or does not move any more."""
        began = moved = time.monotonic()
        while time.monotonic() < min(began + LONGEST, moved + STALL + 2 * self.commit_takes):
            await asyncio.sleep(max(random.uniform(*LOOK), self.commit_takes / LOOKS))
            stream = await self._looked()
            if stream is None:
                return
            if stream.turn != self._turn:
                if await self._lets_go(stream):
                    return
                moved = time.monotonic()

    async def _lets_go(self, stream: Stream) -> bool:
        """Tell whether a turn ended its stint; if not, return when the end may be near."""
        self._turn = stream.turn
        if stream.more:
            await asyncio.sleep(min(stream.more, STINT) * self.commit_takes * 0.6)
        return not stream.more

    async def _looked(self) -> Stream | None:
        with suppress(PyMongoError):  # the next try meets it, and knows what to do
            return await self.look()
        return None
