"""What another process costs: how much later its listeners hear, and what they cost it, with Redis and without.

python -m bench.cluster.doorbell                       on an embedded MongoDB and a Redis started for the run
python -m bench.cluster.doorbell --mongodb-uri URI     on that replica set (a database of its own, dropped after)

Two servers of one company; messages are posted to the first at a fixed, low rate. One listener at each hears every
message, so that each message is a pair: from just before the POST is written to the moment a socket was read. Then 500
listeners are at the first server, at none, or at the second, in turn, and the CPU that they cost is what their server
used beyond what it uses without them.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bench import figures
from bench.end_to_end.__main__ import mongodb
from bench.end_to_end.contenders import REPOSITORY, bodies, database, make_key
from bench.load import Door, listen
from bench.process import BenchError, Cores, Running, choose_cores, free_port, pinned, wait_until_ready
from tests.cluster.redis import Redis, running_redis

PACE = 0.04  # seconds between two posts: about a tenth of a core
MESSAGES = 150  # a measurement
LISTENERS = 500
PATIENCE = 30.0  # seconds for the last message to be heard


@dataclass
class Ear:
    """One listener, and when it heard each text."""

    heard: dict[str, float] = field(default_factory=dict)
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self, door: Door) -> None:
        """Hear until cancelled."""
        url = f"http://{door.host}:{door.port}/socket.io/?EIO=4&transport=websocket"
        async with aiohttp.ClientSession() as http, http.ws_connect(url, max_msg_size=0) as socket:
            await socket.send_str("40/company," + json.dumps(door.auth))
            async for message in socket:
                now = time.monotonic()
                if message.data == "2":
                    await socket.send_str("3")
                elif "sync:ready" in message.data:
                    self.ready.set()
                elif '"message:new"' in message.data:
                    body = json.loads(message.data.removeprefix("42/company,"))[1]
                    self.heard[body["message"]["content"]] = now


@dataclass(frozen=True)
class Stage:
    """Two servers of one company, and the Redis between them."""

    doors: tuple[Door, Door]
    servers: tuple[Running, Running]
    redis: Redis
    cores: Cores
    contact: str


async def measure(uri: str, rounds: int) -> dict[str, Any]:
    """Measure; gives `how`, the `median` of each figure and the `rounds`.

    A round says, in ms, `here_p50`, `there_p50` and `added_p50` (of the pairs), `there_p99`, without Redis `alone_p50`
    and `alone_p99`; and in ms of CPU an event `local_cpu` and `remote_cpu` for 500 listeners, and their ratio.
    """
    async with stage(uri) as ready:
        found = [await one_round(ready) for _ in range(rounds)]
    how = {"rounds": rounds, "messages": MESSAGES, "per_second": round(1 / PACE), "listeners": LISTENERS}
    return {"how": how, "median": figures.medians(found), "rounds": found}


@contextlib.asynccontextmanager
async def stage(uri: str) -> AsyncIterator[Stage]:
    """Start both servers as an operator does; the second has the load's core, which is idle enough."""
    cores = choose_cores()
    async with contextlib.AsyncExitStack() as stack:
        own = await stack.enter_async_context(database(uri, "doorbell"))
        redis = await stack.enter_async_context(running_redis())
        data = stack.enter_context(tempfile.TemporaryDirectory())
        settings = {
            "MONGODB_URI": own, "REDIS_URL": redis.url, "ENVIRONMENT": "development", "DATA_DIR": data,
            "RATE_LIMITS": "off", "LOG_LEVEL": "ERROR",
        }  # fmt: skip
        key = await make_key(cores.server, settings)
        doors = [Door(free_port(), "/company", auth={"api_key": key}, headers={"X-API-Key": key}) for _ in range(2)]
        servers = []
        for door in doors:
            command = [sys.executable, "-m", "app", "serve", "--port", str(door.port)]
            running = await stack.enter_async_context(pinned("parley", command, cores.server, settings, REPOSITORY))
            await wait_until_ready(running, f"http://{door.host}:{door.port}/health/ready")
            servers.append(running)
        contact = str((await bodies(doors[0], 1))[0]["contact_id"])
        yield Stage((doors[0], doors[1]), (servers[0], servers[1]), redis, cores, contact)


