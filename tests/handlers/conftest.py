"""One served house for all of these tests, and in it a company of its own for each."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.desk import Desk, open_desk
from tests.handlers.asking import PAGE, head_of


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def house(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """A server, with a company that nobody uses; its API may be called from one page besides its own."""
    async with open_desk(mongo_uri, tmp_path_factory.mktemp("house"), CORS_ORIGINS=PAGE) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def desk(house: Desk) -> Desk:
    """A fresh company on that server, with an owner, a bot's key and a customer."""
    return await house.neighbour("Acme")


@pytest_asyncio.fixture(loop_scope="session")
async def unmoved(desk: Desk) -> AsyncIterator[None]:
    """Whatever a test sends: nothing is stored, and the server still answers."""
    before = await head_of(desk)
    yield
    assert await head_of(desk) == before
    assert (await desk.ask("POST", "/messages", desk.message()))[0] == 201
