"""What was looked up a moment ago is not asked for again, and forgetting leaves nothing behind."""

import asyncio

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
