"""An embedded MongoDB that dies, stands still or finds its disk full, under a server that goes on."""

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
from pymongo.errors import PyMongoError

from app.outside.replica_set import directly
from tests.alive import runs
from tests.cli.processes import Server, serving
from tests.cluster.load import Load
from tests.waiting import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and limits a running process")

READY_WITHIN = 30.0  # seconds; 15 are promised where nothing else takes the processor
WORDS = ("the embedded MongoDB is away", "the embedded MongoDB is back")


@pytest.mark.parametrize(
    ("number", "workers"),
    [(signal.SIGKILL, ()), (signal.SIGSTOP, ()), (signal.SIGKILL, ("--workers", "2"))],
    ids=["killed", "stopped", "killed under a supervisor"],
)
async def test_one_that_is_gone_is_started_again_and_nothing_acknowledged_is_lost(
    number: signal.Signals, workers: tuple[str, ...], tmp_path: Path
) -> None:
    async with busy(tmp_path, *workers) as (server, load):
        before = mongod_of(tmp_path)
        os.kill(before, number)
        await until(lambda: not runs(before), within=READY_WITHIN)
        await until(lambda: is_ready(load, server), within=READY_WITHIN)
        await load.more(50)
        await load.stop()
        await load.prove()
        await server.says(WORDS[1])
        assert told(server) == [1, 1]
        assert await server.end() == 0
    assert json.loads((tmp_path / "mongod.json").read_bytes())["pid"] is None


@pytest.mark.parametrize("kind", ["tmpfs", "quota"])
async def test_a_full_disk_is_waited_out_and_nothing_acknowledged_is_lost(kind: str, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", kind) as disk:
        async with busy(disk.folder) as (server, load):
            before = mongod_of(disk.folder)
            disk.fill(server, before)
            await until(lambda: gone_after_a_checkpoint(disk.folder, before), within=60)
            await server.says(WORDS[0])
            await until(lambda: is_away(load, server), within=READY_WITHIN)
            disk.free(server)
            await until(lambda: is_ready(load, server), within=READY_WITHIN)
            await load.more(50)
            await load.stop()
            await load.prove()
            await server.says(WORDS[1])
            assert told(server) == [1, 1]
            assert await server.end() == 0


async def test_a_server_leaves_while_its_mongodb_is_being_started_again(tmp_path: Path) -> None:
    async with serving(tmp_path, DATA_DIR=str(tmp_path)) as server:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        os.kill(mongod_of(tmp_path), signal.SIGKILL)
        await server.says(WORDS[0])
        server.process.send_signal(signal.SIGTERM)
        # What measures coverage writes a file at the end of the server, too.
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert await asyncio.wait_for(server.process.wait(), 30) == 0
    assert not [line for line in server.err if "Traceback" in line]
    assert told(server) == [1, 0]


async def test_the_log_says_once_that_it_is_away_whatever_fails_meanwhile(tmp_path: Path) -> None:
    async with busy(tmp_path, LOG_LEVEL="DEBUG") as (server, load):
        await load.listen()
        quota = Quota(tmp_path)
        quota.fill(server, mongod_of(tmp_path))
        await until(lambda: sum("DEBUG   a job failed" in line for line in server.err) >= 4, within=60)
        loud = [line for line in server.err if "WARNING" in line or "ERROR" in line]
        for words in ("WARNING MongoDB is away", WORDS[0]):
            assert sum(words in line for line in loud) == 1
        for words in ("a job failed", "could not beat", "could not be polled", "fell over", "still away"):
            assert sum(words in line for line in loud) <= 1, "of what was under way when it ended"
        assert not [line for line in server.err if "Traceback" in line]
        quota.free(server)
        await server.says("INFO    MongoDB is back")
        await server.says(WORDS[1])


@asynccontextmanager
async def busy(folder: Path, *words: str, **more: str) -> AsyncIterator[tuple[Server, Load]]:
    """A server with an embedded MongoDB in this folder, with bots that write to it."""
    told = {"DATA_DIR": str(folder), "RATE_LIMITS": "off", "MONGO_SERVER_SELECTION_TIMEOUT": "2s", **more}
    async with serving(folder, "serve", *words, **told) as server, aiohttp.ClientSession() as http:
        load = Load(http, [server.url], server.key, server.contact_id)
        load.start(8)
        try:
            await load.more(100)
            yield server, load
        finally:
            await load.end()


class Disk:
    """A folder on a disk that can be filled and freed: a small one of memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ballast = folder / "ballast"

    def fill(self, server: Server, mongod: int) -> None:
        """Leave no byte of it."""
        with suppress(OSError), self.ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 16))

    def free(self, server: Server) -> None:
        """Make room again."""
        self.ballast.unlink()


class Quota(Disk):
    """A folder in which neither this server nor its mongod may write, as on a full disk, until they may again."""

    def fill(self, server: Server, mongod: int) -> None:
        for pid in (server.process.pid, mongod):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    def free(self, server: Server) -> None:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)


@contextmanager
def small_disk(folder: Path, kind: str) -> Iterator[Disk]:
    folder.mkdir()
    if kind == "quota":
        yield Quota(folder)
        return
    # mongod takes 300 MB of it for its journal.
    mount = ("mount", "-t", "tmpfs", "-o", "size=450m", "parley-test", folder)
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here; a quota stands in for it")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(("umount", "--lazy", folder), check=True)


def mongod_of(folder: Path) -> int:
    """Return the process id of the embedded mongod."""
    return int(json.loads((folder / "mongod.json").read_bytes())["pid"])


async def gone_after_a_checkpoint(folder: Path, pid: int) -> bool:
    """Have it write what it holds in memory, which it would do within a minute, and tell whether it has died."""
    if runs(pid):
        with suppress(PyMongoError):
            async with directly(json.loads((folder / "mongod.json").read_bytes())["port"], 2.0) as client:
                await client.admin.command("fsync")
    return not runs(pid)


async def is_ready(load: Load, server: Server) -> bool:
    async with load.http.get(f"{server.url}/health/ready") as response:
        return response.status == 200


async def is_away(load: Load, server: Server) -> bool:
    return not await is_ready(load, server)


def told(server: Server) -> list[int]:
    """Count how often the log said that it is away, and that it is back."""
    return [sum(words in line for line in server.err) for words in WORDS]
