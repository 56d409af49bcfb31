"""The embedded MongoDB, with the real program."""

import asyncio
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from app.outside import mongod, mongod_process
from app.outside.lockfile import LockFile
from app.outside.mongod import AlreadyServing, embedded_mongo, temporary_mongo
from app.outside.mongod_binary import MongodError, find_mongod
from app.outside.mongod_process import FLAGS
from tests.alive import runs
from tests.outside.words import connected, write, written
from tests.waiting import until

ROOT = Path(__file__).parents[2]


async def test_it_is_a_primary_that_knows_its_set(tmp_path: Path) -> None:
    async with embedded_mongo(tmp_path, "server") as uri, connected(uri) as client:
        hello = await client.admin.command("hello")
        assert hello["isWritablePrimary"]
        assert hello["setName"] == "rs0"


async def test_an_open_transaction_loses_its_locks_after_five_seconds(tmp_path: Path) -> None:
    async with embedded_mongo(tmp_path, "server") as uri, connected(uri) as client:
        answer = await client.admin.command({"getParameter": 1, "transactionLifetimeLimitSeconds": 1})
        assert answer["transactionLifetimeLimitSeconds"] == 5


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the limits of another process")
async def test_it_may_open_as_many_files_as_the_system_allows(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 1024), hard))  # as an ordinary user's processes begin
    try:
        async with embedded_mongo(tmp_path, "server"):
            assert resource.prlimit(state(tmp_path)["pid"], resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_restart_finds_its_data_on_the_same_port(tmp_path: Path) -> None:
    async with embedded_mongo(tmp_path, "server") as uri:
        await write(uri, "kept")
    async with embedded_mongo(tmp_path, "server") as again:
        assert again == uri
        assert await written(again) == ["kept"]


async def test_a_restart_on_another_port_finds_its_data(tmp_path: Path) -> None:
    async with embedded_mongo(tmp_path, "server") as uri:
        await write(uri, "kept")
    somebody = await asyncio.start_server(hang_up, "127.0.0.1", state(tmp_path)["port"])
    async with somebody, embedded_mongo(tmp_path, "server") as elsewhere:
        assert elsewhere != uri
        assert await written(elsewhere) == ["kept"]


async def test_a_killed_server_takes_its_mongod_along_and_the_next_one_starts(tmp_path: Path) -> None:
    async with holder(tmp_path) as (process, uri):
        await write(uri, "acknowledged")
        pid = state(tmp_path)["pid"]
        process.kill()
        async with embedded_mongo(tmp_path, "server") as again:
            assert await written(again) == ["acknowledged"]
            await until(lambda: not runs(pid), within=15)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
async def test_a_killed_server_takes_its_mongod_along_with_nobody_starting_again(tmp_path: Path) -> None:
    async with holder(tmp_path) as (process, _):
        pid = state(tmp_path)["pid"]
        process.kill()
        await until(lambda: not runs(pid), within=15)


async def test_an_orphan_that_nobody_told_to_leave_is_sent_away(tmp_path: Path) -> None:
    data = tmp_path / "mongo"
    data.mkdir()
    orphan = mongod_on(data)
    try:
        await until(lambda: (data / "mongod.lock").exists() and (data / "mongod.lock").read_text())
        async with embedded_mongo(tmp_path, "server"):
            assert orphan.poll() is not None
    finally:
        orphan.kill()
        orphan.wait()


async def test_a_second_server_is_refused_with_a_sentence(tmp_path: Path) -> None:
    async with embedded_mongo(tmp_path, "server"):
        with pytest.raises(AlreadyServing, match=f"A server runs already with DATA_DIR={tmp_path}"):
            async with embedded_mongo(tmp_path, "server"):
                pass


async def test_a_command_beside_a_server_uses_its_mongodb(tmp_path: Path) -> None:
    async with embedded_mongo(tmp_path, "server") as uri:
        async with embedded_mongo(tmp_path, "command") as same:
            assert same == uri
        await write(uri, "the server's MongoDB outlives the command")


async def test_a_command_waits_for_a_server_that_is_starting(tmp_path: Path) -> None:
    commanded = asyncio.Event()

    async def serve() -> str:
        async with embedded_mongo(tmp_path, "server") as uri:
            await asyncio.wait_for(commanded.wait(), timeout=10)
            return uri

    server = asyncio.create_task(serve())
    await until((tmp_path / "mongo").exists)
    command = await uri_within(tmp_path, "command")
    commanded.set()
    assert await server == command


async def test_a_command_alone_runs_mongodb_and_stops_it(tmp_path: Path) -> None:
    async with embedded_mongo(tmp_path, "command") as uri:
        await write(uri, "by a command")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", state(tmp_path)["port"]))


async def test_a_server_waits_for_a_command_to_be_done(tmp_path: Path) -> None:
    async with embedded_mongo(tmp_path, "command") as uri:
        server = asyncio.create_task(uri_within(tmp_path, "server"))
        await write(uri, "by a command")
        assert not server.done()
    assert await server == uri


async def test_waiting_for_one_that_stays_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mongod, "TURN_WAIT", 0.1)
    with LockFile.wait(tmp_path / "mongod.lock", within=1):
        with pytest.raises(MongodError, match="A command uses the MongoDB in"):
            await uri_within(tmp_path, "server")
        with pytest.raises(MongodError, match="is held by a process that does not serve it"):
            await uri_within(tmp_path, "command")


