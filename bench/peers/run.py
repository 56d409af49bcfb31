"""Install a peer, start it on a free port of one core, wait until it serves, end it."""

import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import jwt

from bench.load import Door, built
from bench.process import BenchError, Running, free_port, pinned, wait_until_listening, wait_until_ready

HERE = Path(__file__).parent
NPM_SECONDS = 300


@dataclass(frozen=True)
class Peer:
    """A peer that serves: `door` says how to load it, `running` what it uses."""

    running: Running
    door: Door


@dataclass(frozen=True)
class Floored:
    """What the C floor spent on writing `events` to every client."""

    events: int
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class Floor:
    """The C loop of write(2). Connect the promised number of listeners, `await ready()`, then `go`."""

    running: Running
    door: Door

    async def ready(self) -> None:
        """All the promised clients are connected."""
        await self.running.answer()

    async def go(self, events: int, burst: int, text: str) -> Floored:
        """Write a frame with `text` to all, `events` times, `burst` frames in each write."""
        return Floored(**await self.running.ask(f"go {events} {burst} {text}"))


@contextlib.asynccontextmanager
async def express(mongodb_uri: str, core: int) -> AsyncIterator[Peer]:
    """Express, Mongoose and Socket.IO with one company: its door posts with a key and listens with a token."""
    folder, port = installed("express"), free_port()
    settings = {
        "PORT": str(port), "MONGODB_URI": mongodb_uri, "JWT_ACCESS_SECRET": uuid4().hex, "NODE_ENV": "production",
    }  # fmt: skip
    account = await seeded(folder, core, settings)
    auth, headers = {"token": account["token"]}, {"X-API-Key": account["key"]}
    door = Door(port, "/company", auth, headers, thread="conversation_id")
    async with pinned("express", ["node", "server.js"], core, settings, folder) as running:
        await wait_until_ready(running, f"http://127.0.0.1:{port}/health/ready")
        yield Peer(running, door)


async def seeded(folder: Path, core: int, settings: Mapping[str, str]) -> Mapping[str, str]:
    """The company of the Express peer: its id, a key, a token."""
    async with pinned("seed.js", ["node", "seed.js"], core, settings, folder) as running:
        account: Mapping[str, str] = await running.answer(seconds=30)
        return account


@contextlib.asynccontextmanager
async def socketio_node(core: int, secret: str = "") -> AsyncIterator[Peer]:
    """Node's Socket.IO with `echo`, `go` and `stats`; with a secret it checks a token at connect."""
    command = ["node", "--expose-gc", "server.js"]
    async with engine_peer("socketio_node", command, core, secret, installed("socketio_node")) as peer:
        yield peer


@contextlib.asynccontextmanager
async def socketio_python(core: int, secret: str = "") -> AsyncIterator[Peer]:
    """python-socketio as shipped with `echo`, `go` and `stats`; with a secret it checks a token at connect."""
    command = [sys.executable, "-m", "bench.peers.socketio_python.server"]
    async with engine_peer("socketio_python", command, core, secret, HERE.parent.parent) as peer:
        yield peer


@contextlib.asynccontextmanager
async def engine_peer(name: str, command: list[str], core: int, secret: str, cwd: Path) -> AsyncIterator[Peer]:
    """A server without a database: it serves as soon as its port takes connections."""
    port = free_port()
    settings = {"PORT": str(port), "NODE_ENV": "production", **({"JWT_ACCESS_SECRET": secret} if secret else {})}
    auth = {"token": jwt.encode({"sub": "bench"}, secret, algorithm="HS256")} if secret else {}
    async with pinned(name, command, core, settings, cwd) as running:
        await wait_until_listening(running, port)
        yield Peer(running, Door(port, auth=auth))


@contextlib.asynccontextmanager
async def floor(core: int, clients: int) -> AsyncIterator[Floor]:
    """The C floor, waiting for exactly so many clients."""
    port = free_port()
    async with pinned("the floor", [built("floor", HERE), str(port), str(clients)], core) as running:
        await running.answer()
        yield Floor(running, Door(port))


def installed(name: str) -> Path:
    """The folder of a Node peer with its locked packages in place; `npm ci` runs when they are not."""
    folder = HERE / name
    mark = folder / "node_modules" / ".package-lock.json"
    if not mark.exists() or mark.stat().st_mtime < (folder / "package-lock.json").stat().st_mtime:
        npm_ci(folder)
    return folder


def npm_ci(folder: Path) -> None:
    """Install what the lock names; no package runs a script of its own at installation (.npmrc there)."""
    try:
        done = subprocess.run(["npm", "ci"], cwd=folder, capture_output=True, text=True, timeout=NPM_SECONDS)
    except FileNotFoundError as error:
        raise BenchError("The Node peers need node and npm (Debian: apt install nodejs npm).") from error
    if done.returncode:
        raise BenchError(f"npm ci failed for {folder.name}: {done.stderr[-1500:]}")
