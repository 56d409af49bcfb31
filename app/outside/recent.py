"""Remember answers for a few seconds, so that one client's hundred requests ask the database once."""

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Answers not older than `seconds`, `most` of them at a time."""

    def __init__(self, seconds: float, most: int = 10_000) -> None:
        self.seconds = seconds
        self.most = most
        self._kept: dict[K, tuple[float, V]] = {}
        self._asking: Counter[K] = Counter()
        self._forgotten: set[K] = set()  # while somebody asks for them

    async def get(self, key: K, ask: Callable[[], Awaitable[V]]) -> V:
        """Return the remembered answer, else ask."""
        now = time.monotonic()
        kept = self._kept.get(key)
        if kept is not None and now - kept[0] < self.seconds:
            return kept[1]
        value, was_forgotten = await self._ask(key, ask)
        if was_forgotten:
            return value  # true for this caller, not to be remembered
        self._kept.pop(key, None)
        if len(self._kept) >= self.most:
            del self._kept[next(iter(self._kept))]  # the oldest
        self._kept[key] = (now, value)
        return value

    async def _ask(self, key: K, ask: Callable[[], Awaitable[V]]) -> tuple[V, bool]:
        """Return the answer, and whether the key was forgotten meanwhile."""
        self._asking[key] += 1
        try:
            value = await ask()
            return value, key in self._forgotten
        finally:
            self._asking[key] -= 1
            if not self._asking[key]:
                del self._asking[key]
                self._forgotten.discard(key)

    def forget(self, key: K) -> None:
        """Ask anew next time."""
        self._kept.pop(key, None)
        if key in self._asking:
            self._forgotten.add(key)

    def forget_if(self, test: Callable[[V], bool]) -> None:
        """Ask anew for every answer of which this is true; one that is just being given may be, so that one too."""
        for key in [key for key, (_, value) in self._kept.items() if test(value)]:
            del self._kept[key]
        self._forgotten.update(self._asking)