async def one_round(ready: Stage) -> dict[str, float]:
    """With Redis, without it, and what the listeners cost."""
    here, there, added = await pairs(ready)
    await ready.redis.kill()
    _, alone, _ = await pairs(ready)
    await ready.redis.start()
    await asyncio.sleep(2.0)  # for both servers to find it again
    local, idle, remote = [await cpu_of(ready, at) for at in (0, None, 1)]
    return {
        "here_p50": quantile(here, 50),
        "there_p50": quantile(there, 50),
        "added_p50": quantile(added, 50),
        "there_p99": quantile(there, 99),
        "alone_p50": quantile(alone, 50),
        "alone_p99": quantile(alone, 99),
        "local_cpu": local[0] - idle[0],
        "remote_cpu": remote[1] - idle[1],
        "cpu_ratio": (remote[1] - idle[1]) / (local[0] - idle[0]),
    }


async def pairs(ready: Stage) -> tuple[list[float], list[float], list[float]]:
    """The ms after which each message was heard at the first server and at the second, and their differences."""
    ears = [Ear(), Ear()]
    tasks = [asyncio.create_task(ear.listen(door)) for ear, door in zip(ears, ready.doors, strict=True)]
    try:
        async with asyncio.timeout(PATIENCE):
            for ear in ears:
                await ear.ready.wait()
        await asyncio.sleep(1.5)  # for the second server to be subscribed
        sent = await post_slowly(ready)
        async with asyncio.timeout(PATIENCE):
            while any(len(ear.heard) < len(sent) for ear in ears):
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise BenchError("not every message was heard") from None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    here, there = ([(ear.heard[text] - at) * 1000 for text, at in sent.items()] for ear in ears)
    return here, there, [far - near for near, far in zip(here, there, strict=True)]


async def post_slowly(ready: Stage) -> dict[str, float]:
    """Post at the pace; gives the moment of each text."""
    door, sent = ready.doors[0], dict[str, float]()
    message = {"contact_id": ready.contact, "role": "user", "platform": "web", "direction": "inbound"}
    async with aiohttp.ClientSession(headers=dict(door.headers)) as http:
        for number in range(MESSAGES):
            text = f"{number} {time.monotonic_ns()}"
            sent[text] = time.monotonic()
            url = f"http://{door.host}:{door.port}/api/v1/messages"
            async with http.post(url, json=message | {"content": text}) as response:
                if response.status != 201:
                    raise BenchError(f"a message was refused: {response.status}")
            await asyncio.sleep(max(0.0, sent[text] + PACE - time.monotonic()))
    return sent


async def cpu_of(ready: Stage, at: int | None) -> tuple[float, float]:
    """The ms of CPU that each server used for a message, with the listeners at one of them or at none."""
    async with contextlib.AsyncExitStack() as stack:
        if at is not None:
            await stack.enter_async_context(listen(ready.doors[at], LISTENERS, ready.cores.load))
            await asyncio.sleep(1.5)
        before = [server.cpu_seconds() for server in ready.servers]
        await post_slowly(ready)
        await asyncio.sleep(0.5)
        spent = [server.cpu_seconds() - was for server, was in zip(ready.servers, before, strict=True)]
    return spent[0] * 1000 / MESSAGES, spent[1] * 1000 / MESSAGES


def quantile(values: list[float], percent: int) -> float:
    """The value below which so many percent are."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.cluster.doorbell", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--mongodb-uri")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    try:
        found = asyncio.run(run(options.mongodb_uri, options.rounds))
    except BenchError as error:
        sys.exit(f"bench.cluster.doorbell: {error}")
    print(found["how"])
    heads = ["", "median", *(f"round {number + 1}" for number in range(options.rounds))]
    rows = [
        [name, f"{median:,.2f}", *(f"{each[name]:,.2f}" for each in found["rounds"])]
        for name, median in found["median"].items()
    ]
    print(figures.table(heads, rows))


async def run(uri: str | None, rounds: int) -> dict[str, Any]:
    """Measure on the given replica set, or on one of our own."""
    async with mongodb(uri) as found:
        return await measure(found, rounds)


if __name__ == "__main__":
    main()
