"""One mongod process: it ends with us and never before us."""

import asyncio
import random
import socket
import subprocess
import sys
import threading
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from app.outside.mongod_binary import MongodError, why_it_ended
from app.outside.mongod_home import KILL_WAIT, TERMINATE_WAIT, Home
from app.outside.tie import tied

FLAGS = (
    *("--replSet", "rs0"),  # transactions need one, if only of one node
    *("--bind_ip", "127.0.0.1"),
    *("--oplogSize", "64"),
    *("--wiredTigerCacheSizeGB", "0.25"),
    *("--networkMessageCompressors", "disabled"),  # 6.0.5 leaks memory through zlib: CVE-2025-14847
    *("--setParameter", "transactionLifetimeLimitSeconds=5"),  # what a killed writer left open lets go of its locks
    *("--setParameter", "diagnosticDataCollectionEnabled=false"),  # up to 200 MB that only MongoDB's support reads
    "--quiet",
    *(() if sys.platform == "win32" else ("--nounixsocket",)),  # a killed mongod would leave it behind
)
# https://github.com/mongodb/mongo/blob/v6.0/src/mongo/util/exit_code.h: EXIT_NET_ERROR
PORT_TAKEN = 48
POLL = 0.02  # seconds
# Below the ports that Linux (32768 and up) and macOS (49152 and up) give to outgoing connections: while mongod is down
# one of those would take its port, even a client's own that tries to reach it.
LASTING_PORTS = range(20_000, 32_000)
# A database of some GB replays its journal after a crash before it listens.
LISTEN_WAIT = 60.0


class PortTaken(Exception):
    """Somebody else took the port between our choice and mongod's bind."""


def free_port(wanted: int | None) -> int:
    """Choose a port of this machine: the wanted one if it is free, else one that no outgoing connection is given."""
    for port in (*([wanted] if wanted else ()), *random.sample(LASTING_PORTS, 20), 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as mongod does, despite TIME_WAIT
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise MongodError("This machine has no free port for the embedded MongoDB.")


async def start(program: Path, home: Home, port: int, *more: str) -> subprocess.Popen[bytes]:
    """Start mongod, with `more` flags, and wait until it accepts connections; what fails to is ended.

    Raises PortTaken, or MongodError that says what it died of.
    """
    process = spawn(program, home, port, *more)
    async with AsyncExitStack() as undo:
        undo.push_async_callback(stop, process)
        await listening(process, home, port)
        undo.pop_all()
    return process


async def stop(process: subprocess.Popen[bytes]) -> None:
    """End mongod: cleanly if it can, and within TERMINATE_WAIT + KILL_WAIT in any case."""
    process.terminate()
    if not await ended(process, TERMINATE_WAIT):
        process.kill()
        await ended(process, KILL_WAIT)


def spawn(program: Path, home: Home, port: int, *more: str) -> subprocess.Popen[bytes]:
    """Start mongod in a session of its own, so that Ctrl-C reaches only us, and tied to the life of this process."""
    if threading.current_thread() is not threading.main_thread():
        # The parent-death signal comes when the *thread* that forked ends: prctl(2), PR_SET_PDEATHSIG.
        raise RuntimeError("mongod must be started from the main thread")
    home.data.mkdir(mode=0o700, exist_ok=True)
    command = [program, "--dbpath", home.data, "--port", str(port), *FLAGS, *more]
    with suppress(FileNotFoundError):
        home.log.replace(home.log_before)
    with home.log.open("wb") as log:
        try:
            return subprocess.Popen(
                tied(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        except OSError as error:
            raise MongodError(f"{program} does not run on this machine: {error}.") from error


async def listening(process: subprocess.Popen[bytes], home: Home, port: int) -> None:
    """Wait until it accepts connections. Raises PortTaken, or MongodError that says what it died of."""
    try:
        async with asyncio.timeout(LISTEN_WAIT):
            while not _accepts(port):
                if (code := process.poll()) is not None:
                    raise PortTaken if code == PORT_TAKEN else why_it_ended(code, home.log)
                await asyncio.sleep(POLL)
    except TimeoutError:
        raise MongodError(f"The embedded MongoDB does not listen; its log is {home.log}.") from None


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def ended(process: subprocess.Popen[bytes], within: float, poll: float = POLL) -> bool:
    """Wait until the process has ended; False when it runs on after `within` seconds."""
    try:
        async with asyncio.timeout(within):
            while process.poll() is None:  # noqa: ASYNC110 - a child's exit sets no event of ours
                await asyncio.sleep(poll)
    except TimeoutError:
        return False
    return True
