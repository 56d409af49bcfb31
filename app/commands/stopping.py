"""How a server is told to stop: the first signal closes everything in order, the second one ends it at once."""

import asyncio
import math
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from loguru import logger

from app.settings import Settings

# Seconds besides the answer of a platform that is waited for: 2 to write it down, requests 3 more, the journal 5, and
# mongod takes what it needs, usually 1.
BESIDES = 15


def stop_within(settings: Settings) -> int:
    """Return the seconds that a stop may take: 25, and more where a platform may take more than 10 to answer."""
    return BESIDES + math.ceil(settings.platform_timeout.total_seconds())


@contextmanager
def until_stopped(within: int) -> Iterator[None]:
    """Leave the block, from wherever it waits, when SIGTERM or SIGINT comes; its own blocks close on the way out.

    What is not closed `within` so many seconds is left to the kernel.
    """
    task, loop, stops = asyncio.current_task(), asyncio.get_running_loop(), _Stops(within)
    assert task is not None  # a coroutine runs in one

    def stop(number: int) -> None:
        stops.first_or_exit(number)
        task.cancel()

    _listen(loop, stop)
    try:
        yield
    except asyncio.CancelledError:
        if not stops.asked:
            raise


class _Stops:
    """Whether a stop was asked for, and the end of all patience."""

    def __init__(self, within: int) -> None:
        self.asked = False
        self.within = within

    def first_or_exit(self, number: int) -> None:
        if self.asked:
            os._exit(128 + number)
        self.asked = True
        logger.bind(signal=signal.Signals(number).name).info("stopping")
        if sys.platform != "win32":
            signal.alarm(self.within)  # its default action needs no Python: it ends a process whose loop is stuck, too


def _listen(loop: asyncio.AbstractEventLoop, stop: Callable[[int], None]) -> None:
    if sys.platform == "win32":
        return  # Ctrl-C cancels the task there too: asyncio.Runner sees to it
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
