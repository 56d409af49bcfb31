"""A replica set whose primary goes: what was acknowledged stays, what was heard stays, and writers go on soon."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.cluster.load import Load
from tests.cluster.redis import Redis
from tests.cluster.replica_set import ReplicaSet, running_replica_set
from tests.desk import Desk, open_desk
from tests.sockets.again import elsewhere
from tests.waiting import until

FIRST = 15.0  # seconds to the first acknowledgement; about 3 here, with the election time-out of these tests


@pytest_asyncio.fixture
async def replica_set(tmp_path: Path) -> AsyncIterator[ReplicaSet]:
    async with running_replica_set(tmp_path / "set") as members:
        yield members


@pytest_asyncio.fixture
async def desk(replica_set: ReplicaSet, redis: Redis, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(replica_set.uri, tmp_path, REDIS_URL=redis.url) as opened:
        yield opened


@pytest_asyncio.fixture
async def other(desk: Desk) -> AsyncIterator[Desk]:
    async with elsewhere(desk) as opened:
        yield opened


async def writing(load: Load) -> None:
    for door in load.doors:
        await load.listen(door)
    load.start(8, pause=0.005)
    await load.more(200)


async def first_acknowledged(load: Load) -> float:
    """Return the seconds until something that was sent from now on is acknowledged."""
    began = time.monotonic()
    await load.post(f"first-after-{began}")
    return time.monotonic() - began


async def ended_well(load: Load) -> None:
    """See that dashboards that come now are let in, writers go on, and all is where it belongs."""
    await load.listen()
    await load.more(200)
    await load.stop()
    await load.prove()


async def test_a_primary_that_steps_down(load: Load, replica_set: ReplicaSet) -> None:
    await writing(load)
    before = await replica_set.primary()
    await replica_set.step_down()
    assert await first_acknowledged(load) < FIRST
    assert await replica_set.primary() is not before
    await ended_well(load)


async def test_a_primary_that_is_killed(load: Load, replica_set: ReplicaSet) -> None:
    await writing(load)
    await (await replica_set.primary()).kill()
    arriving = asyncio.create_task(load.listen())
    assert await first_acknowledged(load) < FIRST
    await arriving
    await ended_well(load)


async def test_a_primary_that_stands_still_and_wakes_up(load: Load, replica_set: ReplicaSet) -> None:
    await writing(load)
    paused = await replica_set.primary()
    paused.send(signal.SIGSTOP)
    arriving = asyncio.create_task(load.listen())
    assert await first_acknowledged(load) < FIRST
    await arriving
    paused.send(signal.SIGCONT)
    await until(replica_set.is_whole, within=60)
    await ended_well(load)
