"""Keys and tokens that may be made up, held to a limit by the address that they come from.

A secret takes a token from its address's bucket before the database is asked about it, and gets it back when it proves
good: so the guesses under way count too. A secret that was good within the hour needs no token. That says only that
it may be asked about; whether it is good still is said by the database.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

import orjson

from app.errors import RateLimited, TooManyGuesses, Unauthenticated
from app.outside.doorbell import Doorbell
from app.outside.limiter import RING, Limiter, Rate
from app.outside.peer import site_of, wide_site_of
from app.outside.security_log import GUESSES_REFUSED, SecurityLog

GUESSES = Rate(count=60, seconds=60.0, burst=60)  # of one address: an office that mistyped a key, not a search for one
GUESSES_FROM_MANY = Rate(count=240, seconds=60.0, burst=240)  # of an IPv6 network that has 65 536 such addresses
REMEMBERED = 3600.0  # seconds
RENEWED = 600.0  # seconds after which a good secret is noted anew
MOST = 50_000  # secrets, the oldest of which are forgotten first: 10 MB
MARK = 16  # hex digits of a secret's hash: enough to tell secrets apart, nothing to find one by

Bucket = tuple[str, Rate]


class Guesses:
    """The secrets that were good a while ago, in this process and in those that ring, and the buckets of all others."""

    def __init__(self, limiter: Limiter, doorbell: Doorbell, security: SecurityLog) -> None:
        self._limiter = limiter
        self._security = security
        self._doorbell = doorbell
        self._good: dict[str, float] = {}  # by the beginning of their hash: when, on the monotonic clock
        self._new: list[str] = []
        doorbell.on("good", self._hear)

    @contextmanager
    def guess(self, digest: str, address: str | None) -> Iterator[None]:
        """Let the block look a secret up by its `digest`; it raises Unauthenticated for one that is not good.

        Without an `address`, who asks is one of us. Raises TooManyGuesses.
        """
        mark = digest[:MARK]
        buckets = [] if address is None or self._is_good(mark, REMEMBERED) else _buckets(address)
        self._take(buckets)
        try:
            yield
        except Unauthenticated:
            self._good.pop(mark, None)
            raise
        except Exception:
            self._give_back(buckets)  # the database was away: nothing is known of this secret
            raise
        self._give_back(buckets)
        if not self._is_good(mark, RENEWED):
            self._note(mark)

    def _is_good(self, mark: str, within: float) -> bool:
        noted = self._good.get(mark)
        return noted is not None and time.monotonic() - noted <= within

    def _take(self, buckets: list[Bucket]) -> None:
        try:
            for name, rate in buckets:
                self._limiter.take(name, rate)
        except RateLimited as limited:
            self._security.say(GUESSES_REFUSED)
            raise TooManyGuesses(retry_after=limited.facts["retry_after"]) from None

    def _give_back(self, buckets: list[Bucket]) -> None:
        for name, rate in buckets:
            self._limiter.give_back(name, rate)

    def _note(self, mark: str) -> None:
        """Remember a good secret, and tell the other processes."""
        self._remember(mark)
        if not self._new:
            asyncio.get_running_loop().call_later(RING, self._ring)
        self._new.append(mark)

    def _remember(self, mark: str) -> None:
        self._good.pop(mark, None)
        if len(self._good) >= MOST:
            del self._good[next(iter(self._good))]
        self._good[mark] = time.monotonic()

    def _ring(self) -> None:
        new, self._new = self._new, []
        self._doorbell.ring("good", orjson.dumps(new))

    def _hear(self, process: str, company_id: str | None, says: bytes) -> None:
        for mark in orjson.loads(says):
            self._remember(str(mark))


def _buckets(address: str) -> list[Bucket]:
    wide = wide_site_of(address)
    return [
        (f"guesses from {site_of(address)}", GUESSES),
        *([(f"guesses from {wide}", GUESSES_FROM_MANY)] if wide else []),
    ]
