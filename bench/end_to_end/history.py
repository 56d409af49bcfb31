"""Our server beside itself as it was at another commit: what a change costs a request."""

import argparse
import contextlib
import io
import statistics
import subprocess
import tarfile
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

from bench.end_to_end.contenders import REPOSITORY, Contender, parley_contender
from bench.end_to_end.rounds import Plan, measure, warm_up
from bench.process import BenchError

BEFORE, NOW = "before", "now"
FIGURES = {"cpu_us_per_request": "CPU a request", "requests_per_second": "requests/s", "p50_ms": "p50"}


@contextlib.asynccontextmanager
async def two_commits(uri: str, options: argparse.Namespace, plan: Plan) -> AsyncIterator[list[Contender]]:
    """Both servers, each with a database of its own; raises BenchError for a commit that is none."""
    core, contacts = plan.cores.server, options.contacts
    with checkout(options.against) as code:
        async with (
            parley_contender(uri, core, contacts, name=BEFORE, code=code) as before,
            parley_contender(uri, core, contacts, name=NOW) as now,
        ):
            yield [before, now]


@contextlib.contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """The files of a commit, in a folder that is gone after the block."""
    archive = subprocess.run(["git", "archive", commit], cwd=REPOSITORY, capture_output=True)
    if archive.returncode:
        raise BenchError(archive.stderr.decode().strip())
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
            files.extractall(folder, filter="data")
        yield Path(folder)


async def in_turn(contenders: Sequence[Contender], rounds: int, plan: Plan) -> dict[str, list[dict[str, float]]]:
    """The rounds of both, warm. Who is first changes with each round: A B, B A, A B …"""
    figures: dict[str, list[dict[str, float]]] = {each.name: [] for each in contenders}
    for each in contenders:
        await warm_up(each, plan)
    for number in range(rounds):
        for each in contenders if number % 2 == 0 else reversed(contenders):
            figures[each.name].append(await measure(each, plan))
    return figures


def compared(rounds: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """A line a figure: the median of the rounds' ratios, now / before, with its quartiles."""
    return "\n".join(f"now / before, {words}: {spread(rounds, name)}" for name, words in FIGURES.items())


def spread(rounds: Mapping[str, Sequence[Mapping[str, float]]], name: str) -> str:
    """The median of the ratios, and the half of them that lies round it."""
    ratios = [now[name] / before[name] for now, before in zip(rounds[NOW], rounds[BEFORE], strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return f"{middle:.3f} ({low:.3f} to {high:.3f}, {len(ratios)} rounds)"
