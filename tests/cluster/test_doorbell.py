"""The doorbell against a Redis that is what it should not be, and against garbage."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
import redis.asyncio
from loguru import logger

from app.outside import doorbell as module
from app.outside.doorbell import Doorbell
from tests.cluster.redis import Redis
from tests.waiting import until

Pair = tuple[Doorbell, Doorbell]


@pytest_asyncio.fixture
async def pair(redis: Redis) -> AsyncIterator[Pair]:
    """Two processes at one door, who have seen each other."""
    bells = Doorbell(redis.url, "t", "1" * 32), Doorbell(redis.url, "t", "2" * 32)
    for each in bells:
        each.attend("c")
        each.start()
    await until(lambda: all(each.seen and each.carries("c") for each in bells), within=10)
    yield bells
    for each in bells:
        await each.close()


def heard_by(bell: Doorbell) -> list[bytes]:
    """Return what a process hears of one kind, from now on."""
    heard: list[bytes] = []
    bell.on("word", lambda process, company_id, says: heard.append(says))
    return heard


async def test_garbage_on_its_channels_silences_nobody(pair: Pair, redis: Redis) -> None:
    first, second = pair
    heard = heard_by(second)

    def choke(process: str, company_id: str | None, says: bytes) -> None:
        raise OSError("not a date")

    second.on("choke", choke)
    async with redis_client(redis) as client:
        for said in (b"", b"one", b"\xff\xfe \xff x", b"x" * 100_000, b"1 unknown x"):
            await client.publish("parley:t:c", said)
            await client.publish("parley:t:", said)
    first.ring("choke", b"", "c")
    first.ring("word", b"after all of it", "c")
    await until(lambda: heard == [b"after all of it"])


def redis_client(server: Redis) -> "redis.asyncio.Redis":
    return redis.asyncio.Redis(port=server.port, socket_timeout=5)


async def test_who_has_left_a_company_hears_no_more_of_it(pair: Pair) -> None:
    first, second = pair
    heard = heard_by(second)
    second.leave("c")
    await until(lambda: not second.carries("c"))
    first.ring("word", b"to the company", "c")
    first.ring("word", b"to all")
    await until(lambda: b"to all" in heard)
    assert heard in ([b"to all"], [b"to the company", b"to all"])  # what was under way may still come
    heard.clear()
    first.ring("word", b"to the company again", "c")
    first.ring("word", b"to all again")
    await until(lambda: heard == [b"to all again"])


async def test_a_command_that_rings_and_goes_at_once_is_heard(pair: Pair, redis: Redis) -> None:
    heard = heard_by(pair[1])
    command = Doorbell(redis.url, "t", "3" * 32)
    command.start()
    command.ring("word", b"by a command")
    await command.close()
    await until(lambda: heard == [b"by a command"])


async def test_what_waits_for_a_redis_that_is_away_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 1000)
    with socket.create_server(("127.0.0.1", 0)) as mute:  # accepts, and never says a word
        bell = Doorbell(f"redis://127.0.0.1:{mute.getsockname()[1]}/0", "t", "1" * 32)
        for number in range(1000):
            bell.ring("word", b"%d" % number)
            bell.attend(str(number))
        assert bell.waiting <= 1000
    await bell.close()


async def test_without_a_redis_nothing_is_kept_and_nobody_is_waited_for() -> None:
    bell = Doorbell(None, "t", "1" * 32)
    bell.start()
    bell.attend("c")
    bell.ring("word", b"to nobody", "c")
    assert (bell.waiting, bell.carries("c"), bell.seen) == (0, False, {})
    await bell.close()


@pytest.mark.parametrize("address", ["redis://127.0.0.1:1/0", "redis://no.such.host.invalid:6379/0"])
async def test_a_redis_that_was_never_there_is_told_of_once(address: str) -> None:
    said: list[str] = []
    sink = logger.add(said.append, level="WARNING", format="{message}")
    bell = Doorbell(address, "t", "1" * 32)
    try:
        bell.start()
        await until(lambda: said, within=10)
        bell.ring("word", b"to nobody")
        await asyncio.sleep(0)
        assert not bell.reached
    finally:
        await bell.close()
        logger.remove(sink)
    assert len(said) == 1
    assert "redis is away" in said[0]


async def test_a_process_that_falls_silent_is_gone_and_one_that_returns_is_there(redis: Redis) -> None:
    bell, other = Doorbell(redis.url, "t", "1" * 32), Doorbell(redis.url, "t", "2" * 32)
    gone: list[str] = []
    bell.on_gone.append(gone.append)
    for each in (bell, other):
        each.start()
    is_seen: Callable[[], bool] = lambda: other.process in bell.seen  # noqa: E731 - asked twice
    await until(is_seen, within=10)
    await other.close()
    await until(lambda: gone == [other.process], within=15)
    again = Doorbell(redis.url, "t", other.process)
    again.start()
    await until(is_seen, within=10)
    await again.close()
    await bell.close()
