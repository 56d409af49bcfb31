"""A journal that closes does not wait for a task that did not hear its end."""

import asyncio
from contextlib import suppress

import pytest

from app.outside import kept


async def hard_of_hearing(told: list[int]) -> None:
    """Swallow the first cancellation, as the driver does that meets it in the middle of a query."""
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(60)
    told.append(1)
    await asyncio.sleep(60)


async def test_a_task_that_swallowed_its_cancellation_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "AGAIN", 0.01)
    told: list[int] = []
    task = asyncio.create_task(hard_of_hearing(told))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await kept.cancelled_for_good({task})
    assert told == [1]
    assert task.cancelled()
