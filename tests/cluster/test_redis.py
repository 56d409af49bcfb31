"""Redis is only the doorbell: whatever becomes of it, nothing is lost, doubled or out of order, and nobody waits."""

import asyncio

import pytest

from app.journal import feeds
from tests.cluster.load import Load
from tests.cluster.redis import Redis
from tests.desk import Desk
from tests.waiting import until

PAUSED = 20.0  # seconds
MOST = 10.0  # seconds that any answer may take on a busy machine; Redis was away for longer


async def writing(load: Load, desk: Desk, other: Desk) -> None:
    """Let bots write and dashboards listen at both servers, with Redis between them."""
    await until(lambda: desk.hub.doorbell.reached and other.hub.doorbell.reached, within=10)
    for door in load.doors:
        await load.listen(door)
    load.start(8, pause=0.01)
    await load.more(100)


async def ended_well(load: Load) -> None:
    """See that the writers went on, were never refused, and that all is where it belongs."""
    await load.more(100)
    await load.stop()
    await load.prove()
    assert load.failed == []
    assert load.slowest < MOST


async def test_a_ring_brings_an_event_before_any_look_would(
    desk: Desk, other: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "POLL", 3600.0)
    await until(lambda: desk.hub.doorbell.reached and other.hub.doorbell.reached, within=10)
    listener = await other.listen()
    await listener.ready()
    await until(lambda: other.hub.doorbell.carries(desk.company.id))
    told = await desk.receive("Is anybody there?")
    await until(lambda: [event["message"] for event in listener.of("message:new")] == [told])


async def test_a_redis_that_dies_and_returns_harms_nobody(load: Load, desk: Desk, other: Desk, redis: Redis) -> None:
    await writing(load, desk, other)
    await redis.kill()
    await load.more(200)
    await until(lambda: not desk.hub.doorbell.reached, within=10)
    await redis.start()
    await until(lambda: desk.hub.doorbell.reached and other.hub.doorbell.reached, within=10)
    await ended_well(load)


async def test_a_redis_that_forgets_and_hangs_up_harms_nobody(
    load: Load, desk: Desk, other: Desk, redis: Redis
) -> None:
    await writing(load, desk, other)
    for _ in range(5):
        await redis.flush()
        await load.more(20)
        await redis.cut()
        await load.more(20)
    await until(lambda: desk.hub.doorbell.reached and other.hub.doorbell.reached, within=10)
    await ended_well(load)


async def test_a_redis_that_stands_still_for_twenty_seconds_harms_nobody(
    load: Load, desk: Desk, other: Desk, redis: Redis
) -> None:
    await writing(load, desk, other)
    redis.pause()
    began = asyncio.get_running_loop().time()
    while asyncio.get_running_loop().time() - began < PAUSED:
        await load.more(20)
    assert not desk.hub.doorbell.reached
    redis.wake()
    await until(lambda: desk.hub.doorbell.reached and other.hub.doorbell.reached, within=10)
    await ended_well(load)
