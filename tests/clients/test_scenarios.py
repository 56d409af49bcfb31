"""The examples survive what the table lists: every message once, in order, none missing."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.clients.examples import CLIENTS
from tests.clients.proxy import proxied
from tests.clients.scenarios import SCENARIOS, Client, Scenario, whole
from tests.clients.stage import Stage
from tests.desk import open_desk

pytestmark = pytest.mark.asyncio(loop_scope="session")
FITTING = [
    pytest.param(name, each, id=f"{name}: {each.name}")
    for name, client in CLIENTS.items()
    for each in SCENARIOS
    if each.needs in client.traits
]


@pytest_asyncio.fixture(loop_scope="session")
async def stage(mongo_uri: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """A company on a database of its own, since a restore is one of a whole database."""
    async with open_desk(mongo_uri, tmp_path, ACCESS_TOKEN_TTL="4s") as desk, proxied(0) as proxy:
        stage = Stage(desk, proxy, tmp_path)
        await stage.open()
        try:
            yield stage
        finally:
            await stage.stop()


@pytest.mark.parametrize(("name", "scenario"), FITTING)
async def test_a_client_shows_and_answers_everything_once(stage: Stage, name: str, scenario: Scenario) -> None:
    async with AsyncExitStack() as closing:
        clients: list[Client] = [CLIENTS[name]() for _ in range(scenario.tabs)]
        for client in clients:
            closing.push_async_callback(client.close)
            await client.open(stage, sleepy=scenario.sleepy)
        await whole(stage, clients)
        await scenario.happens(stage, clients)
        await stage.customer_writes("the end")  # what a client does again it does before it comes to this
        await whole(stage, clients)
