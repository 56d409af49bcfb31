"""Our own commands and servers as processes of their own, started, heard and ended as a person would."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.settings import VARIABLES
from tests.waiting import until

ROOT = Path(__file__).parents[2]
UP, DOWN = 30.0, 20.0  # seconds, on a busy machine


@dataclass(frozen=True)
class Done:
    """What became of a command."""

    code: int
    out: str
    err: str

    @property
    def object(self) -> Any:
        """Return the one object that --json puts on standard output, and see that nothing else is there."""
        assert self.out.endswith("\n"), self
        assert self.out.count("\n") == 1, self
        return json.loads(self.out)


@dataclass
class Running:
    """A process that goes on, with the lines that it has said so far."""

    process: asyncio.subprocess.Process
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)

    async def says(self, words: str, within: float = UP) -> str:
        """Wait for a line, on either stream, that contains these words."""

        def found() -> str | None:
            return next((line for line in (*self.out, *self.err) if words in line), None)

        await until(lambda: found() or self.process.returncode is not None, within)
        line = found()
        assert line, (self.out, self.err)
        return line

    async def end(self, number: signal.Signals = signal.SIGTERM, within: float = DOWN) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), within)


@dataclass
class Server(Running):
    """A server that is up. `said` is the object that `serve --json` begins with."""

    said: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Return where it is."""
        return str(self.said["url"])

    @property
    def key(self) -> str:
        """Return the demo's bot key."""
        return str(self.said["demo"]["bot_key"])

    @property
    def contact_id(self) -> str:
        """Return the demo's first customer."""
        return str(self.said["demo"]["contact_id"])

    def message(self, content: str, **more: Any) -> dict[str, Any]:
        """Return the body of a message of that customer."""
        message = {"contact_id": self.contact_id, "role": "user", "platform": "web", "direction": "inbound"}
        return {**message, "content": content, **more}


def environ(**given: str) -> dict[str, str]:
    """Return what a process is told: nothing of ours but what is given. What coverage needs is passed on."""
    passed = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    cheap = {"BCRYPT_SALT_ROUNDS": "4", "PORT": "0", "PYTHONPATH": str(ROOT)}
    return {**passed, **cheap, **given}


async def _spawned(folder: Path, *words: str, **given: str) -> asyncio.subprocess.Process:
    """Start a program of ours in a folder, and in a process group of its own."""
    return await _executed(folder, sys.executable, *words, **given)


async def _executed(folder: Path, *words: str, **given: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *words,
        cwd=folder,
        env=environ(**given),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=1 << 20,
        start_new_session=True,
    )


async def run(folder: Path, *words: str, stdin: str = "", **given: str) -> Done:
    """Run `python -m app …` to its end."""
    process = await _spawned(folder, "-m", "app", *words, **given)
    try:
        out, err = await asyncio.wait_for(process.communicate(stdin.encode()), UP)
    finally:
        _kill(process)
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())


@asynccontextmanager
async def started(folder: Path, *words: str, **given: str) -> AsyncIterator[Running]:
    """Run a program of ours for as long as the block."""
    async with _heard(Running(await _spawned(folder, *words, **given))) as heard:
        yield heard


@asynccontextmanager
async def heard(folder: Path, *words: str, **given: str) -> AsyncIterator[Running]:
    """Run any program for as long as the block."""
    async with _heard(Running(await _executed(folder, *words, **given))) as program:
        yield program


@asynccontextmanager
async def running(folder: Path, *words: str, **given: str) -> AsyncIterator[Running]:
    """Run `python -m app …` for as long as the block."""
    async with started(folder, "-m", "app", *words, **given) as heard:
        yield heard


@asynccontextmanager
async def serving(folder: Path, command: str = "serve", *words: str, **given: str) -> AsyncIterator[Server]:
    """Run a server for as long as the block, on a free port unless one is given."""
    process = await _spawned(folder, "-m", "app", command, "--json", *words, **given)
    async with _heard(Server(process)) as server:
        server.said = json.loads(await server.says('"url"'))
        yield server
        if process.returncode is None:
            await server.end()


@asynccontextmanager
async def _heard(running: Any) -> AsyncIterator[Any]:
    streams = ((running.process.stdout, running.out), (running.process.stderr, running.err))
    readers = [asyncio.create_task(_read(stream, lines)) for stream, lines in streams]
    try:
        yield running
    finally:
        _kill(running.process)
        await asyncio.wait_for(running.process.wait(), DOWN)
        await asyncio.wait(readers, timeout=DOWN)


async def _read(stream: asyncio.StreamReader, lines: list[str]) -> None:
    while line := await stream.readline():
        lines.append(line.decode().rstrip("\n"))


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
