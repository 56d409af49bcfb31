"""What several wait for is done once, does not end with one who leaves, and is done anew for who comes later."""

import asyncio

import pytest

from app.journal.shared import Shared


class Oven:
    """Work that ends when a test says so."""

    def __init__(self) -> None:
        self.begun = 0
        self.outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def bake(self) -> str:
        """Return the outcome."""
        self.begun += 1
        return await self.outcome


def waiters(shared: Shared[str, str], oven: Oven, count: int, key: str = "bread") -> list["asyncio.Task[str]"]:
    return [asyncio.create_task(shared.once(key, oven.bake)) for _ in range(count)]


async def begun(oven: Oven) -> None:
    async with asyncio.timeout(5):
        while not oven.begun:
            await asyncio.sleep(0)


async def test_who_asks_meanwhile_gets_the_same_and_who_asks_later_gets_it_anew() -> None:
    shared, oven = Shared[str, str](), Oven()
    asked = waiters(shared, oven, 3)
    await begun(oven)
    oven.outcome.set_result("fresh")
    assert await asyncio.gather(*asked) == ["fresh"] * 3
    assert oven.begun == 1
    await shared.once("bread", oven.bake)
    assert oven.begun == 2


async def test_different_things_are_done_side_by_side() -> None:
    shared, oven = Shared[str, str](), Oven()
    asked = waiters(shared, oven, 2) + waiters(shared, oven, 2, "cake")
    await begun(oven)
    oven.outcome.set_result("fresh")
    await asyncio.gather(*asked)
    assert oven.begun == 2


async def test_who_leaves_leaves_the_work_to_the_others() -> None:
    shared, oven = Shared[str, str](), Oven()
    first, second = waiters(shared, oven, 2)
    await begun(oven)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    oven.outcome.set_result("fresh")
    assert (await second, oven.begun) == ("fresh", 1)


async def test_a_failure_is_told_to_everyone_and_not_kept() -> None:
    shared, oven = Shared[str, str](), Oven()
    asked = waiters(shared, oven, 3)
    await begun(oven)
    oven.outcome.set_exception(OSError("burnt"))
    told = await asyncio.gather(*asked, return_exceptions=True)
    assert [str(each) for each in told] == ["burnt"] * 3
    again = Oven()
    again.outcome.set_result("fresh")
    assert await shared.once("bread", again.bake) == "fresh"


async def test_a_failure_that_nobody_waits_for_any_more_is_no_noise() -> None:
    loud: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: loud.append(context))
    shared, oven = Shared[str, str](), Oven()
    asked = waiters(shared, oven, 2)
    await begun(oven)
    for each in asked:
        each.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    oven.outcome.set_exception(OSError("burnt"))
    async with asyncio.timeout(5):
        while shared._running:
            await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not loud
