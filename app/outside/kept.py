"""Work that goes on for as long as its owner lives: what falls over is reported, and stands up again."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from loguru import logger

from app.outside.trace import untraced

AGAIN = 1.0  # seconds until a task that did not hear that it shall end is told again
REST = 0.1  # seconds before work that fell over begins anew


def keep_running(tasks: "set[asyncio.Task[None]]", name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run this until it is cancelled; its task is among these."""
    _begin(tasks, name, work, after=0.0)


def _begin(
    tasks: "set[asyncio.Task[None]]", name: str, work: Callable[[], Coroutine[Any, Any, None]], *, after: float
) -> None:
    async def run() -> None:
        await asyncio.sleep(after)
        await work()

    def again(done: "asyncio.Task[None]") -> None:
        tasks.discard(done)
        error = None if done.cancelled() else done.exception()
        if error is not None:
            logger.opt(exception=error).bind(task=name).error("a task fell over")
            _begin(tasks, name, work, after=REST)

    task = asyncio.create_task(run(), name=name, context=untraced())
    tasks.add(task)
    task.add_done_callback(again)


async def cancelled_for_good(tasks: "set[asyncio.Task[Any]]") -> None:
    """Cancel these until they have ended: the driver may swallow a cancellation that meets it at the wrong moment."""
    while tasks:
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=AGAIN)
