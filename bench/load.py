"""Load that costs less than what it measures: Socket.IO listeners and HTTP posts, driven from Python, done in C.

Why C: a bare asyncio protocol on uvloop that only counts frames used 3.8 µs for a lone frame, 0.85 in bursts of 8 and
1.2 in bursts of 32; `load_listen.c`, in turn with it and from the same server, 3.4, 0.46 and 0.17 (200 listeners,
150 bytes, medians of 4). A server that joins a burst of 32 spends 0.35 µs a delivery: Python would be the slower end.
How we know that it costs less: each report carries the generator's own `cpu_seconds`, for the bench to print beside the
server's. In bursts that is about what the C floor spends; for lone frames 0.4 to 0.5 of what Node spends to send them.
"""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from bench.process import BenchError, Running, pinned

HERE = Path(__file__).parent
BUILT = HERE / ".built"
STAMP = "#sent=" + "@" * 20
"""Stands in a posted text where the generator writes the moment of the send; listeners read it there."""


@dataclass(frozen=True)
class Latency:
    """How long something took, in ms: `within["p99"]` is what 99 of 100 stayed within."""

    count: int
    within: Mapping[str, float]

    @classmethod
    def parse(cls, data: Mapping[str, float]) -> "Latency":
        return cls(int(data["count"]), {name: value for name, value in data.items() if name != "count"})

    @property
    def p50(self) -> float:
        return self.within.get("p50", float("nan"))

    @property
    def p99(self) -> float:
        return self.within.get("p99", float("nan"))


@dataclass(frozen=True)
class Posted:
    """What became of a run of posts."""

    requests: int
    failed: int
    broken: int
    seconds: float
    cpu_seconds: float
    statuses: Mapping[str, int]
    first_failure: str
    latency: Latency

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    @property
    def created(self) -> int:
        return self.statuses.get("201", 0)


@dataclass(frozen=True)
class Heard:
    """What listeners were sent since the mark. `order` is of the watched ones: seen, repeated, backwards, gaps."""

    connected: int
    refused: int
    closed: int
    first_refusal: str
    events: int
    other: int
    bytes: int
    fewest: int
    most: int
    order: Mapping[str, int]
    seconds: float
    first_after: float
    last_after: float
    cpu_seconds: float
    age: Latency

    @property
    def per_second(self) -> float:
        return self.events / self.last_after if self.last_after else 0.0


@dataclass(frozen=True)
class Echoed:
    """A run of acknowledged events, each sent when the one before it was acknowledged."""

    round_trips: int
    seconds: float
    cpu_seconds: float
    latency: Latency


@dataclass(frozen=True)
class Door:
    """A server to load. `auth` goes with the Socket.IO CONNECT, `headers` with each post."""

    port: int
    namespace: str = "/"
    auth: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    host: str = "127.0.0.1"
    thread: str = ""
    """The key whose value tells which numbering a `seq` belongs to; empty when the company has one numbering."""


@dataclass(frozen=True)
class Listeners:
    """Connected Socket.IO clients in one process of their own."""

    running: Running
    count: int
    connected_in: float
    """Seconds from the first connect to the last CONNECT packet."""

    async def mark(self) -> None:
        """Begin counting anew."""
        await self.running.ask("mark")

    async def report(self) -> Heard:
        """What came since the mark."""
        return heard(await self.running.ask("report"))

    async def wait(self, events: int, seconds: float) -> Heard:
        """The same, as soon as so many events have come to all together, or the time is over."""
        return heard(await self.running.ask(f"wait {events} {seconds}"))

    async def call(self, event: str, argument: object) -> Any:
        """Emit an event from one listener and give back the first argument of its ack."""
        return (await self.running.ask(f"call {event} {json.dumps(argument)}"))["ack"][0]

    async def echo(self, sockets: int, seconds: float, event: str = "echo", argument: object = "x" * 100) -> Echoed:
        """Let `sockets` of them send and await acks in turn for so long."""
        return echoed(await self.running.ask(f"echo {sockets} {seconds} {event} {json.dumps(argument)}"))

    async def stall(self) -> None:
        """Nobody reads from now on."""
        await self.running.ask("stall")


def heard(answer: Mapping[str, Any]) -> Heard:
    """The generator's report as a value."""
    rest = {name: value for name, value in answer.items() if name != "age_ms"}
    return Heard(**rest, age=Latency.parse(answer["age_ms"]))


def echoed(answer: Mapping[str, Any]) -> Echoed:
    """The generator's report of echoes as a value."""
    rest = {name: value for name, value in answer.items() if name != "latency_ms"}
    return Echoed(**rest, latency=Latency.parse(answer["latency_ms"]))


@contextlib.asynccontextmanager
async def listen(
    door: Door,
    count: int,
    core: int,
    *,
    watched: int = 2,
    at_once: int = 50,
    event: str = "message:new",
    spin: bool = False,
) -> AsyncIterator[Listeners]:
    """Connect `count` listeners from one core, `at_once` handshakes at a time; raises when one is refused.

    `spin` keeps the generator awake: else the server pays for waking it, at some writes and not at others.
    """
    arguments = {
        "host": door.host, "port": door.port, "namespace": door.namespace, "auth": json.dumps(dict(door.auth)),
        "count": count, "watched": watched, "at_once": at_once, "event": event, "spin": int(spin),
        "thread": f'"{door.thread}":"' if door.thread else "",
    }  # fmt: skip
    async with pinned("the listeners", [built("load_listen"), *words(arguments)], core) as running:
        first = heard(await running.answer())
        if first.connected != count:
            raise BenchError(f"{first.connected} of {count} listeners connected; first refusal: {first.first_refusal}")
        yield Listeners(running, count, first.seconds)


async def post(
    door: Door, path: str, bodies: Sequence[Mapping[str, object]], core: int, *, concurrency: int = 32,
    seconds: float = 0, requests: int = 0,
) -> Posted:  # fmt: skip
    """Post the bodies in turn, for so many seconds or requests, each with an Idempotency-Key of its own."""
    arguments = {
        "host": door.host, "port": door.port, "path": path, "concurrency": concurrency, "seconds": seconds,
        "requests": requests, "run": uuid4().hex[:12],
        "headers": "".join(f"{name}: {value}\r\n" for name, value in door.headers.items()),
    }  # fmt: skip
    lines = "".join(json.dumps(body, separators=(",", ":")) + "\n" for body in bodies)
    async with pinned("the posts", [built("load_post"), *words(arguments)], core) as running:
        assert running.process.stdin is not None
        running.process.stdin.write(lines.encode())
        running.process.stdin.write_eof()
        answer = await running.answer()
    rest = {name: value for name, value in answer.items() if name != "latency_ms"}
    return Posted(**rest, latency=Latency.parse(answer["latency_ms"]))


def words(arguments: Mapping[str, object]) -> list[str]:
    """`name=value` for each, as our C programs read their arguments."""
    return [f"{name}={value}" for name, value in arguments.items()]


def built(name: str, folder: Path = HERE) -> Path:
    """The program compiled from `folder/name.c`, anew when a source or header beside it changed."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        raise BenchError("The benches compile their load generator: install a C compiler (Debian: apt install gcc).")
    sources = [folder / f"{name}.c", *sorted(folder.glob("*.h"))]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    program = BUILT / f"{name}-{digest}"
    if not program.exists():
        BUILT.mkdir(exist_ok=True)
        subprocess.run([compiler, "-O2", "-o", program, sources[0]], check=True)
    return program
