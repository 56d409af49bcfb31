"""The helper that every other test leans on."""

import asyncio

import pytest

from tests.waiting import until


async def test_the_first_true_answer_is_given_back() -> None:
    answers = iter([0, None, "", "here"])
    assert await until(lambda: next(answers)) == "here"


async def test_a_coroutine_function_may_be_asked() -> None:
    event = asyncio.Event()
    asyncio.get_running_loop().call_later(0.02, event.set)

    async def happened() -> bool:
        return event.is_set()

    assert await until(happened)


async def test_what_does_not_come_is_named() -> None:
    with pytest.raises(AssertionError, match=r"0\.02 s did not bring: .*lambda: 1 > 2"):
        await until(lambda: 1 > 2, within=0.02)


async def test_what_is_not_written_in_python_is_named_too() -> None:
    with pytest.raises(AssertionError, match="method-wrapper"):
        await until([].__len__, within=0.02)
