"""What many wait for at the same time is done once."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from app.outside.trace import untraced

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Shared(Generic[K, V]):
    """Work under way, by what it is for."""

    def __init__(self) -> None:
        self._running: dict[K, asyncio.Task[V]] = {}

    async def once(self, key: K, work: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """Return the outcome of the work for this key that is under way, or begin it; all get the same, or its error.

        Who is cancelled while waiting leaves the work to the others. It ends by itself, so it must have an end.
        """
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(self._do(key, work), name="shared", context=untraced())
        return await asyncio.shield(task)

    async def _do(self, key: K, work: Callable[[], Coroutine[Any, Any, V]]) -> V:
        try:
            return await work()
        finally:
            # In the step in which it is done: who asks from now on wants to know what is true from now on.
            del self._running[key]
