"""Cost of an event, an ack, a connect and an idle connection: our engine, Node's Socket.IO, python-socketio, a C floor.

python -m bench.engine                          everything; about 15 minutes
python -m bench.engine --quick                  the same, small: for a look, not for a claim
python -m bench.engine --only fan_out acks      some figures; prints, writes no results
python -m bench.engine --peers parley node      some peers; the same
"""

import argparse
import asyncio
import dataclasses
import sys
from typing import Any

from bench import figures
from bench.engine.idle import memory
from bench.engine.plan import FIGURES, Plan
from bench.engine.section import text
from bench.engine.speed import Figures, speed
from bench.engine.stuck import bounds, neighbours
from bench.process import BenchError, choose_cores

Rounds = dict[str, list[Figures]]
QUICK: dict[str, Any] = {
    "rounds": 1, "deliveries": 60_000, "seconds": 1.0, "comers": 500, "idle": 2000, "idle_seconds": 27.0,
    "stuck_seconds": 10.0, "pairs": 3,
}  # fmt: skip


def main() -> None:
    """Run, print, and keep what was found."""
    plan = parse()
    try:
        rounds, stuck = asyncio.run(run(plan))
    except BenchError as error:
        sys.exit(f"bench.engine: {error}")
    found = results(plan, rounds, stuck)
    print(text({**found, "machine": figures.machine()}))
    if set(plan.figures) == set(FIGURES) and set(plan.peers) == set(Plan.peers):
        print("written:", figures.save("engine", found).name)


def parse() -> Plan:
    """The plan that the options ask for."""
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--only", nargs="+", choices=FIGURES, default=FIGURES)
    parser.add_argument("--peers", nargs="+", choices=Plan.peers, default=Plan.peers)
    parser.add_argument("--stuck-seconds", type=float)
    options = parser.parse_args()
    chosen = {name: value for name in ("rounds", "stuck_seconds") if (value := getattr(options, name)) is not None}
    sizes: dict[str, Any] = {**(QUICK if options.quick else {}), **chosen}
    plan = Plan(choose_cores(), figures=tuple(options.only), peers=tuple(options.peers))
    return dataclasses.replace(plan, **sizes)


async def run(plan: Plan) -> tuple[Rounds, Figures]:
    """The rounds of each contender, and what ours does with peers that never read."""
    rounds: Rounds = {name: [{} for _ in range(plan.rounds)] for name in (*plan.peers, "floor")}
    if {"fan_out", "acks", "connects"} & set(plan.figures):
        rounds = await speed(plan)
    if "memory" in plan.figures:
        for number in range(plan.rounds):
            for name in plan.peers:
                found = await memory(name, plan, beating=number == 0)  # heartbeats take long: once
                rounds[name][number] |= found
    stuck = {**await bounds(plan), **await neighbours(plan)} if "stuck" in plan.figures else {}
    return rounds, stuck


def results(plan: Plan, rounds: Rounds, stuck: Figures) -> dict[str, object]:
    """What goes into bench/results/engine.json."""
    how = {name: value for name, value in dataclasses.asdict(plan).items() if name not in ("cores", "figures", "peers")}
    peers: dict[str, dict[str, Any]] = {
        name: {"median": {**each[0], **figures.medians(each)}, "rounds": each}
        for name, each in rounds.items()
        if each[0]
    }
    return {"how": how, "peers": peers, "ratios": ratios(rounds), "stuck": stuck}


def ratios(rounds: Rounds) -> dict[str, dict[str, float]]:
    """Ours divided by each peer's, round by round, then the median."""
    ours = rounds.get("parley") or []
    return {
        name: {figure: ratio(ours, theirs, figure) for figure in ours[0] if figure in theirs[0]}
        for name, theirs in rounds.items()
        if ours and theirs and name != "parley"
    }


def ratio(ours: list[Figures], theirs: list[Figures], name: str) -> float:
    """The median of the paired ratio over the rounds that measured this."""
    both = [(mine, other) for mine, other in zip(ours, theirs, strict=True) if name in mine and name in other]
    return figures.paired_ratio([mine for mine, _ in both], [other for _, other in both], name)


if __name__ == "__main__":
    main()
