"""A short line: who tried the least goes first, and nobody's turn is lost."""

import asyncio
import time

import pytest

from app.errors import RateLimited
from app.outside import line as module
from app.outside.doorbell import Doorbell
from app.outside.limiter import Limiter, Rate
from app.outside.line import AT_MOST, Line, Pace
from tests.waiting import until


class Standing:
    """People who stand in one line, and the order in which they came to their turn."""

    def __init__(self, most: float = 20) -> None:
        self.lost = 0
        self.line = Line(most, self._lost)
        self.served: list[str] = []
        self.people: dict[str, asyncio.Task[None]] = {}

    def _lost(self) -> None:
        self.lost += 1

    async def comes(self, name: str, rank: float) -> None:
        async def stand() -> None:
            await self.line.stand(rank)
            self.served.append(name)

        self.people[name] = asyncio.create_task(stand())
        await asyncio.sleep(0)

    async def sent_away(self, name: str) -> bool:
        with pytest.raises(RateLimited):
            await self.people[name]
        return True


async def test_who_ranks_lowest_goes_first_and_among_equals_who_came_first() -> None:
    standing = Standing()
    for name, rank in (("a", 3), ("b", 1), ("c", 2), ("d", 1)):
        await standing.comes(name, rank)
    while standing.line.call():
        await asyncio.sleep(0)
    await until(lambda: standing.served == ["b", "d", "c", "a"])


async def test_where_it_is_full_who_ranks_highest_is_sent_away() -> None:
    standing = Standing(most=2)
    await standing.comes("a", 1)
    await standing.comes("b", 5)
    await standing.comes("c", 9)
    assert await standing.sent_away("c")
    await standing.comes("d", 1)
    assert await standing.sent_away("b")
    assert len(standing.line) == 2
    assert [standing.line.call() for _ in range(3)] == [True, True, False]
    await asyncio.gather(standing.people["a"], standing.people["d"])


async def test_who_stands_for_too_long_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    standing = Standing()
    await standing.comes("a", 1)
    assert await standing.sent_away("a")
    assert (len(standing.line), standing.lost) == (0, 0)


async def test_who_goes_away_gives_their_turn_back() -> None:
    standing = Standing()
    await standing.comes("a", 1)
    await standing.comes("b", 2)
    standing.people["a"].cancel()
    await asyncio.wait([standing.people["a"]])
    assert standing.line.call()
    standing.people["b"].cancel()  # in the moment in which it came to its turn
    await asyncio.wait([standing.people["b"]])
    assert (standing.served, standing.lost, len(standing.line)) == ([], 1, 0)


async def test_whoever_is_just_going_is_passed_over() -> None:
    standing = Standing(most=2)
    await standing.comes("a", 1)
    await standing.comes("b", 2)
    standing.people["a"].cancel()
    assert standing.line.call(), "the turn is b's"
    assert not standing.line.call()
    await asyncio.wait(standing.people.values())
    assert (standing.served, standing.lost, len(standing.line)) == (["b"], 0, 0)


RATE = Rate(count=10, seconds=1.0, burst=2)


async def test_an_empty_bucket_is_waited_for_at_its_pace() -> None:
    pace, began, served = Pace(Limiter(Doorbell(None, "", ""))), time.monotonic(), []

    async def take(number: int) -> None:
        await pace.take("a", RATE, rank=-number)
        served.append(number)

    async with asyncio.TaskGroup() as tasks:
        for number in range(12):
            tasks.create_task(take(number))
    assert time.monotonic() - began >= 9 * RATE.interval  # twelve, of which two were there, and one came first
    assert served == [0, 1, *range(11, 1, -1)]
    assert not pace._lines, "nothing is kept of who has gone"


async def test_a_line_for_a_bucket_is_bounded_and_one_for_each() -> None:
    pace, slow = Pace(Limiter(Doorbell(None, "", ""))), Rate(count=1, seconds=3600.0, burst=1)
    for name in ("a", "b"):
        await pace.take(name, slow, 1)
    waiting = [asyncio.create_task(pace.take("a", slow, 1)) for _ in range(AT_MOST + 5)]
    done, pending = await asyncio.wait(waiting, timeout=1)
    assert (len(done), len(pending)) == (5, AT_MOST)
    for task in pending:
        task.cancel()
    await asyncio.wait(pending)
    assert all(isinstance(task.exception(), RateLimited) for task in done)
