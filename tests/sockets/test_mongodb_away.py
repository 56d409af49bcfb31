"""While MongoDB is away nobody is refused for good: clients knock until it is back, and then have missed nothing."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from app.actions.sign_in import sign_in
from app.outside.files import private_folder
from app.outside.mongod_binary import find_mongod
from app.outside.mongod_home import Home
from app.outside.mongod_process import free_port, start, stop
from app.outside.replica_set import become_primary
from tests.desk import PASSWORD, Desk, open_desk
from tests.sockets.again import elsewhere
from tests.sockets.dashboards import cut, javascript, python
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

IMPATIENT = {"MONGO_SERVER_SELECTION_TIMEOUT": "200ms"}


class OwnMongo:
    """A MongoDB that may be away."""

    def __init__(self, folder: Path) -> None:
        given = os.environ.get("MONGOD_BINARY")
        self.program = find_mongod(Path(given) if given else None)
        self.home = Home(private_folder(folder))
        self.port = free_port(None)
        self.uri = f"mongodb://127.0.0.1:{self.port}/?replicaSet=rs0"

    async def start(self) -> None:
        """Be there, on the same port, with the same data."""
        self.process = await start(self.program, self.home, self.port)
        await become_primary(self.port)

    async def stop(self) -> None:
        """Be there no more."""
        await stop(self.process)

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """Be away for a while."""
        await self.stop()
        try:
            yield
        finally:
            await self.start()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mongo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OwnMongo]:
    """A MongoDB for these tests alone."""
    mongo = OwnMongo(tmp_path_factory.mktemp("mongo"))
    await mongo.start()
    yield mongo
    await mongo.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def desk(mongo: OwnMongo, tmp_path: Path) -> AsyncIterator[Desk]:
    """A company on that MongoDB, at a server that notices soon when it is away."""
    async with open_desk(mongo.uri, tmp_path, **IMPATIENT) as desk:
        yield desk


async def test_who_was_refused_meanwhile_comes_back_by_itself(desk: Desk, mongo: OwnMongo) -> None:
    token = (await sign_in(desk.hub, desk.email, PASSWORD)).access_token
    async with javascript() as early, python() as other, javascript() as late:
        for client in (early, other):
            await client.connect(desk.base, "/company", desk.token)
            await client.ready()
        async with mongo.away():
            desk.hub.known.sessions.forget(desk.hub.tokens.read(desk.token).session_id)  # as happens within seconds
            cut(desk)
            await late.connect(desk.base, "/company", token)
            for client in (early, late):  # they knock, and are sent away, again and again
                await until(lambda client=client: client.times("disconnected") >= 3)
        ready = [await early.ready(2), await other.ready(2), await late.ready(1)]
        assert [each["resumed"] for each in ready] == [True, True, False]
        message = await desk.receive("Are you back?")
        for client in (early, other, late):
            (event,) = await until(lambda client=client: client.of("message:new"))
            assert (event["message"], client.times("refused")) == (message, 0)


async def test_who_cannot_be_told_what_they_missed_is_sent_away_until_it_can_be_read(
    desk: Desk, mongo: OwnMongo
) -> None:
    await desk.receive("missed")
    async with elsewhere(desk) as other, javascript() as client:  # that server's memory is empty
        epoch = (await (await other.listen()).ready())["epoch"]
        async with mongo.away():
            await client.connect(other.base, "/company", other.token, epoch=epoch, seq=0)
            await until(lambda: client.times("disconnected") >= 2)
        assert (await client.ready())["resumed"] is True
        assert [event["seq"] for _, event in client.heard if "seq" in event] == [1, 2]


async def test_who_asks_meanwhile_is_told_to_try_again(desk: Desk, mongo: OwnMongo) -> None:
    listener = await desk.listen()
    async with mongo.away():
        status, answer = await desk.ask("GET", "/contacts")
        ack = await listener.call("conversation:join", {"conversation_id": "a" * 24})
        for error in (answer["error"], ack["error"]):
            assert (error["code"], error["retryable"]) == ("unavailable", True)
        async with desk.http.get(f"{desk.base}/health/ready") as health:
            assert (status, health.status, await health.json()) == (503, 503, {"status": "unavailable"})
