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
        self._generation: dict[K, int] = {}

    async def get(self, key: K, ask: Callable[[], Awaitable[V]]) -> V:
        """Return the remembered answer, else ask."""
        now = time.monotonic()
        kept = self._kept.get(key)
        if kept is not None and now - kept[0] < self.seconds:
            return kept[1]
        asked_in = self._generation.get(key, 0)
        value = await ask()
        if asked_in != self._generation.get(key, 0):
            return value  # it was forgotten while we asked: true for this caller, not to be remembered
        if len(self._kept) >= self.most:
            self._kept.clear()
            self._generation.clear()
        self._kept[key] = (now, value)
        return value

    def forget(self, key: K) -> None:
        """Ask anew next time."""
        self._kept.pop(key, None)
        self._generation[key] = self._generation.get(key, 0) + 1
