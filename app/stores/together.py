"""Look-ups asked together: what is asked for while one query is under way forms the next one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from app.errors import Unavailable

K = TypeVar("K")
V = TypeVar("V")

MOST = 10_000  # keys in one query


class Together(Generic[K, V]):
    """The look-ups of one kind: however many are asked for, one query at a time.

    So a flood of look-ups costs the database a few queries a second, and one in good faith among them waits for two at
    most. `ask` returns what it finds, by key.
    """

    def __init__(self, ask: Callable[[list[K]], Awaitable[dict[K, V]]]) -> None:
        self._ask = ask
        self._keys: dict[K, None] = {}
        self._query: asyncio.Task[dict[K, V]] | None = None

    async def get(self, key: K) -> V | None:
        """Return what is found for a key, None where nothing is. Raises Unavailable, and what `ask` raises."""
        if len(self._keys) >= MOST:
            raise Unavailable
        if not self._keys:
            self._query = asyncio.create_task(self._ask_after(self._query), name="look-ups")
        self._keys[key] = None
        assert self._query is not None
        return (await asyncio.shield(self._query)).get(key)  # others wait for the same

    async def _ask_after(self, query: "asyncio.Task[dict[K, V]] | None") -> dict[K, V]:
        if query is not None:
            await asyncio.wait([query])  # whatever became of it
        keys, self._keys = list(self._keys), {}
        return await self._ask(keys)
