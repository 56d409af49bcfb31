"""Wait for what will come, never for time to pass."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, overload

T = TypeVar("T")
POLL = 0.01  # seconds


@overload
async def until(predicate: Callable[..., Coroutine[Any, Any, T | None]], within: float = ...) -> T: ...
@overload
async def until(predicate: Callable[..., T | None], within: float = ...) -> T: ...
async def until(predicate: Callable[[], Any], within: float = 15.0) -> Any:
    """Ask until the answer is true, and give it back; fails when `within` seconds did not bring it.

    The predicate may be a coroutine function.
    """
    try:
        async with asyncio.timeout(within):
            while not (answer := await _answer(predicate)):
                await asyncio.sleep(POLL)
            return answer
    except TimeoutError:
        raise AssertionError(f"{within} s did not bring: {_written(predicate)}") from None


async def _answer(predicate: Callable[[], Any]) -> Any:
    answer = predicate()
    return await answer if inspect.isawaitable(answer) else answer


def _written(predicate: Callable[[], Any]) -> str:
    try:
        return inspect.getsource(predicate).strip()
    except (OSError, TypeError):  # it is not written in Python
        return repr(predicate)
