"""Passwords: hashed by bcrypt, in threads, since one hash would stall every socket for a quarter of a second.

There are fewer threads than cores, and they give way to the loop. Who waits for one stands in a short line, in which
whoever tried the least goes first: one address's hundred tries delay nobody else.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

import bcrypt

from app.outside.line import AT_MOST, Line

T = TypeVar("T")

MOST_THREADS = 8  # a burst of sign-ins must not be all that a large machine does
NICE = 10  # https://man7.org/linux/man-pages/man7/sched.7.html: a tenth of what the loop gets where both want a core
MOST_BYTES = 72  # bcrypt reads no further, and raises above it


class Passwords:
    """Hash and check; `rounds` doubles the work with each step, `most` may wait."""

    def __init__(self, rounds: int, most: float = AT_MOST) -> None:
        self.rounds = rounds
        self._nobodys = bcrypt.gensalt(rounds) + b"." * 31  # no password has this hash, and it takes as long to see
        # Threads of their own: those of the loop look up addresses, and one that hangs would keep everyone out.
        self._free = threads_here()
        self._threads = ThreadPoolExecutor(self._free, "passwords", _give_way)
        self._line = Line(most, self._next)

    async def hash(self, password: str) -> str:
        """Return the hash to store."""
        return (await self._aside(bcrypt.hashpw, password.encode(), bcrypt.gensalt(self.rounds), 0)).decode()

    async def match(self, password: str, stored: str | None, rank: float = 0) -> bool:
        """Tell whether the password is the stored one; for nobody's password the same time passes.

        `rank` says how much whoever asks has tried of late. Raises RateLimited when too many wait who tried less.
        """
        if len(password.encode()) > MOST_BYTES:
            return False
        known = stored.encode() if stored else self._nobodys
        return await self._aside(bcrypt.checkpw, password.encode(), known, rank) and stored is not None

    async def _aside(self, work: Callable[[bytes, bytes], T], password: bytes, salt: bytes, rank: float) -> T:
        if self._free:
            self._free -= 1
        else:
            await self._line.stand(rank)  # whoever ends hands their thread over
        hashing = asyncio.get_running_loop().run_in_executor(self._threads, work, password, salt)
        # Whoever hangs up does not stop the thread: it is free when the hash is done.
        hashing.add_done_callback(lambda _: self._next())
        return await asyncio.shield(hashing)

    def _next(self) -> None:
        if not self._line.call():
            self._free += 1


def threads_here() -> int:
    """Return how many passwords are hashed at once: one core is left for everything else, if there is another."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, min(MOST_THREADS, cores - 1))


def _give_way() -> None:
    if sys.platform == "linux":  # elsewhere a thread has no priority of its own
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
