"""Start a measured program on one core, know what it uses, and end it by its id whatever happens."""

import asyncio
import contextlib
import json
import os
import resource
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import aiohttp

START_SECONDS = 30.0
STOP_SECONDS = 15.0
ANSWER_SECONDS = 120.0
TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class BenchError(Exception):
    """A program of the bench did not do its part; the text says which and what it printed."""


@dataclass(frozen=True)
class Cores:
    """Where the measured server runs, and where everything that loads it does."""

    server: int
    load: int


def choose_cores() -> Cores:
    """The first two cores we may use; refuses a machine with one, where load and server would measure each other."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise BenchError("A bench needs two cores: one for the server and one for the load.")
    return Cores(server=allowed[0], load=allowed[1])


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def allow_many_files() -> None:
    """Let this process and its children hold as many sockets as the system grants."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@dataclass(frozen=True)
class Running:
    """A program under way: write it lines, read its JSON lines, ask what it has used."""

    name: str
    process: asyncio.subprocess.Process
    errors: IO[bytes]

    @property
    def pid(self) -> int:
        return self.process.pid

    def cpu_seconds(self) -> float:
        """User and system time of the process and its descendants so far; a step is one clock tick (10 ms)."""
        return sum(cpu_ticks(pid) for pid in family(self.pid)) / TICKS

    def resident_bytes(self) -> int:
        """Memory of the process and its descendants that is in RAM."""
        return sum(resident_pages(pid) for pid in family(self.pid)) * PAGE_BYTES

    async def tell(self, line: str) -> None:
        """Write one line to its stdin."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        await self.process.stdin.drain()

    async def answer(self, seconds: float = ANSWER_SECONDS) -> Any:
        """Its next line of stdout, parsed from JSON."""
        assert self.process.stdout is not None
        try:
            async with asyncio.timeout(seconds):
                line = await self.process.stdout.readline()
        except TimeoutError as error:
            raise self.failure(f"said nothing for {seconds:.0f} s") from error
        if not line:
            raise self.failure("ended")
        return json.loads(line)

    async def ask(self, line: str, seconds: float = ANSWER_SECONDS) -> Any:
        """Write one line and read the JSON line that answers it."""
        await self.tell(line)
        return await self.answer(seconds)

    def failure(self, what: str) -> BenchError:
        """What went wrong, with the end of what the program printed to stderr."""
        self.errors.seek(0)
        tail = self.errors.read().decode(errors="replace")[-2000:].strip()
        return BenchError(f"{self.name} {what}. It printed: {tail or 'nothing'}")


def family(pid: int) -> list[int]:
    """The process and its living descendants."""
    found = [pid]
    for each in found:
        for task in Path(f"/proc/{each}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += [int(child) for child in task.read_text().split()]
    return found


def cpu_ticks(pid: int) -> int:
    """utime and stime of proc(5), that of children already reaped included; 0 for a process that has gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(int(field) for field in fields[11:15])


def resident_pages(pid: int) -> int:
    """Pages of a process in RAM; 0 for one that has gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0


@contextlib.asynccontextmanager
async def pinned(
    name: str,
    command: Sequence[str | Path],
    core: int | str,
    settings: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> AsyncIterator[Running]:
    """Run a command until the block ends, on one core or a list of them, with a clean environment and `settings`."""
    allow_many_files()
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
    with tempfile.TemporaryFile() as errors:
        process = await asyncio.create_subprocess_exec(
            "taskset", "--cpu-list", str(core), *map(str, command), cwd=cwd, env={**kept, **(settings or {})},
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=errors,
        )  # fmt: skip
        try:
            yield Running(name, process, errors)
        finally:
            await stop(process)


async def stop(process: asyncio.subprocess.Process) -> None:
    """End a child: politely, then for good."""
    if process.returncode is None:
        # Not process.terminate(): it would reap a child that has just ended by itself, before asyncio's watcher does.
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
            return
    print(f"process {process.pid} did not stop in {STOP_SECONDS:.0f} s; killing it", file=sys.stderr)
    process.kill()
    await process.wait()


async def wait_until_ready(running: Running, url: str, seconds: float = START_SECONDS) -> None:
    """Return when `url` answers 200; raise when the program ends or the time is over first."""
    try:
        async with asyncio.timeout(seconds), aiohttp.ClientSession() as http:
            while not await answers(http, url):
                if running.process.returncode is not None:
                    raise running.failure(f"ended with {running.process.returncode}")
                await asyncio.sleep(0.1)
    except TimeoutError as error:
        raise running.failure(f"did not answer {url} in {seconds:.0f} s") from error


async def wait_until_listening(running: Running, port: int, seconds: float = START_SECONDS) -> None:
    """Return when the port takes connections; raise when the program ends or the time is over first."""
    for _ in range(int(seconds / 0.1)):
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        if running.process.returncode is not None:
            break
        await asyncio.sleep(0.1)
    raise running.failure(f"does not listen on port {port}")


async def answers(http: aiohttp.ClientSession, url: str) -> bool:
    """Whether `url` answers 200 just now."""
    try:
        async with http.get(url, timeout=aiohttp.ClientTimeout(total=2)) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False
