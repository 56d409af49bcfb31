"""Remember answers for a few seconds, so that one client's hundred requests ask the database once."""

import time
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

    async def get(self, key: K, ask: Callable[[], Awaitable[V]]) -> V:
        """Return the remembered answer, else ask."""
        now = time.monotonic()
        kept = self._kept.get(key)
        if kept is not None and now - kept[0] < self.seconds:
            return kept[1]
        value = await ask()
        if len(self._kept) >= self.most:
            self._kept.clear()
        self._kept[key] = (now, value)
        return value

    def forget(self, key: K) -> None:
        """Ask anew next time."""
        self._kept.pop(key, None)
