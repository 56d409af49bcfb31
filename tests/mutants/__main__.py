"""Break the code on purpose, a line at a time, and see whether its tests notice: what survives is not guarded.

python -m tests.mutants [AREA ...] [--most N] [--minutes N] mutates the areas below with mutmut, each in a copy of the
code under build/mutants: a sample of so many, drawn by lot, or as much of it as the time allows. What was tried is
remembered there, and a later run with the same seed goes on. What ran out of time may only have been slow: it is tried
once more alone, with a wide limit. `mutmut show NAME`, in an area's folder, shows a mutant.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from configparser import ConfigParser
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from app.outside.mongod import temporary_mongo

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "mutants"
FOLDERS = ("app", "tests", "docs", "examples")  # what the tests need to run
AWAIT_END = 20.0  # seconds for what was under way when the time was up
EVERY = 10**6  # more mutants than an area has
# What the exit codes of a mutant's tests mean. https://mutmut.readthedocs.io/
MEANS: dict[int | None, str] = {
    None: "untested",
    0: "survived",
    1: "caught",
    3: "caught",
    **dict.fromkeys((-24, 24, 36, 152, 255), "endless"),
    **dict.fromkeys((5, 33), "reached by no test"),
}
# Seconds that each test may take longer than it did without a mutant, and how often as long. In the first run many are
# tried at once; mutmut does not count how long it takes to open a desk for each test.
FIRST = (20.0, 3.0)
ALONE = (30.0, 5.0)
# No promise is made about the words of logs and of mistakes that nobody shall meet.
UNTOLD = (r"logger\.", r"log_trouble\(", r"raise (AssertionError|NotImplementedError|BatchRefused\()", "@overload")


class Area(NamedTuple):
    """Some files, and the tests that guard them: few and quick, as each mutant has to meet them."""

    files: tuple[str, ...]
    tests: tuple[str, ...]
    without: tuple[str, ...] = ()


AREAS = {
    "journal": Area(
        ("app/journal/*.py",),
        (
            *("tests/journal/test_carried.py", "tests/journal/test_closing.py", "tests/journal/test_feed.py"),
            *("tests/journal/test_ledger.py", "tests/journal/test_ring.py", "tests/cluster/test_doorbell.py"),
            *("tests/journal/test_shared.py", "tests/journal/test_sizes.py", "tests/journal/test_trouble.py"),
            *("tests/journal/test_writers.py", "tests/journal/test_journal.py", "tests/journal/test_contention.py"),
            *("tests/stores/test_lanes.py", "tests/handlers/test_changes.py"),
        ),
        (
            "tests/journal/test_journal.py::test_eight_writers_and_readers_that_come_and_go_leave_no_gap_and_nothing_twice",
            "tests/journal/test_journal.py::test_a_paused_database_answers_unknown_and_the_retry_finds_out",
            "tests/journal/test_contention.py::test_three_processes_and_one_that_is_killed_share_one_order_and_store_everything_once",
            "tests/journal/test_contention.py::test_who_never_pauses_lets_the_other_one_in",
        ),
    ),
    "access": Area(
        ("app/access.py",),
        (
            *("tests/test_access.py", "tests/handlers/test_auth.py", "tests/handlers/test_refreshing.py"),
            *("tests/handlers/test_guesses.py", "tests/handlers/test_ending_access.py"),
            "tests/handlers/test_security_lines.py",
        ),
        ("tests/handlers/test_refreshing.py::test_refreshes_of_one_sign_in_are_limited",),
    ),
    "outbox": Area(
        ("app/jobs/outbox.py", "app/stores/lanes.py", "app/actions/deliver_message.py", "app/actions/take_turn.py"),
        ("tests/stores/test_lanes.py", "tests/delivery/test_delivering.py", "tests/delivery/test_uncertain.py"),
    ),
    "catch-up": Area(
        ("app/sockets/catch_up.py",),
        ("tests/sockets/test_resuming.py", "tests/sockets/test_threads.py"),
    ),
    "sign-in": Area(
        ("app/actions/sign_in.py", "app/actions/refresh_sign_in.py", "app/actions/sign_out.py"),
        ("tests/handlers/test_auth.py", "tests/handlers/test_refreshing.py"),
    ),
}


def prepare(name: str) -> Path:
    """Copy the code and its tests to where they may be broken; return that folder."""
    folder = BUILD / name
    folder.mkdir(parents=True, exist_ok=True)
    for each in FOLDERS:
        left_out = shutil.ignore_patterns("node_modules", "__pycache__")
        shutil.copytree(ROOT / each, folder / each, dirs_exist_ok=True, ignore=left_out)
    # Which test reaches which function is looked at anew: mutmut would do so for tests of a new name alone.
    (folder / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)
    return folder


def configure(folder: Path, area: Area, limit: tuple[float, float]) -> None:
    """Tell mutmut what to break, which tests to run, and how much longer they may take."""
    config = ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", "utf-8")
    config["mutmut"] = {
        "source_paths": "app",
        "only_mutate": _lines(area.files),
        "also_copy": _lines(FOLDERS[2:]),
        "do_not_mutate_patterns": _lines(UNTOLD),
        "pytest_add_cli_args_test_selection": _lines(area.tests),
        "pytest_add_cli_args": _lines([*(f"--deselect={each}" for each in area.without), "--no-header"]),
        "process_isolation": "forkserver",
        "timeout_constant": str(limit[0]),
        "timeout_multiplier": str(limit[1]),
    }
    with (folder / "setup.cfg").open("w", encoding="utf-8") as file:
        config.write(file)


def _lines(values: Sequence[str]) -> str:
    return "\n" + "\n".join(values)


async def run(folder: Path, uri: str, seconds: float, *command: str) -> None:
    """Let mutmut try what it can in this time."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env={**os.environ, "TEST_MONGODB_URI": uri}, start_new_session=True
    )
    try:
        await asyncio.wait_for(process.wait(), seconds)
    except TimeoutError:
        sys.stdout.write("\nthe time is up\n")
    finally:
        for number in (2, 9):  # SIGINT, then SIGKILL, to mutmut and to all that it has begun
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), AWAIT_END)


