"""A herd: every client comes back at once after a restart, each so many events behind.

python -m bench.cluster.reconnect                       5 000 clients, on an embedded MongoDB started for the run
python -m bench.cluster.reconnect --mongodb-uri URI     on that replica set (a database of its own, dropped after)
python -m bench.cluster.reconnect --quick               1 000 clients, one round: for a look

The clients are connected, the server is stopped (SIGTERM) and started again on the same port, and the moment it is
ready all of them dial in one step, with no spread: the worst case, for the official client spreads its first try over
0.5 to 1.5 s. The server has one core, the load the other, MongoDB what they leave.
"""

import argparse
import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
from pymongo import AsyncMongoClient

from bench import figures
from bench.end_to_end.__main__ import mongodb
from bench.end_to_end.contenders import REPOSITORY, bodies, database, make_key
from bench.load import Door, Heard, listen, post
from bench.process import BenchError, Cores, Running, choose_cores, free_port, pinned, wait_until_ready

BEHIND = 100  # events that each client missed
EVENTS = 300  # messages in the log
CONTACTS = 20
PATIENCE = 100.0  # seconds until whoever has not caught up counts as lost
PING_SECONDS = 5  # between two pings: shorter than in production, so that a stall cuts clients sooner
HOLD = 2.0 * PING_SECONDS  # that the herd is watched for afterwards
NEVER = 1 << 60  # events
PATH = "/api/v1/messages"


@dataclass(frozen=True)
class Stage:
    """What every round is played on: one database, one port, one company."""

    uri: str
    settings: dict[str, str]
    door: Door
    cores: Cores


async def measure(uri: str, rounds: int, clients: int) -> dict[str, Any]:
    """Play the restart so many times; gives `how`, the `median` of each figure and the `rounds`.

    A round says: `caught_up_seconds` and `connected_seconds` from the first dial, `log_reads` (queries of the events
    collection, as MongoDB counted them) and `reads_per_client`, `server_cpu_seconds`, `load_cpu_seconds`, `cut_off`
    (clients that lost their connection again: 0), `peak_rss_mb`, `megabytes`. Raises BenchError when anyone was cut
    off, or was told anything but every event once.
    """
    cores = choose_cores()
    async with database(uri, "herd") as own:
        with tempfile.TemporaryDirectory() as data:
            stage = await set_up(own, data, cores)
            found = [await one_round(stage, clients) for _ in range(rounds)]
    how = {"clients": clients, "behind": BEHIND, "rounds": rounds, "spread_seconds": 0, "ping_seconds": PING_SECONDS}
    return {"how": how, "median": figures.medians(found), "rounds": found}


async def set_up(uri: str, data: str, cores: Cores) -> Stage:
    """A company with a log; its door shows where the herd left off."""
    port = free_port()
    settings = {
        "PORT": str(port), "MONGODB_URI": uri, "ENVIRONMENT": "development", "DATA_DIR": data, "RATE_LIMITS": "off",
        "LOG_LEVEL": "WARNING", "PING_INTERVAL": f"{PING_SECONDS}s", "PING_TIMEOUT": f"{4 * PING_SECONDS}s",
    }  # fmt: skip
    key = await make_key(cores.server, settings)
    door = Door(port, "/company", auth={"api_key": key}, headers={"X-API-Key": key})
    stage = Stage(uri, settings, door, cores)
    async with served(stage):
        posted = await post(door, PATH, await bodies(door, CONTACTS), cores.load, requests=EVENTS)
        if posted.created != EVENTS:
            raise BenchError(f"only {posted.created} of {EVENTS} messages were stored: {posted.first_failure}")
        epoch, head = await place_of(door)
    return replace(stage, door=replace(door, auth={"api_key": key, "epoch": epoch, "seq": head - BEHIND}))


@contextlib.asynccontextmanager
async def served(stage: Stage) -> AsyncIterator[Running]:
    """Our server, as an operator starts it."""
    command = [sys.executable, "-m", "app", "serve"]
    async with pinned("parley", command, stage.cores.server, stage.settings, REPOSITORY) as running:
        await wait_until_ready(running, f"http://{stage.door.host}:{stage.door.port}/health/ready")
        yield running


