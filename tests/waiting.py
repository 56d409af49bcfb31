"""Wait for what will come, never for time to pass."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
POLL = 0.01  # seconds


async def until(predicate: Callable[[], T | Awaitable[T]], within: float = 5.0) -> T:
    """Ask until the answer is true, and give it back; fails when `within` seconds did not bring it.

    The predicate may be a coroutine function.
    """
    try:
        async with asyncio.timeout(within):
            while not (answer := await _asked(predicate)):
                await asyncio.sleep(POLL)
            return answer
    except TimeoutError:
        raise AssertionError(f"{within} s did not bring: {inspect.getsource(predicate).strip()}") from None


async def _asked(predicate: Callable[[], T | Awaitable[T]]) -> T:
    answer = predicate()
    return await answer if isinstance(answer, Awaitable) else answer
