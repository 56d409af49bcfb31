"""Attacks by strangers: what other callers wait meanwhile, and what memory stays.

python -m bench.strangers                    every attack, about 10 minutes
python -m bench.strangers --only "gzip"      those whose names hold this; writes no results
python -m bench.strangers --code FOLDER      our server from another checkout; writes no results
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import figures
from bench.end_to_end.__main__ import mongodb
from bench.end_to_end.contenders import REPOSITORY
from bench.process import BenchError, allow_many_files, choose_cores, pinned
from bench.strangers.attack import ATTACKS, SIGN_INS
from bench.strangers.callers import Callers
from bench.strangers.guesses import ADDRESS
from bench.strangers.scene import Scene, open_scene
from bench.strangers.section import COLUMNS
from bench.strangers.wires import addresses

CALLER = addresses(1, network=10)[0]
IDLE_SECONDS = 10.0
QUIET_SECONDS = 3.0  # before the memory is read
ATTACK_WITHIN = 120.0

Found = dict[str, dict[str, float]]


def main() -> None:
    """Run, print, and keep what was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.strangers", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--only", default="")
    parser.add_argument("--code", type=Path, default=REPOSITORY)
    parser.add_argument("--mongodb-uri")
    options = parser.parse_args()
    try:
        found = asyncio.run(run(options))
    except BenchError as error:
        sys.exit(f"bench.strangers: {error}")
    show(found)
    if not options.only and options.code == REPOSITORY:
        print("written:", figures.save("strangers", {"attacks": found}).name)


async def run(options: argparse.Namespace) -> Found:
    """Every attack on one server, one core; the sign-ins on another server, with two."""
    allow_many_files()
    cores = choose_cores()
    chosen = [name for name in ATTACKS if options.only in name]
    found: Found = {}
    async with mongodb(options.mongodb_uri) as uri:
        if small := [name for name in chosen if name != SIGN_INS]:
            async with open_scene(uri, str(cores.server), cores.load, options.code) as scene:
                found["nobody attacks"] = await idle(scene)
                for name in small:
                    found[name] = await attacked(scene, name, cores.load)
                    print(name, {figure: round(value, 1) for figure, value in found[name].items()}, flush=True)
        if SIGN_INS in chosen:
            async with open_scene(uri, f"{cores.server},{cores.load}", cores.load, options.code) as scene:
                found[SIGN_INS] = await attacked(scene, SIGN_INS, cores.load)
    return found


async def idle(scene: Scene) -> dict[str, float]:
    """The figures while nobody attacks."""
    callers = scene.callers(CALLER)
    await callers.until(asyncio.ensure_future(asyncio.sleep(IDLE_SECONDS / 2)))  # once unmeasured
    callers = scene.callers(CALLER)
    await callers.until(asyncio.ensure_future(asyncio.sleep(IDLE_SECONDS)))
    return figures_of(callers, seconds=IDLE_SECONDS, cpu=0.0, stays=0.0)


async def attacked(scene: Scene, name: str, core: int) -> dict[str, float]:
    """The figures during one attack; made-up keys come from the address of the good ones."""
    callers = scene.callers(ADDRESS if name.startswith("10 000") else CALLER)
    words = [sys.executable, "-m", "bench.strangers.attack", name, str(scene.target.port), scene.target.key]
    async with pinned(name, words, core, cwd=REPOSITORY) as attacker:
        await attacker.answer()
        if name == SIGN_INS:  # she has signed in from there before
            await callers.until(asyncio.ensure_future(asyncio.sleep(0)), sign_in=True)
        resident, cpu = scene.running.resident_bytes(), scene.running.cpu_seconds()
        over: asyncio.Future[Any] = asyncio.ensure_future(attacker.ask("go", ATTACK_WITHIN))
        await callers.until(over, sign_in=name == SIGN_INS)
        spent = scene.running.cpu_seconds() - cpu
        seconds = (await over)["seconds"]
    await asyncio.sleep(QUIET_SECONDS)
    return figures_of(callers, seconds=seconds, cpu=spent, stays=scene.running.resident_bytes() - resident)


def figures_of(callers: Callers, *, seconds: float, cpu: float, stays: float) -> dict[str, float]:
    """Name the figures; waits in ms, memory in MB."""
    found = {"seconds": seconds, "cpu_seconds": round(cpu, 2), "stays_mb": round(stays / 1e6, 1)}
    kinds = {"live": callers.health, "post": callers.posts, "sign_in": callers.sign_ins}
    for kind, waits in kinds.items():
        if waits.seconds:
            found |= {
                f"{kind}_p50_ms": round(waits.within(0.5), 1),
                f"{kind}_p999_ms": round(waits.within(0.999), 1),
                f"{kind}_asked": len(waits.seconds),
                f"{kind}_refused": waits.refused,
            }
    return found


def show(found: Mapping[str, Mapping[str, float]]) -> None:
    """The table as it stands in the documents."""
    rows = [
        [name, *(f"{each[column]:.1f}" if column in each else "" for column in COLUMNS)] for name, each in found.items()
    ]
    print(figures.table(["", *COLUMNS.values()], rows))


if __name__ == "__main__":
    main()
