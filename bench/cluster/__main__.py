"""Everything about several processes: what they cost each other, how soon they hear, how they come back.

python -m bench.cluster                       on servers started for the run; about eight minutes
python -m bench.cluster --mongodb-uri URI     the first three parts on that replica set

The parts can be run alone: bench.cluster.contention, .doorbell, .reconnect and .failover.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable
from typing import TypeVar

from bench import figures
from bench.cluster import contention, doorbell, failover, reconnect
from bench.cluster.section import text
from bench.end_to_end.__main__ import mongodb
from bench.process import BenchError

T = TypeVar("T")
CALLERS = (8, 32)


def main() -> None:
    """Run, print, save."""
    parser = argparse.ArgumentParser(prog="python -m bench.cluster", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--mongodb-uri")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=5000)
    options = parser.parse_args()
    try:
        found = asyncio.run(run(options.mongodb_uri, options.rounds, options.clients))
    except BenchError as error:
        sys.exit(f"bench.cluster: {error}")
    figures.save("cluster", found)
    print(text(figures.saved("cluster")))


async def run(given: str | None, rounds: int, clients: int) -> dict[str, object]:
    """All parts, one after the other."""
    async with mongodb(given) as uri:
        shared = {str(each): await told("contention", writing(uri, rounds, each)) for each in CALLERS}
        found = {
            "contention": shared,
            "doorbell": await told("doorbell", doorbell.measure(uri, rounds)),
            "reconnect": await told("reconnect", reconnect.measure(uri, max(1, rounds // 2), clients)),
        }
    return {**found, "failover": await told("failover", failover.measure())}


def writing(uri: str, rounds: int, callers: int) -> Awaitable[dict[str, object]]:
    """Two processes that write, with so many callers each."""
    return contention.measure(uri, rounds, contention.Plan(callers=callers))


async def told(what: str, part: Awaitable[T]) -> T:
    """Say what is measured now, for who waits."""
    print(f"cluster: {what} ...", file=sys.stderr, flush=True)
    return await part


if __name__ == "__main__":
    main()