async def mutate(name: str, most: int, seconds: float, jobs: int, seed: int) -> Path:
    """Try a sample of an area's mutants, and once more alone what ran out of time; return the folder."""
    area, folder = AREAS[name], prepare(name)
    async with temporary_mongo() as uri:
        configure(folder, area, FIRST)
        sample = Path(__file__).with_name("drawn.py")
        await run(folder, uri, seconds, sys.executable, "-P", str(sample), str(most), str(seed), str(jobs))
        if slow := [mutant for mutant, says in results(folder).items() if says == "endless"]:
            configure(folder, area, ALONE)  # with other limits mutmut forgets what ran out of time
            mutmut = Path(sys.executable).with_name("mutmut")
            await run(folder, uri, seconds, str(mutmut), "run", "--max-children", "1", *slow)
    return folder


def results(folder: Path) -> dict[str, str]:
    """Return what became of each mutant of an area."""
    codes: dict[str, int | None] = {}
    for file in sorted(folder.glob("mutants/app/**/*.py.meta")):
        codes |= json.loads(file.read_text("utf-8"))["exit_code_by_key"]
    return {name: MEANS.get(code, "odd") for name, code in codes.items()}


def report(name: str, found: dict[str, str]) -> str:
    """Return in words what survived, and how much was caught of what was tried."""
    count = Counter(found.values())
    tried = len(found) - count["untested"]
    caught = count["caught"] + count["endless"]
    told = [f"{mutant}: {says}" for mutant, says in sorted(found.items()) if says not in ("caught", "untested")]
    all_in_all = ", ".join(f"{number} {says}" for says, number in sorted(count.items()))
    share = f"{100 * caught / tried:.0f} % of {tried}" if tried else "none"
    return "\n".join([*told, f"{name}: {share} caught (of all {len(found)}: {all_in_all})"])


async def main() -> None:
    """Mutate the areas that were asked for, all unless told."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("areas", nargs="*", metavar="AREA", help=f"of {', '.join(AREAS)}")
    parser.add_argument("--most", type=int, default=EVERY, help="so many mutants of each area; all unless told")
    parser.add_argument("--minutes", type=float, default=30.0, help="for each area, and again for what ran out of time")
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1), help="mutants at a time")
    parser.add_argument("--seed", type=int, default=1, help="of the lot; another one draws another sample")
    given = parser.parse_args()
    if unknown := set(given.areas) - set(AREAS):
        parser.error(f"no such area: {', '.join(sorted(unknown))}")
    for name in given.areas or AREAS:
        folder = await mutate(name, given.most, given.minutes * 60, given.jobs, given.seed)
        sys.stdout.write(f"\n{report(name, results(folder))}\n\n")


if __name__ == "__main__":
    asyncio.run(main())
