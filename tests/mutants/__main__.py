"""Break the code on purpose, a line at a time, and see whether its tests notice: what survives is not guarded.

python -m tests.mutants [AREA ...] [--minutes N] mutates the areas below with mutmut, each in a copy of the code under
build/mutants, each for so many minutes at most; what was tried is remembered there, and a later run goes on. It prints
what survived and how much was caught. `mutmut show NAME`, in an area's folder, shows a mutant.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
from collections import Counter
from configparser import ConfigParser
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from app.outside.mongod import temporary_mongo

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "mutants"
AWAIT_END = 20.0  # seconds for what was under way when the time was up
# Exit codes of a mutant's tests that mean "caught": a failure, an error, a time-out of several kinds.
# https://mutmut.readthedocs.io/
CAUGHT = {1, 3, -24, 24, 36, 152, 255}
SURVIVED = {0}
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
            *(
                "tests/handlers/test_auth.py",
                "tests/handlers/test_refreshing.py",
                "tests/handlers/test_ending_access.py",
            ),
            *("tests/handlers/test_internal.py", "tests/handlers/test_conversations.py", "tests/test_tenants.py"),
        ),
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


def prepare(name: str, area: Area) -> Path:
    """Copy the code and its tests to where they may be broken; return that folder."""
    folder = BUILD / name
    folder.mkdir(parents=True, exist_ok=True)
    for each in ("app", "tests", "docs", "examples"):
        if (ROOT / each).is_dir():
            shutil.copytree(
                ROOT / each,
                folder / each,
                dirs_exist_ok=True,
                ignore=shutil.ignore_patterns("node_modules", "__pycache__"),
            )
    config = ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", "utf-8")
    config["mutmut"] = {
        "source_paths": "app",
        "only_mutate": "\n" + "\n".join(area.files),
        "also_copy": "\n" + "\n".join(each for each in ("docs", "examples") if (ROOT / each).is_dir()),
        "do_not_mutate_patterns": "\n" + "\n".join(UNTOLD),
        "pytest_add_cli_args_test_selection": "\n" + "\n".join(area.tests),
        "pytest_add_cli_args": "\n" + "\n".join([*(f"--deselect={each}" for each in area.without), "--no-header"]),
        "process_isolation": "forkserver",
        "timeout_constant": "10.0",  # seconds: a desk is opened for each test, which mutmut does not count
        "timeout_multiplier": "3.0",
    }
    with (folder / "setup.cfg").open("w", encoding="utf-8") as file:
        config.write(file)
    return folder


async def mutate(folder: Path, uri: str, seconds: float, jobs: int) -> None:
    """Let mutmut try what it can in this time."""
    mutmut = Path(sys.executable).with_name("mutmut")
    process = await asyncio.create_subprocess_exec(
        *(mutmut, "run", "--max-children", str(jobs)),
        cwd=folder,
        env={**os.environ, "TEST_MONGODB_URI": uri},
        start_new_session=True,
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


def report(folder: Path) -> float:
    """Print what survived in an area; return how much was caught of what was tried, in percent."""
    total: Counter[str] = Counter()
    for file in sorted(folder.glob("mutants/app/**/*.py.meta")):
        results: dict[str, int | None] = json.loads(file.read_text("utf-8"))["exit_code_by_key"]
        if not results:
            continue
        count = Counter(_named(code) for code in results.values())
        total += count
        path = file.relative_to(folder / "mutants").with_suffix("")
        sys.stdout.write(f"{path}: {', '.join(f'{number} {what}' for what, number in sorted(count.items()))}\n")
        for mutant in (name for name, code in results.items() if _named(code) in ("survived", "without tests")):
            sys.stdout.write(f"    {mutant}: {_named(results[mutant])}\n")
    tried = total["caught"] + total["survived"] + total["without tests"]
    return 100 * total["caught"] / tried if tried else 0.0


def _named(code: int | None) -> str:
    if code is None:
        return "not tried"
    if code in CAUGHT:
        return "caught"
    return "survived" if code in SURVIVED else "without tests" if code in (5, 33) else "odd"


async def main() -> None:
    """Mutate the areas that were asked for, all unless told."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("areas", nargs="*", metavar="AREA", help=f"of {', '.join(AREAS)}")
    parser.add_argument("--minutes", type=float, default=30.0, help="for each area, at most")
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1), help="mutants at a time")
    given = parser.parse_args()
    if unknown := set(given.areas) - set(AREAS):
        parser.error(f"no such area: {', '.join(sorted(unknown))}")
    for name in given.areas or AREAS:
        folder = prepare(name, AREAS[name])
        async with temporary_mongo() as uri:
            await mutate(folder, uri, given.minutes * 60, given.jobs)
        sys.stdout.write(f"\n{name}: {report(folder):.0f} % caught\n\n")


if __name__ == "__main__":
    asyncio.run(main())
