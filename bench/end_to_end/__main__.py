"""POST → check → store with majority and journal → fan out to every listener → 201: ours beside the Express peer.

python -m bench.end_to_end                       both, on an embedded MongoDB started for the run
python -m bench.end_to_end --mongodb-uri URI     both, on that replica set (databases of their own, dropped after)
python -m bench.end_to_end --only peer           one of them; writes no results
python -m bench.end_to_end --against COMMIT      ours beside ours as it was at that commit; writes no results
"""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from bench import figures
from bench.end_to_end.contenders import Contender, express_contender, parley_contender
from bench.end_to_end.history import compared, in_turn, two_commits
from bench.end_to_end.rounds import Plan, measure, warm_up
from bench.process import BenchError, choose_cores

Rounds = dict[str, list[dict[str, float]]]

HOW = ("rounds", "seconds", "warm_seconds", "concurrency", "listeners", "contacts")
COLUMNS = {
    "requests_per_second": "requests/s", "p50_ms": "p50 ms", "p99_ms": "p99 ms", "seen_p50_ms": "seen p50 ms",
    "seen_p99_ms": "seen p99 ms", "delivered_per_second": "delivered/s", "cpu_us_per_request": "server CPU µs/request",
    "load_busy": "load busy",
}  # fmt: skip


def main() -> None:
    """Run, print, and keep what was found."""
    options = parse()
    plan = Plan(choose_cores(), options.concurrency, options.listeners, options.seconds, options.warm_seconds)
    try:
        rounds = asyncio.run(run_history(options, plan) if options.against else run(options, plan))
    except BenchError as error:
        sys.exit(f"bench.end_to_end: {error}")
    show(rounds)
    if options.against:
        print(compared(rounds))
        return
    if len(rounds) == 2:
        ratios = compare(rounds)
        print("ours / peer:", ", ".join(f"{name} {ratio}" for name, ratio in ratios.items()))
        print("written:", keep(rounds, ratios, options).name)


def parse() -> argparse.Namespace:
    """The options, with what a short honest run needs as defaults."""
    parser = argparse.ArgumentParser(prog="python -m bench.end_to_end", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--only", choices=["ours", "peer"])
    parser.add_argument("--against", metavar="COMMIT", help="compare with our server at this commit, not with the peer")
    parser.add_argument("--mongodb-uri")
    parser.add_argument("--rounds", type=int, help="3 beside the peer, 10 beside another commit, unless given")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--warm-seconds", type=float, default=15, help="unmeasured load on each server first")
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--listeners", type=int, default=50)
    parser.add_argument("--contacts", type=int, default=20, help="conversations that the messages are spread over")
    options = parser.parse_args()
    options.rounds = options.rounds or (10 if options.against else 3)
    return options


async def run(options: argparse.Namespace, plan: Plan) -> Rounds:
    """The rounds of each contender, taken in turn: A B A B …"""
    async with contextlib.AsyncExitStack() as stack:
        uri = await stack.enter_async_context(mongodb(options.mongodb_uri))
        starts = {"ours": parley_contender, "peer": express_contender}
        contenders: list[Contender] = [
            await stack.enter_async_context(start(uri, plan.cores.server, options.contacts))
            for side, start in starts.items() if options.only in (None, side)
        ]  # fmt: skip
        rounds: Rounds = {contender.name: [] for contender in contenders}
        for contender in contenders:
            await warm_up(contender, plan)
        for _ in range(options.rounds):
            for contender in contenders:
                rounds[contender.name].append(await measure(contender, plan))
        return rounds


async def run_history(options: argparse.Namespace, plan: Plan) -> Rounds:
    """The rounds of our server at another commit and now."""
    async with mongodb(options.mongodb_uri) as uri, two_commits(uri, options, plan) as contenders:
        return await in_turn(contenders, options.rounds, plan)


@contextlib.asynccontextmanager
async def mongodb(uri: str | None) -> AsyncIterator[str]:
    """The given replica set, or an embedded one for as long as the run takes."""
    if uri:
        yield uri
        return
    from app.outside.mongod import temporary_mongo  # only here: a run on a given MongoDB needs no embedded one

    async with temporary_mongo() as embedded:
        yield embedded


def show(rounds: Rounds) -> None:
    """A table of the medians, and what went wrong, if anything did."""
    rows = []
    for name, each in rounds.items():
        middle = figures.medians(each)
        rows.append([name, *(f"{middle[column]:.2f}" for column in COLUMNS)])
        for fault in ("failed", "missing", "backwards", "gaps"):
            if total := sum(one[fault] for one in each):
                print(f"{name}: {fault} {total:.0f}")
    print(figures.table(["", *COLUMNS.values()], rows))


def compare(rounds: Rounds) -> dict[str, float]:
    """Ours divided by the peer's, round by round, then the median."""
    ours, theirs = rounds["parley"], rounds["express"]
    return {name: figures.paired_ratio(ours, theirs, name) for name in COLUMNS if name != "load_busy"}


def keep(rounds: Rounds, ratios: dict[str, float], options: argparse.Namespace) -> Path:
    """bench/results/end_to_end.json."""
    how = {name: getattr(options, name) for name in HOW}
    peers = {name: {"median": figures.medians(each), "rounds": each} for name, each in rounds.items()}
    return figures.save("end_to_end", {"how": how, "peers": peers, "ratios": ratios})


if __name__ == "__main__":
    main()
