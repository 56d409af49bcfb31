"""What was looked up a moment ago is not asked for again, and forgetting leaves nothing behind."""

import asyncio
from functools import partial

from app.outside.recent import Recent


async def test_an_answer_that_was_forgotten_while_it_was_asked_for_is_not_remembered() -> None:
    recent: Recent[str, int] = Recent(60.0)
    asked: list[int] = []
    go = asyncio.Event()

    async def ask() -> int:
        asked.append(1)
        await go.wait()
        return len(asked)

    first = asyncio.create_task(recent.get("a", ask))
    await asyncio.sleep(0)
    recent.forget("a")
    go.set()
    assert await first == 1
    assert await recent.get("a", ask) == 2
    assert await recent.get("a", ask) == 2


async def test_keys_that_nobody_has_leave_nothing_behind() -> None:
    recent: Recent[int, None] = Recent(60.0)

    async def nobody() -> None:
        return None

    for key in range(1000):
        await recent.get(key, nobody)
        recent.forget(key)
    assert not any((recent._kept, recent._asking, recent._forgotten))


async def test_what_is_forgotten_by_its_answer_is_asked_for_anew_even_if_it_was_just_being_asked_for() -> None:
    recent: Recent[str, int] = Recent(60.0)
    asked: list[str] = []
    go = asyncio.Event()

    async def ask(key: str) -> int:
        asked.append(key)
        if key == "c":
            await go.wait()
        return len(key) if key != "b" else 7

    for key in ("a", "b"):
        await recent.get(key, partial(ask, key))
    under_way = asyncio.create_task(recent.get("c", partial(ask, "c")))
    await asyncio.sleep(0)
    recent.forget_if(lambda answer: answer == 7)
    go.set()
    await under_way
    for key in ("a", "b", "c"):
        await recent.get(key, partial(ask, key))
    assert asked == ["a", "b", "c", "b", "c"]
    assert not any((recent._asking, recent._forgotten))
