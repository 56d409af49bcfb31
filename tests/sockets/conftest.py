"""Served houses for all of these tests, and in them a company of its own for each."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.desk import Desk, open_desk
from tests.sockets.wire import PAGE


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def house(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """A server as it is in production, with a company that nobody uses."""
    async with open_desk(mongo_uri, tmp_path_factory.mktemp("house"), CORS_ORIGINS=PAGE) as opened:
        yield opened


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def hasty_house(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """A server behind a proxy that wants signs of life ten times a second, and so sees every deadline sooner."""
    hasty = {"PING_INTERVAL": "100ms", "PING_TIMEOUT": "200ms", "TRUSTED_PROXIES": "127.0.0.1"}
    async with open_desk(mongo_uri, tmp_path_factory.mktemp("hasty"), **hasty) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def desk(house: Desk) -> AsyncIterator[Desk]:
    """A fresh company on the server, with an owner, a bot's key and a customer."""
    desk = await house.neighbour("Acme")
    yield desk
    await asyncio.gather(*(listener.client.disconnect() for listener in desk.listeners))
    desk.listeners.clear()


@pytest_asyncio.fixture(loop_scope="session")
async def hasty(hasty_house: Desk) -> Desk:
    """A fresh company on the hasty server."""
    return await hasty_house.neighbour("Acme")


@pytest_asyncio.fixture
async def fuzzed(mongo_uri: str, tmp_path: Path) -> AsyncIterator[tuple[Desk, list[dict[str, Any]]]]:
    """A server of its own, and the errors that reached its loop without being caught."""
    escaped: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: escaped.append(context))
    async with open_desk(mongo_uri, tmp_path) as opened:
        yield opened, escaped
