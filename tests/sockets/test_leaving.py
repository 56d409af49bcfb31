"""Nothing is noted for a client that went away while something was waited for: nobody would take it out again."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from loguru import logger

from app.sockets import namespace, visit
from tests.desk import Desk, open_desk
from tests.sockets.held import Held
from tests.sockets.test_faults import clean
from tests.sockets.wire import admitted, wired
from tests.waiting import until

COUNT = 5


@pytest_asyncio.fixture
async def limited(mongo_uri: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A server that counts its connections."""
    async with open_desk(mongo_uri, tmp_path, RATE_LIMITS="on") as desk:
        yield desk


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What is logged as worth somebody's attention."""
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message)), level="WARNING")
    yield lines
    logger.remove(sink)


async def forgotten(desk: Desk) -> None:
    """Wait until nothing is left of any client."""
    await clean(desk)
    assert not desk.sockets.engine.turnstile._of
    assert not desk.sockets.live.typists._here


async def test_a_connection_that_ends_while_it_connects_is_not_counted(
    limited: Desk, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    held = Held(monkeypatch, namespace, "caller_of")
    for _ in range(COUNT):
        async with wired(limited) as wire:
            waiting = held.waiting
            await wire.say("40/company," + json.dumps({"token": limited.token}))
            await until(lambda waiting=waiting: held.waiting > waiting)
    await until(lambda: not limited.sockets.engine.connections)
    held.go.set()
    await forgotten(limited)
    assert not lines


@pytest.mark.parametrize("door", ["/company", "/conversation"])
@pytest.mark.parametrize("event", ["conversation:join", "typing:start"])
async def test_a_client_that_ends_while_its_conversation_is_looked_up_joins_and_types_nothing(
    limited: Desk, monkeypatch: pytest.MonkeyPatch, lines: list[str], door: str, event: str
) -> None:
    conversation = (await limited.receive())["conversation_id"]
    held = Held(monkeypatch, visit, "access_conversation")
    async with admitted(limited, door) as wire:
        await wire.say(f"42{door},1" + json.dumps([event, {"conversation_id": conversation}]))
        await until(lambda: held.waiting)
    await until(lambda: not limited.sockets.engine.connections)
    held.go.set()
    await forgotten(limited)
    assert not lines
