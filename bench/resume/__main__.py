"""A client that is 5 000 events behind: time and cost to catch up, and memory behind a slow link.

python -m bench.resume                       on an embedded MongoDB started for the run
python -m bench.resume --mongodb-uri URI     on that replica set (a database of its own, dropped after)

Catching up stands beside reading the same events, in pages of the same size, with the driver alone, in a process of
its own on the same core. Behind the slow link (1 MB/s) the server's memory is looked at while it sends.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys

from bench import figures
from bench.end_to_end.__main__ import mongodb
from bench.end_to_end.contenders import Contender, parley_contender
from bench.end_to_end.rounds import PATH
from bench.load import post
from bench.process import choose_cores
from bench.resume.client import Resumed, epoch_of, resume

SLOW_LINK = 1_000_000.0  # bytes a second


def main() -> None:
    """Run, print, and keep what was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.resume", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--mongodb-uri")
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    found = asyncio.run(run(options))
    print(figures.table(["", "figure"], [[name, f"{value:,.2f}"] for name, value in found.items()]))
    how = {"events": options.events, "rounds": options.rounds, "slow_link": SLOW_LINK}
    print("written:", figures.save("resume", {"how": how, "figures": found}).name)


async def run(options: argparse.Namespace) -> dict[str, float]:
    """Fill a log, then resume from its beginning again and again."""
    cores = choose_cores()
    async with mongodb(options.mongodb_uri) as uri, parley_contender(uri, cores.server, 20) as ours:
        behind = await fill(ours, options.events, cores.load)
        await asyncio.to_thread(resume, ours.door, behind)  # once unmeasured
        rounds = [await one_round(ours, behind, cores.server) for _ in range(options.rounds)]
        found = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
        return found | await behind_a_slow_link(ours, behind)


async def fill(ours: Contender, events: int, core: int) -> tuple[str, int]:
    """Store so many messages; gives the cursor from which they follow."""
    before = len(ours.bodies)  # each contact was one event
    posted = await post(ours.door, PATH, ours.bodies, core, concurrency=32, requests=events)
    if posted.created != events:
        raise SystemExit(f"bench.resume: only {posted.created} of {events} messages were stored.")
    return await asyncio.to_thread(epoch_of, ours.door), before


async def one_round(ours: Contender, behind: tuple[str, int], core: int) -> dict[str, float]:
    """Catch up once, and read the same from MongoDB once."""
    cpu = ours.running.cpu_seconds()
    got = await asyncio.to_thread(resume, ours.door, behind)
    check(got)
    spent = ours.running.cpu_seconds() - cpu
    plain = await asyncio.to_thread(plain_read, ours.uri, core)
    return {
        "events": float(got.events),
        "megabytes": got.bytes / 1e6,
        "catch_up_ms": got.seconds * 1e3,
        "server_cpu_us_per_event": spent / got.events * 1e6,
        "plain_read_ms": plain * 1e3,
        "times_a_plain_read": got.seconds / plain,
    }


def check(got: Resumed) -> None:
    """A catch-up that was not complete measures nothing."""
    if not got.complete:
        raise SystemExit("bench.resume: the server could not resume; nothing was measured.")


def plain_read(uri: str, core: int) -> float:
    """Seconds for reading the log in pages with the driver alone, on the server's core."""
    command = ["taskset", "-c", str(core), sys.executable, "-m", "bench.resume.plain", uri]
    return float(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)


async def behind_a_slow_link(ours: Contender, behind: tuple[str, int]) -> dict[str, float]:
    """How much more memory the server holds at most while it sends all of it over 1 MB/s."""
    before = most = ours.running.resident_bytes()
    reading = asyncio.create_task(asyncio.to_thread(resume, ours.door, behind, SLOW_LINK))
    while not reading.done():
        most = max(most, ours.running.resident_bytes())
        await asyncio.sleep(0.05)
    got = await reading
    check(got)
    return {"slow_link_seconds": got.seconds, "slow_link_memory_kb": (most - before) / 1e3}


if __name__ == "__main__":
    main()