async def test_one_that_does_not_want_to_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mongod_process, "TERMINATE_WAIT", 0.1)
    stubborn = subprocess.Popen(["/bin/sh", "-c", "trap '' TERM; echo; read forever"], stdin=PIPE, stdout=PIPE)
    with stubborn:
        assert stubborn.stdout
        assert await asyncio.to_thread(stubborn.stdout.readline)
        await mongod_process.stop(stubborn)
        assert stubborn.poll() == -signal.SIGKILL


async def test_commands_take_turns(tmp_path: Path) -> None:
    async with asyncio.timeout(30):
        first, second = await asyncio.gather(uri_within(tmp_path, "command"), uri_within(tmp_path, "command"))
    assert first == second


async def test_ctrl_c_leaves_mongodb_to_the_server_that_is_still_finishing(tmp_path: Path) -> None:
    async with holder(tmp_path) as (process, _):
        os.killpg(process.pid, signal.SIGINT)
        assert await line_of(process) == "written"
        await until(lambda: process.poll() == 0, within=15)
    assert state(tmp_path)["pid"] is None


async def test_a_temporary_one_leaves_nothing_behind() -> None:
    async with temporary_mongo() as uri, connected(uri) as client:
        options = await client.admin.command("getCmdLineOpts")
        folder = Path(options["parsed"]["storage"]["dbPath"])
        assert folder.exists()
    assert not folder.exists()


async def test_a_thread_that_may_end_first_may_not_start_it(tmp_path: Path) -> None:
    refused: list[str] = []

    def elsewhere() -> None:
        with pytest.raises(RuntimeError) as error:
            asyncio.run(uri_within(tmp_path, "server"))
        refused.append(str(error.value))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    await until(lambda: not thread.is_alive())
    assert refused == ["mongod must be started from the main thread"]


async def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MongodError, match="DATA_DIR must be a folder"):
        embedded_mongo(tmp_path / "file", "server")


async def uri_within(data_dir: Path, role: Any) -> str:
    """Hold MongoDB until a word is written to it."""
    async with embedded_mongo(data_dir, role) as uri:
        await write(uri, role)
        return uri


@asynccontextmanager
async def holder(data_dir: Path) -> AsyncIterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process group of its own, with the URI of its MongoDB."""
    command = [sys.executable, "-m", "tests.outside.holder", str(data_dir)]
    with subprocess.Popen(command, cwd=ROOT, stdout=PIPE, text=True, start_new_session=True) as process:
        try:
            yield process, await line_of(process)
        finally:
            process.kill()


def mongod_on(data: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([find_mongod(None), "--dbpath", data, "--port", "0", *FLAGS], stdout=subprocess.DEVNULL)


async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    async with asyncio.timeout(30):
        return (await asyncio.to_thread(process.stdout.readline)).strip()


def state(data_dir: Path) -> Any:
    return json.loads((data_dir / "mongod.json").read_bytes())
