"""How long nobody is acknowledged when a replica set of three loses its primary.

python -m bench.cluster.failover

One server, whose bots post without a pause and repeat what was not acknowledged with its key. What is measured is the
longest time in which nothing is acknowledged: with members that miss their primary after a second, and with MongoDB's
own settings (ten seconds).
"""

import asyncio
import contextlib
import itertools
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

from bench import figures
from bench.end_to_end.contenders import REPOSITORY, bodies, make_key
from bench.load import Door
from bench.process import choose_cores, free_port, pinned, wait_until_ready
from tests.cluster.load import Load
from tests.cluster.replica_set import running_replica_set

FAULTS = ("steps down", "is killed", "stands still")
WRITERS = 4
WARM = 100  # acknowledged messages before the fault, and after it


async def measure() -> dict[str, Any]:
    """Cause each fault once; gives the seconds as `brisk` and `default`, by fault, and `lost`: what is missing (0)."""
    return {
        "brisk": {fault: await one_fault(fault, brisk=True) for fault in FAULTS},
        "default": {fault: await one_fault(fault, brisk=False) for fault in FAULTS},
    }


async def one_fault(fault: str, *, brisk: bool) -> float:
    """Seconds without an acknowledgement; fails when anything acknowledged is lost, doubled or out of order."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        async with running_replica_set(Path(folder), brisk=brisk) as members, loaded(members.uri, folder) as load:
            await load.listen()
            load.start(WRITERS)
            await load.more(WARM)
            primary = await members.primary()
            began = time.monotonic()
            if fault == "steps down":
                await members.step_down()
            elif fault == "is killed":
                await primary.kill()
            else:
                primary.send(signal.SIGSTOP)
            await load.more(WARM, within=90)
            await load.stop()
            await load.prove(within=60)
            return round(longest_silence([began, *(each for each in load.moments if each > began)]), 2)


def longest_silence(moments: list[float]) -> float:
    """The longest time between two of them."""
    return max(later - earlier for earlier, later in itertools.pairwise(moments))


@contextlib.asynccontextmanager
async def loaded(uri: str, folder: str) -> AsyncIterator[Load]:
    """A server, as an operator starts it, and who writes to it."""
    cores, port = choose_cores(), free_port()
    settings = {
        "PORT": str(port), "MONGODB_URI": uri, "ENVIRONMENT": "development", "DATA_DIR": f"{folder}/parley",
        "RATE_LIMITS": "off", "LOG_LEVEL": "ERROR",
    }  # fmt: skip
    key = await make_key(cores.server, settings)
    door = Door(port, "/company", auth={"api_key": key}, headers={"X-API-Key": key})
    command = [sys.executable, "-m", "app", "serve"]
    async with (
        pinned("parley", command, cores.server, settings, REPOSITORY) as running,
        aiohttp.ClientSession() as http,
    ):
        await wait_until_ready(running, f"http://127.0.0.1:{port}/health/ready")
        contact = str((await bodies(door, 1))[0]["contact_id"])
        load = Load(http, [f"http://127.0.0.1:{port}"], key, contact)
        try:
            yield load
        finally:
            await load.end()


def main() -> None:
    """Run and print."""
    found = asyncio.run(measure())
    rows = [
        [f"the primary {fault}", *(f"{found[kind][fault]:.1f}" for kind in ("brisk", "default"))] for fault in FAULTS
    ]
    print(figures.table(["seconds without an acknowledgement", "after 1 s", "MongoDB's own"], rows))


if __name__ == "__main__":
    main()
