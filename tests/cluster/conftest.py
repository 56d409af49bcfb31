"""What the tests of several processes share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.cluster.load import Load
from tests.cluster.redis import Redis, running_redis
from tests.desk import Desk, open_desk
from tests.sockets.again import elsewhere


@pytest_asyncio.fixture
async def redis() -> AsyncIterator[Redis]:
    """A Redis of this test's own."""
    async with running_redis() as server:
        yield server


@pytest_asyncio.fixture
async def desk(mongo_uri: str, redis: Redis, tmp_path: Path) -> AsyncIterator[Desk]:
    """A served company on a fresh database, whose server rings at the Redis."""
    async with open_desk(mongo_uri, tmp_path, REDIS_URL=redis.url) as opened:
        yield opened


@pytest_asyncio.fixture
async def other(desk: Desk) -> AsyncIterator[Desk]:
    """The same company at another server."""
    async with elsewhere(desk) as opened:
        yield opened


@pytest_asyncio.fixture
async def load(desk: Desk, other: Desk) -> AsyncIterator[Load]:
    """Who writes and listens at both servers."""
    load = Load(desk.http, [desk.base, other.base], desk.key, desk.contact_id)
    yield load
    await load.end()
