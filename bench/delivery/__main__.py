"""How many replies a second one core gives to platforms that answer in 50 ms, how soon, and what trouble costs others.

python -m bench.delivery                      on an embedded MongoDB started for the run; about six minutes
python -m bench.delivery --mongodb-uri URI    on that replica set (a database of its own, dropped after)

The process that sends has one core; the platforms have the other, and share it with the database.
"""

import argparse
import asyncio
import time
from typing import Any

import uvloop
from bson import ObjectId

from app.actions.take_turn import due_turns
from app.jobs.outbox import Outbox
from bench import figures
from bench.delivery.stage import CHANNELS, CUSTOMERS, Stage, cpu, pin, quantile, stage
from bench.end_to_end.__main__ import mongodb
from bench.process import choose_cores

EACH = 5  # messages of a conversation in the backlog
TROUBLES: dict[str, dict[str, Any]] = {"failing": {"status": 500}, "hanging": {"hang": True}}
STORED = (10_000, 1_000_000)


def main() -> None:
    """Run, print, and keep what was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.delivery", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--mongodb-uri")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each half of a pair")
    parser.add_argument("--stored", type=int, nargs="*", default=STORED)
    options = parser.parse_args()
    result = uvloop.run(run(options))
    for name, found in result.items():
        print(name, found)
    how = {"rounds": options.rounds, "pairs": options.pairs, "seconds": options.seconds, "channels": CHANNELS}
    print("written:", figures.save("delivery", {"how": how, **result}).name)


async def run(options: argparse.Namespace) -> dict[str, Any]:
    """Every measurement in turn."""
    cores = choose_cores()
    async with mongodb(options.mongodb_uri) as uri:
        pin(cores.server)
        async with stage(uri, cores) as set_up:
            outbox = Outbox(set_up.hub)
            outbox.start()
            polling = asyncio.create_task(poll_on(outbox))
            found = {
                "idle": await idle(set_up),
                "sustained": figures.medians([await sustained(set_up) for _ in range(options.rounds)]),
                "trouble": {name: await troubled(set_up, action, options) for name, action in TROUBLES.items()},
            }
            polling.cancel()
            await outbox.close()
            return {**found, "poll": [await poll_cost(set_up, stored) for stored in options.stored]}


async def poll_on(outbox: Outbox) -> None:
    """What the scheduler does."""
    while True:
        await outbox.poll()
        await asyncio.sleep(1)


async def idle(set_up: Stage) -> dict[str, float]:
    """From the commit of a lone reply to the platform's having the call, in milliseconds."""
    took: list[float] = []
    await set_up.begin()
    for number in range(100):
        await set_up.say(number % CHANNELS, number % CUSTOMERS, f"{number}")
        committed = time.time()
        await set_up.rest()
        took.append((await set_up.arrivals())[-1][0] - committed)
    return {"p50_ms": quantile(took, 0.5) * 1e3, "p99_ms": quantile(took, 0.99) * 1e3}


async def sustained(set_up: Stage) -> dict[str, float]:
    """A backlog of five replies for each of 400 customers: how fast it goes out, and whether in order."""
    await set_up.begin()
    count = CHANNELS * CUSTOMERS * EACH
    began, used = time.monotonic(), cpu()
    for turn in range(EACH):
        await asyncio.gather(
            *(set_up.say(channel, customer, f"{turn}") for channel in range(CHANNELS) for customer in range(CUSTOMERS))
        )
    await set_up.rest()
    arrived = await set_up.arrivals()
    assert len(arrived) == count, (len(arrived), count)
    by_customer: dict[str, list[str]] = {}
    for _, who, text in arrived:
        by_customer.setdefault(who, []).append(text)
    assert all(texts == sorted(texts) for texts in by_customer.values()), "out of order"
    span = arrived[-1][0] - arrived[0][0]
    return {
        "sends_per_second": count / span,
        "with_queueing_per_second": count / (time.monotonic() - began),
        "cpu_us_each": (cpu() - used) / count * 1e6,
    }


async def troubled(set_up: Stage, action: dict[str, Any], options: argparse.Namespace) -> dict[str, float]:
    """The p99 of the other channels with the first one in trouble, against the same without, in pairs."""
    pairs = []
    for _ in range(options.pairs):
        calm = await others_p99(set_up, None, options.seconds)
        pairs.append((await others_p99(set_up, action, options.seconds), calm))
    ratios = [trouble / calm for trouble, calm in pairs]
    return {
        "p99_ms": quantile([trouble for trouble, _ in pairs], 0.5) * 1e3,
        "p99_ms_without": quantile([calm for _, calm in pairs], 0.5) * 1e3,
        "ratio": quantile(ratios, 0.5),
    }


async def others_p99(set_up: Stage, action: dict[str, Any] | None, seconds: float) -> float:
    """Forty replies a second, two of each channel; from asking to the platform's having it, without the first one's."""
    await set_up.begin(action)
    asked: dict[str, float] = {}
    until, number = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        channel, text = number % CHANNELS, f"t{number}"
        asked[text] = time.time()
        await set_up.say(channel, number // CHANNELS % CUSTOMERS, text)
        number += 1
        await asyncio.sleep(max(0.0, asked[text] + 1 / 40 - time.time()))
    await asyncio.sleep(1.0)
    took = [at - asked[text] for at, who, text in await set_up.arrivals() if not who.startswith("0-") and text in asked]
    await clear(set_up)
    return quantile(took, 0.99)


async def clear(set_up: Stage) -> None:
    """Let the troubled channel's rest go: its platform is well again."""
    await set_up.begin()
    await set_up.hub.store.gates.collection.delete_many({})
    set_up.hub.known.gates.clear()
    await set_up.hub.store.lanes.wake(set_up.channels[0])
    await set_up.rest()


async def poll_cost(set_up: Stage, stored: int) -> dict[str, float]:
    """What a look at the outbox costs beside so many stored messages."""
    collection = set_up.hub.store.messages.collection
    there = await collection.estimated_document_count()
    for first in range(there, stored, 10_000):
        filler = {"company_id": ObjectId(), "conversation_id": ObjectId(), "content": "Is my order on its way? " * 4}
        await collection.insert_many(
            [{**filler, "_id": ObjectId(), "seq": seq} for seq in range(first, min(stored, first + 10_000))],
            ordered=False,
        )
    took = []
    for _ in range(300):
        began = time.perf_counter()
        await due_turns(set_up.hub, [])
        took.append(time.perf_counter() - began)
    return {"stored": stored, "p50_ms": quantile(took, 0.5) * 1e3}


if __name__ == "__main__":
    main()