async def place_of(door: Door) -> tuple[str, int]:
    """The epoch and the head of the company's log."""
    async with (
        aiohttp.ClientSession(headers=dict(door.headers)) as http,
        http.get(f"http://{door.host}:{door.port}/api/v1/changes") as response,
    ):
        found = (await response.json())["data"]
        return found["epoch"], found["head"]


async def one_round(stage: Stage, clients: int) -> dict[str, float]:
    """Connect all, restart the server, and let all of them come back."""
    await connect_and_stop(stage, clients)
    async with served(stage) as running:
        cpu, reads = running.cpu_seconds(), await log_reads(stage.uri)
        everyone: dict[str, Any] = {"watched": clients, "at_once": clients}
        async with listen(stage.door, clients, stage.cores.load, **everyone) as herd:
            heard = await herd.wait(clients * BEHIND, PATIENCE)
            spent = running.cpu_seconds() - cpu
            check(clients, heard)
            check(clients, await herd.wait(NEVER, HOLD))
            reads = await log_reads(stage.uri) - reads
            return {
                "connected_seconds": herd.connected_in,
                "caught_up_seconds": heard.last_after,
                "log_reads": float(reads),
                "reads_per_client": reads / clients,
                "server_cpu_seconds": spent,
                "load_cpu_seconds": heard.cpu_seconds,
                "cut_off": float(heard.closed),
                "peak_rss_mb": peak_rss_bytes(running) / 1e6,
                "megabytes": heard.bytes / 1e6,
            }


async def connect_and_stop(stage: Stage, clients: int) -> None:
    """Stop a server that all of them are connected to; each must see its connection end."""
    head = replace(stage.door, auth={"api_key": stage.door.auth["api_key"]})
    async with contextlib.AsyncExitStack() as first:
        await first.enter_async_context(served(stage))
        async with listen(head, clients, stage.cores.load) as listeners:
            await first.aclose()
            async with asyncio.timeout(PATIENCE):
                while (await listeners.report()).closed < clients:
                    await asyncio.sleep(0.1)


def check(clients: int, heard: Heard) -> None:
    """Whoever was cut off, or did not hear all of it once and in order, makes the figures worthless."""
    faults = {name: heard.order[name] for name in ("repeated", "backwards", "gaps")} | {"cut off": heard.closed}
    if any(faults.values()) or not heard.fewest == heard.most == BEHIND or heard.order["seen"] != clients * BEHIND:
        raise BenchError(f"between {heard.fewest} and {heard.most} events came to each of {clients} clients; {faults}")


async def log_reads(uri: str) -> int:
    """How often the events collection was queried so far; MongoDB counts for `top` by collection."""
    async with AsyncMongoClient[dict[str, Any]](uri) as client:
        log = client.get_default_database().events
        counted = (await client.admin.command("top"))["totals"].get(log.full_name, {})
        return sum(int(counted[kind]["count"]) for kind in ("queries", "getmore") if kind in counted)


def peak_rss_bytes(running: Running) -> int:
    """The most memory that the server ever had in RAM: VmHWM of proc(5)."""
    status = Path(f"/proc/{running.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.cluster.reconnect", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--mongodb-uri")
    parser.add_argument("--clients", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    rounds, clients = (1, 1000) if options.quick else (options.rounds, options.clients)
    try:
        found = asyncio.run(run(options.mongodb_uri, rounds, clients))
    except BenchError as error:
        sys.exit(f"bench.cluster.reconnect: {error}")
    print(found["how"])
    heads = [f"round {number + 1}" for number in range(rounds)]
    rows = [[name, *(f"{each[name]:,.2f}" for each in found["rounds"])] for name in found["median"]]
    print(figures.table(["", *heads], rows))


async def run(uri: str | None, rounds: int, clients: int) -> dict[str, Any]:
    """Measure on the given replica set, or on one of our own."""
    async with mongodb(uri) as found:
        return await measure(found, rounds, clients)


if __name__ == "__main__":
    main()
