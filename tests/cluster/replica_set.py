"""A real replica set of three on this machine, whose members are killed, paused and started anew at will."""

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError

from app.outside.files import private_folder
from app.outside.mongod_binary import find_mongod
from app.outside.mongod_home import Home
from app.outside.mongod_process import free_port, start
from tests.waiting import until

Client = AsyncMongoClient[dict[str, Any]]

# Milliseconds: until a primary is missed (10 000 unless told), between heartbeats, and that a new primary waits for a
# member that does not answer.
BRISK = {"electionTimeoutMillis": 1000, "heartbeatIntervalMillis": 250, "catchUpTimeoutMillis": 500}
# A member leaves a source that stands still at once, not after several tries: until then nothing has a majority.
SOURCE = (
    *("--setParameter", "oplogNetworkTimeoutBufferSeconds=1"),
    *("--setParameter", "oplogFetcherSteadyStateMaxFetcherRestarts=0"),
)


class Member:
    """One mongod of the set, on a port that it keeps."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.flags = flags
        self.home = Home(private_folder(folder))
        self.port = free_port(None)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Return where it is."""
        return f"127.0.0.1:{self.port}"

    def direct(self) -> Client:
        """Connect to it as it is, whatever its set thinks."""
        return AsyncMongoClient(
            "127.0.0.1", self.port, directConnection=True, serverSelectionTimeoutMS=2000, timeoutMS=2000
        )

    async def start(self) -> None:
        """Start it, or start it again."""
        self.process = await start(find_mongod(None), self.home, self.port, *self.flags)

    def send(self, number: signal.Signals) -> None:
        """Give it a signal: SIGSTOP, SIGCONT."""
        assert self.process is not None
        self.process.send_signal(number)

    async def kill(self) -> None:
        """End it at once, if it still runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            await asyncio.to_thread(self.process.wait, 20)

    async def is_primary(self) -> bool:
        """Tell whether it takes writes."""
        try:
            async with self.direct() as client:
                return bool((await client.admin.command("hello"))["isWritablePrimary"])
        except PyMongoError:
            return False


class ReplicaSet:
    """Three members, one of them primary."""

    def __init__(self, members: list[Member], settings: dict[str, int]) -> None:
        self.members = members
        self.settings = settings

    @property
    def uri(self) -> str:
        """Return what MONGODB_URI should be."""
        return f"mongodb://{','.join(each.address for each in self.members)}/parley?replicaSet=rs0"

    async def initiate(self) -> None:
        """Make the members a set, and wait until each of them could be its primary."""
        config = {
            "_id": "rs0",
            "members": [{"_id": number, "host": each.address} for number, each in enumerate(self.members)],
            "settings": self.settings,
        }
        async with self.members[0].direct() as client:
            await client.admin.command("replSetInitiate", config)
        await until(self.is_whole, within=60)

    async def is_whole(self) -> bool:
        """Tell whether every member has all the data: one primary, and all others secondaries."""
        async with (await self.primary()).direct() as client:
            status = await client.admin.command("replSetGetStatus")
        return sorted(each["stateStr"] for each in status["members"]) == ["PRIMARY", "SECONDARY", "SECONDARY"]

    async def primary(self, *, other_than: Member | None = None) -> Member:
        """Return the member that takes writes, as soon as there is one."""

        async def found() -> Member | None:
            candidates = [each for each in self.members if each is not other_than]
            are = await asyncio.gather(*(each.is_primary() for each in candidates))
            return next((each for each, is_primary in zip(candidates, are, strict=True) if is_primary), None)

        return await until(found, within=60)

    async def step_down(self) -> None:
        """Let the primary make room for another."""
        async with (await self.primary()).direct() as client:
            with suppress(AutoReconnect, OperationFailure):
                await client.admin.command("replSetStepDown", 10, secondaryCatchUpPeriodSecs=5)


@asynccontextmanager
async def running_replica_set(folder: Path, *flags: str, brisk: bool = True) -> AsyncIterator[ReplicaSet]:
    """Run three members for as long as the block; `brisk` ones miss a primary after a second."""
    members = [Member(folder / f"member-{number}", *flags, *(SOURCE if brisk else ())) for number in range(3)]
    replica_set = ReplicaSet(members, BRISK if brisk else {})
    try:
        for each in members:
            await each.start()
        await replica_set.initiate()
        yield replica_set
    finally:
        for each in members:
            await each.kill()
