"""Everything about several processes: what they cost each other, how soon they hear, how they come back.

python -m bench.cluster                       on servers started for the run; about eight minutes
python -m bench.cluster --mongodb-uri URI     the first three parts on that replica set
python -m bench.cluster --part failover       one part anew; what was found of the others stays

Each part alone, without saving: bench.cluster.contention, .doorbell, .reconnect and .failover.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from bench import figures
from bench.cluster import contention, doorbell, failover, reconnect
from bench.cluster.section import text
from bench.end_to_end.__main__ import mongodb
from bench.process import BenchError

T = TypeVar("T")
CALLERS = (8, 32)
PARTS = ("contention", "doorbell", "reconnect", "failover")


def main() -> None:
    """Run, print, save."""
    parser = argparse.ArgumentParser(prog="python -m bench.cluster", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--mongodb-uri")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=5000)
    parser.add_argument("--part", choices=PARTS, action="append")
    options = parser.parse_args()
    try:
        parts = options.part or PARTS
        found = asyncio.run(run(options.mongodb_uri, options.rounds, options.clients, parts))
    except BenchError as error:
        sys.exit(f"bench.cluster: {error}")
    known = figures.saved("cluster") or {}
    found = {part: known[part] for part in PARTS if part in known} | found
    figures.save("cluster", found)
    if found.keys() >= set(PARTS):
        print(text(figures.saved("cluster")))


async def run(given: str | None, rounds: int, clients: int, parts: Sequence[str]) -> dict[str, object]:
    """These parts, one after the other."""
    found: dict[str, object] = {}
    async with mongodb(given) as uri:
        if "contention" in parts:
            found["contention"] = {str(each): await told("contention", writing(uri, rounds, each)) for each in CALLERS}
        if "doorbell" in parts:
            found["doorbell"] = await told("doorbell", doorbell.measure(uri, rounds))
        if "reconnect" in parts:
            found["reconnect"] = await told("reconnect", reconnect.measure(uri, max(1, rounds // 2), clients))
    if "failover" in parts:
        found["failover"] = await told("failover", failover.measure())
    return found


def writing(uri: str, rounds: int, callers: int) -> Awaitable[dict[str, object]]:
    """Two processes that write, with so many callers each."""
    return contention.measure(uri, rounds, contention.Plan(callers=callers))


async def told(what: str, part: Awaitable[T]) -> T:
    """Say what is measured now, for who waits."""
    print(f"cluster: {what} ...", file=sys.stderr, flush=True)
    return await part


if __name__ == "__main__":
    main()
