"""A real MongoDB with nothing installed: started with the server, and gone with it."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

from loguru import logger

from app.outside.files import private_folder
from app.outside.kept import cancelled_for_good, keep_running
from app.outside.lockfile import POLL, LockFile
from app.outside.mongod_binary import MongodError, find_mongod
from app.outside.mongod_home import Home, State
from app.outside.mongod_keeper import KeptMongod
from app.outside.mongod_process import PortTaken, free_port
from app.outside.replica_set import takes_writes
from app.settings import DATABASE

Role = Literal["server", "command"]

# A server that was killed a moment ago has not quite left.
KILLED_WAIT = 1.0  # seconds
# A command holds mongod for as long as it runs; a server holds it until it ends.
TURN_WAIT = 20.0
PORT_TRIES = 3
# The zlib memory disclosure; no compressor is enabled here, so it stays shut.
HOLES = {"6.0.5": "CVE-2025-14847"}


class AlreadyServing(MongodError):
    """Another server lives in this DATA_DIR."""


def embedded_mongo(data_dir: Path, role: Role, binary: Path | None = None) -> AbstractAsyncContextManager[str]:
    """Run a MongoDB that keeps its data in this folder; gives the URI while the block runs.

    A server runs it alone, and raises AlreadyServing where another one does. A command uses the server's, else runs
    one itself and stops it at the end. Raises MongodError with a sentence that says what to do.
    """
    try:
        home = Home(private_folder(data_dir))
    except OSError as error:
        raise MongodError(f"DATA_DIR must be a folder that this server can write to: {error}.") from error
    return _for_server(home, binary) if role == "server" else _for_command(home, binary)


@asynccontextmanager
async def temporary_mongo(binary: Path | None = None) -> AsyncIterator[str]:
    """Run a MongoDB that forgets everything at the end of the block; for tests."""
    with tempfile.TemporaryDirectory(prefix="parley-", ignore_cleanup_errors=True) as folder:
        async with _running(Home(Path(folder)), binary, lent=False) as uri:
            yield uri


@asynccontextmanager
async def _for_server(home: Home, binary: Path | None) -> AsyncIterator[str]:
    try:
        lock = await LockFile.turn(home.server_lock, KILLED_WAIT)
    except TimeoutError:
        raise AlreadyServing(
            f"A server runs already with DATA_DIR={home.folder}. Stop that one, or give this one another DATA_DIR."
        ) from None
    with lock:
        home.remember(replace(home.state(), pid=None))  # a killed server's process id says nothing any more
        try:
            turn = await LockFile.turn(home.mongod_lock, TURN_WAIT)
        except TimeoutError:
            raise MongodError(f"A command uses the MongoDB in {home.folder}; start when it is done.") from None
        with turn:
            async with _running(home, binary, lent=True) as uri:
                yield uri


@asynccontextmanager
async def _for_command(home: Home, binary: Path | None) -> AsyncIterator[str]:
    try:
        async with asyncio.timeout(TURN_WAIT):
            found = await _turn_or_server(home)
    except TimeoutError:
        raise MongodError(f"The MongoDB in {home.folder} is held by a process that does not serve it.") from None
    if isinstance(found, int):
        yield _uri(found)
        return
    with found:
        async with _running(home, binary, lent=False) as uri:
            yield uri


async def _turn_or_server(home: Home) -> LockFile | int:
    """Wait for the right to run mongod, or for the port of a server's that runs already."""
    while True:
        if turn := LockFile.take(home.mongod_lock):
            return turn
        state = home.state()
        if state.pid and state.port and await takes_writes(state.port):
            return state.port
        await asyncio.sleep(POLL)


@asynccontextmanager
async def _running(home: Home, binary: Path | None, lent: bool) -> AsyncIterator[str]:
    """Run mongod as long as the block; one that is `lent` may be used by commands, and is started again if it dies."""
    mongod, version = await _started(find_mongod(binary), home)
    keeping: set[asyncio.Task[None]] = set()
    try:
        assert mongod.process is not None
        home.remember(State(mongod.port, mongod.process.pid if lent else None, version))
        level = "INFO" if lent else "DEBUG"
        logger.bind(port=mongod.port).log(level, f"embedded MongoDB {version} on 127.0.0.1, for development only")
        if lent:
            keep_running(keeping, "mongod-keeper", mongod.keep)
        yield _uri(mongod.port)
    finally:
        await cancelled_for_good(keeping)
        with suppress(OSError):  # the folder may be gone; mongod must end all the same
            home.remember(replace(home.state(), pid=None))
        await mongod.stop()


async def _started(program: Path, home: Home) -> tuple[KeptMongod, str]:
    """Start mongod, on its last port if that is free; gives its version, too."""
    for _ in range(PORT_TRIES):
        mongod = KeptMongod(program, home, free_port(home.state().port))
        with suppress(PortTaken):
            return mongod, await mongod.start()
    raise MongodError(f"Each of {PORT_TRIES} free ports was taken before mongod could bind it.")


def _uri(port: int) -> str:
    return f"mongodb://127.0.0.1:{port}/{DATABASE}?replicaSet=rs0"
