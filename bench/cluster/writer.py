"""One process that writes to companies as it is told; `bench.cluster.contention` starts several.

python -m bench.cluster.writer URI reads orders from stdin, a line of JSON each, and answers each with a line: see
`Order` and `obey`.
"""

import asyncio
import gc
import itertools
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import uvloop
from loguru import logger

from app.actions.draft import Draft
from app.actions.send_message import send_message
from app.hub import Hub
from app.main import open_hub
from app.models.caller import Caller, CallerKind
from app.models.contact import Platform
from app.models.entity import CompanyId, ContactId
from app.models.message import Direction, MessageRole
from app.models.people import Scope
from app.settings import Settings
from app.settings_reading import read_settings

CONTENT = "Is my order on its way? " * 4
STEP = 0.0001  # seconds: how finely latencies are counted

Say = Callable[[], Awaitable[object]]


@dataclass(frozen=True, kw_only=True)
class Order:
    """Write to a company from `at` (CLOCK_MONOTONIC, one clock for all processes) on, for so many seconds.

    Without a `rate`, `callers` send one message after the other. With one, messages come at that many a second in all,
    at random times, whether or not those before them are answered.
    """

    company_id: str
    contacts: list[str]
    at: float
    seconds: float
    callers: int
    rate: float = 0.0


def main() -> None:
    """Serve until stdin ends."""
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    uvloop.run(serve(sys.argv[1]))


def settings_for(uri: str) -> Settings:
    """The settings of a process on this database."""
    return read_settings({"MONGODB_URI": uri, "JWT_ACCESS_SECRET": "bench" * 8, "ENVIRONMENT": "test",
                          "ENCRYPTION_KEYS": "A" * 43 + "="})  # fmt: skip


def caller_of(hub: Hub, company_id: str) -> Caller:
    """Somebody who may do everything in this company."""
    return Caller(kind=CallerKind.KEY, id=hub.new_id(), name="bench", company_id=CompanyId(company_id),
                  scopes=frozenset({Scope.ALL}))  # fmt: skip


async def serve(uri: str) -> None:
    """Do what stdin says, a line at a time."""
    async with open_hub(settings_for(uri), uri) as hub:
        gc.collect()
        gc.freeze()  # as `serve` does: a full collection would stop a process for 40 ms, and who waits for it too
        print(json.dumps("ready"), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await obey(hub, Order(**json.loads(line)))), flush=True)


async def obey(hub: Hub, order: Order) -> dict[str, object]:
    """What came of an order: commits a second, how many took how many steps, CPU used a commit."""
    say = speaker(hub, order)
    await asyncio.sleep(max(0.0, order.at - time.monotonic()))
    began, cpu = time.monotonic(), time.process_time()
    took = await (paced(say, order) if order.rate else closed_loop(say, order))
    return {
        "per_second": len(took) / (time.monotonic() - began),
        "cpu_us": (time.process_time() - cpu) / max(1, len(took)) * 1e6,
        "steps": Counter(int(each / STEP) for each in took),
    }


def speaker(hub: Hub, order: Order) -> Say:
    """The product's own verb, under a key that a client chose, from one customer after the other."""
    caller = caller_of(hub, order.company_id)
    contacts = itertools.cycle([ContactId(each) for each in order.contacts])

    async def say() -> object:
        draft = Draft(role=MessageRole.USER, direction=Direction.INBOUND, contact_id=next(contacts),
                      platform=Platform.WEB, content=CONTENT, client_message_id=hub.new_id())  # fmt: skip
        return await send_message(hub, caller, draft)

    return say


async def closed_loop(say: Say, order: Order) -> list[float]:
    """The seconds that each message took, when each caller sends the next one as soon as it is answered."""
    until = order.at + order.seconds
    took: list[float] = []

    async def call() -> None:
        while (began := time.monotonic()) < until:
            await say()
            took.append(time.monotonic() - began)

    await asyncio.gather(*(call() for _ in range(order.callers)))
    return took


async def paced(say: Say, order: Order) -> list[float]:
    """The seconds from when each message was due to its answer, when they come by themselves."""
    chance = random.Random(order.at)
    due, until = order.at, order.at + order.seconds
    took: list[float] = []

    async def call(due: float) -> None:
        await say()
        took.append(time.monotonic() - due)

    async with asyncio.TaskGroup() as calls:
        while (due := due + chance.expovariate(order.rate)) < until:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            calls.create_task(call(due))
    return took


if __name__ == "__main__":
    main()
