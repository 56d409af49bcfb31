"""The embedded mongod kept running: one that died, or stands still, is started again on its port and its data."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pymongo.errors import PyMongoError

from app.outside.kept import cancelled_for_good
from app.outside.mongod_binary import MongodError, why_it_ended
from app.outside.mongod_home import KILL_WAIT, Home
from app.outside.mongod_process import PortTaken, ended, listening, spawn, stop
from app.outside.outage import Outage
from app.outside.replica_set import Client, become_primary, directly

# Three pings in a row, so that a pause of ours, after which one may time out unread, does not end a mongod that is
# well. One that stands still is noticed after at most 6 s, and needs one or two to come back.
PING_EVERY, PING_WAIT, PINGS_LOST = 1.0, 1.0, 3
# Seconds before another try. The last one bounds how long a server stays away after room was made on a full disk.
RESTS = (0.0, 0.5, 1.0, 2.0, 3.0)
# Seconds that it has to run before it counts as back: on a full disk it starts, and dies of the next write.
STEADY = 3.0
EXIT_POLL = 0.1  # seconds: waitpid is asked ten times a second for as long as the server runs


@dataclass
class KeptMongod:
    """One mongod and what is needed to start it again."""

    program: Path
    home: Home
    port: int
    process: subprocess.Popen[bytes] | None = None

    async def start(self) -> str:
        """Start it and wait until it takes writes; gives back its version. What does not get that far is ended.

        Raises PortTaken, or MongodError that says what it died of.
        """
        await self.home.emptied()
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self.stop)
            self.process = spawn(self.program, self.home, self.port)
            await listening(self.process, self.home, self.port)
            version = await self._primary(self.process)
            undo.pop_all()
        return version

    async def stop(self) -> None:
        """End it, if it runs."""
        if self.process is not None:
            await stop(self.process)

    async def keep(self) -> None:
        """Start it again whenever it ends or answers no more, until this task is cancelled."""
        outage = Outage(
            "the embedded MongoDB is away and will be started again",
            "the embedded MongoDB is still away",
            "the embedded MongoDB is back",
        )
        try:
            async with directly(self.port, PING_WAIT) as client:
                await self._keep(client, outage)
        finally:
            outage.forget()

    async def _keep(self, client: Client, outage: Outage) -> None:
        assert self.process is not None
        loop, rests = asyncio.get_running_loop(), _rests()
        while True:
            began, steady = loop.time(), loop.call_later(STEADY, outage.ends)
            try:
                why = await self._trouble(client, self.process)
            finally:
                steady.cancel()
            if loop.time() - began > STEADY:
                rests = _rests()
            outage.goes_on(why=why, free_mb=self._free_mb())
            await self._start_again(outage, rests)

    async def _trouble(self, client: Client, process: subprocess.Popen[bytes]) -> str:
        """Wait until it has ended or lost too many pings in a row, and return which."""
        lost = 0
        while lost < PINGS_LOST:
            if await ended(process, PING_EVERY, poll=EXIT_POLL):
                return f"it ended with code {process.returncode}"
            lost = 0 if await _answers(client) else lost + 1
        return f"it did not answer {PINGS_LOST} pings"

    async def _start_again(self, outage: Outage, rests: Iterator[float]) -> None:
        """Try until it takes writes: what ended it, such as a full disk, may last."""
        assert self.process is not None
        self.process.kill()
        await ended(self.process, KILL_WAIT)
        for rest in rests:
            await asyncio.sleep(rest)
            try:
                await self.start()
            except PortTaken:
                outage.goes_on(why=f"another process took port {self.port}")
            except (MongodError, OSError) as error:
                outage.goes_on(why=str(error), free_mb=self._free_mb())
            else:
                with suppress(OSError):  # the disk may be full again; the old note says the same port
                    self.home.remember(replace(self.home.state(), pid=self.process.pid))
                return

    def _free_mb(self) -> int:
        """Return how much room its disk has: the usual reason to end, and one that mongod's own log hides well."""
        return shutil.disk_usage(self.home.folder).free >> 20

    async def _primary(self, process: subprocess.Popen[bytes]) -> str:
        """Wait until it is primary, or has ended instead."""
        rise = asyncio.create_task(become_primary(self.port), name="mongod-primary")
        try:
            while not (await asyncio.wait((rise,), timeout=EXIT_POLL))[0]:
                if (code := process.poll()) is not None:
                    raise why_it_ended(code, self.home.log)
            return rise.result()
        finally:
            await cancelled_for_good({rise})


def _rests() -> Iterator[float]:
    yield from RESTS
    while True:
        yield RESTS[-1]


async def _answers(client: Client) -> bool:
    try:
        await client.admin.command("ping")
    except PyMongoError:
        return False
    return True
