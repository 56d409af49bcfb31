"""Trouble that lasts is said once, reminded of, and over once."""

from collections.abc import Iterator

import pytest
from loguru import logger

from app.outside import outage
from app.outside.outage import Outage
from tests.waiting import until

LONG_AGO = 3600.0


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What is logged, with its fields."""
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(line.strip()), format="{message} {extra}", level="INFO")
    yield lines
    logger.remove(sink)


async def test_it_is_said_once_with_its_reason_and_once_that_it_is_over(said: list[str]) -> None:
    away = Outage("away", "still away", "back")
    for _ in range(100):
        away.goes_on(why="nothing answers")
    await until(lambda: said)
    away.goes_on(why="nothing answers")
    away.ends()
    away.ends()
    assert said[0] == "away {'why': 'nothing answers'}"
    assert [each.split()[0] for each in said] == ["away", "back"]


async def test_reminders_come_ever_more_rarely_with_the_latest_reason(
    said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "FIRST_REMINDER", 0.02)
    steps: list[float] = []

    class Watched(Outage):
        def _say(self, words: str, next_after: float) -> None:
            steps.append(next_after)
            super()._say(words, next_after)

    away = Watched("away", "still away", "back")
    away.goes_on(why="first")
    away.goes_on(why="latest")
    await until(lambda: len(steps) >= 4)
    away.forget()
    assert steps[:4] == [0.02, 0.04, 0.08, 0.16]
    assert said[0] == "away {'why': 'latest'}"
    assert set(said[1:]) == {"still away {'why': 'latest'}"}


async def test_a_short_one_is_no_news(said: list[str]) -> None:
    away = Outage("away", "still away", "back", grace=LONG_AGO)
    away.goes_on(why="a moment")
    away.ends()
    assert said == []
