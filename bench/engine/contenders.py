"""Our bare server and its peers, each started on the server's core; and what any of them uses, to the nanosecond."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import jwt

from bench.load import Door
from bench.peers import Peer, socketio_node, socketio_python
from bench.process import Running, family, free_port, pinned, wait_until_listening

REPOSITORY = Path(__file__).parent.parent.parent
CALM = 0.004  # of a core: a server that uses less has nothing left to do
SETTLED_WITHIN = 15.0  # seconds

Start = Callable[[int, str], AbstractAsyncContextManager[Peer]]


@contextlib.asynccontextmanager
async def parley(core: int, secret: str = "") -> AsyncIterator[Peer]:
    """Our bare server; with a secret it checks a token at connect."""
    port = free_port()
    command = [sys.executable, "-m", "bench.engine.server", str(port)]
    settings = {"JWT_ACCESS_SECRET": secret} if secret else {}
    auth = {"token": jwt.encode({"sub": "bench"}, secret, algorithm="HS256")} if secret else {}
    async with pinned("parley", command, core, settings, REPOSITORY) as running:
        await wait_until_listening(running, port)
        yield Peer(running, Door(port, auth=auth))


STARTS: dict[str, Start] = {"parley": parley, "node": socketio_node, "python": socketio_python}
"""By the name in tables and plots. The floor stands beside them where there is one: bench/peers/floor.c."""


def cpu_of(running: Running) -> float:
    """Seconds that all threads of a program have run on a core so far. /proc/PID/schedstat counts nanoseconds."""
    return sum(nanoseconds(task) for pid in family(running.pid) for task in Path(f"/proc/{pid}/task").glob("*")) / 1e9


def nanoseconds(task: Path) -> int:
    """The first number of a thread's schedstat; 0 for one that has gone."""
    try:
        return int((task / "schedstat").read_text().split()[0])
    except OSError:
        return 0


async def settled(running: Running) -> None:
    """Return when a server has dealt with what came before, clients that left included."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SETTLED_WITHIN):
            while True:
                before = cpu_of(running)
                await asyncio.sleep(0.25)
                if cpu_of(running) - before < CALM * 0.25:
                    return
