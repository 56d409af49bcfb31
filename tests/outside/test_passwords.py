"""Hashing passwords: few threads that give way, a short line before them, and nobody delayed by somebody's hundred."""

import asyncio
import os
import sys
import threading
import time

import pytest

from app.errors import RateLimited
from app.outside.line import AT_MOST
from app.outside.passwords import NICE, Passwords, threads_here
from tests.waiting import until

ROUNDS = 8  # some hundredths of a second


@pytest.fixture
async def stored() -> str:
    return await Passwords(4).hash("correct horse")


async def test_a_password_is_known_and_nobodys_is_never(stored: str) -> None:
    passwords = Passwords(4)
    assert await passwords.match("correct horse", stored)
    assert not await passwords.match("wrong horse", stored)
    assert not await passwords.match("correct horse", None)
    assert not await passwords.match("x" * 73, stored)


async def test_for_nobody_the_same_time_passes() -> None:
    passwords, took = Passwords(ROUNDS), []
    real = await passwords.hash("correct horse")
    for stored in (real, None):
        quickest = float("inf")
        for _ in range(5):
            began = time.perf_counter()
            await passwords.match("wrong", stored)
            quickest = min(quickest, time.perf_counter() - began)
        took.append(quickest)
    assert took[1] > took[0] / 2


async def test_a_hundred_tries_of_one_do_not_delay_others_and_most_of_them_are_sent_away() -> None:
    passwords = Passwords(ROUNDS)
    ended: list[str] = []

    async def attempt(name: str, rank: float) -> bool:
        try:
            return await passwords.match("wrong", None, rank)
        finally:
            ended.append(name)

    flood = [asyncio.create_task(attempt("flood", rank)) for rank in range(1, 101)]
    await asyncio.sleep(0)
    others = [asyncio.create_task(attempt(f"other {n}", 1)) for n in range(3)]
    said = await asyncio.gather(*flood, return_exceptions=True)
    assert await asyncio.gather(*others) == [False, False, False]
    refused = [each for each in said if isinstance(each, RateLimited)]
    assert len(refused) == 100 + 3 - AT_MOST - threads_here()
    hashed = [name for name in ended[len(refused) :] if name]
    before = hashed.index("other 2") - 2  # those of the flood that were hashed before the last of the others
    assert before <= 2 * threads_here() + 1


async def test_who_is_known_goes_before_all_others() -> None:
    passwords = Passwords(ROUNDS)
    flood = [asyncio.create_task(passwords.match("wrong", None, 1)) for _ in range(AT_MOST + threads_here())]
    await asyncio.sleep(0)
    assert not await passwords.match("wrong", None, 0)
    done = [each for each in flood if each.done()]
    assert len(done) <= 2 * threads_here() + 1
    for each in flood:
        each.cancel()
    await asyncio.wait(flood)


async def test_who_hangs_up_takes_no_thread_along() -> None:
    passwords = Passwords(ROUNDS)
    for _ in range(3):
        tasks = [asyncio.create_task(passwords.match("wrong", None, 1)) for _ in range(threads_here() + 5)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    await until(lambda: passwords._free == threads_here())
    assert not await passwords.match("wrong", None)


async def test_one_core_is_left_for_everything_else() -> None:
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    assert 1 <= threads_here() <= max(1, cores - 1)


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own elsewhere")
async def test_hashing_gives_way_to_the_loop() -> None:
    def own() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    passwords = Passwords(4)
    theirs = await asyncio.get_running_loop().run_in_executor(passwords._threads, own)
    assert theirs == min(19, max(NICE, own()))
