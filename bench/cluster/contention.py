"""What several processes cost each other: on one company, which they must write in turns, and on one each.

python -m bench.cluster.contention                       on an embedded MongoDB started for the run
python -m bench.cluster.contention --mongodb-uri URI     on that replica set (a database of its own, dropped after)

A commit is the product's own `send_message` under a client's key; its time is what the caller saw. Each round measures,
one after the other, the same two processes:

    alone          one process on one company, then the other one on another; the mean of the two
    shared         both on one company, in which both write to the same conversations
    apart          each on its own company
    alone_paced, apart_paced, shared_paced    the same at an offered load that is fixed for the run

With a closed loop (the first three) a process takes all of a core, and mongod most of another: on a machine of two
cores two processes on two companies share what one had for itself, so `apart` says how the machine divides, and is
printed for that alone. Whether companies are in each other's way is asked at a load that the machine can carry: each
process is offered `--share` of what one alone commits, in `alone_paced` by itself, in `apart_paced` together. In
`shared_paced` each is offered half of that, on one company. A message's time is counted from when it was due.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import uvloop

from app.actions.create_contact import NewContact, create_contact
from app.actions.found_company import found_company
from app.main import open_hub
from bench import figures
from bench.cluster.writer import STEP, Order, caller_of, settings_for
from bench.end_to_end.__main__ import mongodb
from bench.process import Running, stop

DATABASE = "bench_contention"
CONTACTS = 20
LEAD = 0.1  # seconds from an order to the moment at which all processes begin
WARM = 2.0  # seconds of unmeasured load on each company

Found = dict[str, float]
Round = dict[str, Found]


@dataclass(frozen=True)
class Plan:
    """How long each measurement is, in seconds; how many callers a process has; how much of one alone is offered."""

    seconds: float = 1.5
    callers: int = 32
    share: float = 0.35


@dataclass(frozen=True)
class Company:
    """One to write to."""

    id: str
    contacts: list[str]


def main() -> None:
    """Run, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.cluster.contention", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--mongodb-uri")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=Plan.seconds, help="of each measurement")
    parser.add_argument("--callers", type=int, default=Plan.callers, help="in each process")
    parser.add_argument("--share", type=float, default=Plan.share, help="of what one alone commits, offered to each")
    options = parser.parse_args()
    plan = Plan(options.seconds, options.callers, options.share)

    async def run() -> Mapping[str, object]:
        async with mongodb(options.mongodb_uri) as uri:
            return await measure(uri, options.rounds, plan)

    show(uvloop.run(run()))


async def measure(uri: str, rounds: int, plan: Plan | None = None) -> dict[str, object]:
    """What was found on this replica set: `figures` (medians by measurement), `ratios` (medians), and each round's.

    Figures are commits a second, milliseconds, and microseconds of the processes' CPU a commit.
    """
    plan = plan or Plan()
    server = uri.split("//", 1)[1].split("/", 1)[0]
    address = f"mongodb://{server}/{DATABASE}?replicaSet=rs0"
    async with companies(address) as (one, other), writer(address) as first, writer(address) as second:
        for process in (first, second):
            for company in (one, other):
                await together(plan, (process, company), seconds=WARM / 2)
        rate = plan.share * (await together(plan, (first, one)))["per_second"]
        done = [await a_round(plan, (first, second), (one, other), rate) for _ in range(rounds)]
    ratios = [ratios_of(each) for each in done]
    return {
        "how": {**asdict(plan), "rounds": rounds, "offered_per_second": round(rate)},
        "figures": {name: figures.medians([each[name] for each in done]) for name in done[0]},
        "ratios": figures.medians(ratios),
        "rounds": ratios,
    }


async def a_round(
    plan: Plan, processes: tuple[Running, Running], companies: tuple[Company, Company], rate: float
) -> Round:
    """Each measurement once."""
    (first, second), (one, other) = processes, companies
    by_itself = [await together(plan, pair) for pair in ((first, one), (second, other))]
    paced = [await together(plan, pair, rate=rate) for pair in ((first, one), (second, other))]
    return {
        "alone": mean(by_itself),
        "shared": await together(plan, (first, one), (second, one)),
        "apart": await together(plan, (first, one), (second, other)),
        "alone_paced": mean(paced),
        "apart_paced": await together(plan, (first, one), (second, other), rate=rate),
        "shared_paced": await together(plan, (first, one), (second, one), rate=rate / 2),
    }


async def together(
    plan: Plan, *pairs: tuple[Running, Company], rate: float = 0.0, seconds: float | None = None
) -> Found:
    """What these processes did in the same seconds: commits a second in all, the percentiles over all of them."""
    at = time.monotonic() + LEAD
    orders = [
        (process, Order(company_id=company.id, contacts=company.contacts, at=at, seconds=seconds or plan.seconds,
                        callers=plan.callers, rate=rate))
        for process, company in pairs
    ]  # fmt: skip
    answers = await asyncio.gather(*(process.ask(json.dumps(asdict(order))) for process, order in orders))
    steps: Counter[int] = Counter()
    for answer in answers:
        steps.update({int(step): count for step, count in answer["steps"].items()})
    return {
        "per_second": sum(answer["per_second"] for answer in answers),
        "least_per_second": min(answer["per_second"] for answer in answers),
        "p50_ms": percentile(steps, 0.5),
        "p99_ms": percentile(steps, 0.99),
        "max_ms": percentile(steps, 1.0),
        "cpu_us": statistics.mean(answer["cpu_us"] for answer in answers),
    }


def percentile(steps: Counter[int], part: float) -> float:
    """The milliseconds within which this part of all was answered, to the end of its step."""
    left = part * steps.total()
    for step in sorted(steps):
        left -= steps[step]
        if left <= 0:
            return (step + 1) * STEP * 1e3
    return 0.0


def mean(found: Sequence[Found]) -> Found:
    """The mean of each figure."""
    return {name: statistics.mean(each[name] for each in found) for name in found[0]}


def ratios_of(each: Round) -> Found:
    """A round's ratios: what two do against one, and against one of each."""
    alone, paced = each["alone"], each["alone_paced"]
    return {
        "shared_total": each["shared"]["per_second"] / alone["per_second"],
        "shared_p50": each["shared"]["p50_ms"] / alone["p50_ms"],
        "shared_p99": each["shared"]["p99_ms"] / alone["p99_ms"],
        "shared_fairness": 2 * each["shared"]["least_per_second"] / each["shared"]["per_second"],
        "apart_closed_total": each["apart"]["per_second"] / (2 * alone["per_second"]),
        "apart_total": each["apart_paced"]["per_second"] / (2 * paced["per_second"]),
        "apart_p50": each["apart_paced"]["p50_ms"] / paced["p50_ms"],
        "apart_p99": each["apart_paced"]["p99_ms"] / paced["p99_ms"],
        "shared_paced_total": each["shared_paced"]["per_second"] / paced["per_second"],
        "shared_paced_p99": each["shared_paced"]["p99_ms"] / paced["p99_ms"],
    }


@contextlib.asynccontextmanager
async def companies(uri: str) -> AsyncIterator[tuple[Company, Company]]:
    """Two companies with some customers each, in a database that is dropped after."""
    async with open_hub(settings_for(uri), uri) as hub:
        made = []
        for name in ("One", "Other"):
            company = await found_company(hub, name)
            caller = caller_of(hub, company.id)
            contacts = [await create_contact(hub, caller, NewContact(name=f"Customer {n}")) for n in range(CONTACTS)]
            made.append(Company(company.id, [contact["id"] for contact, _ in contacts]))
        try:
            yield made[0], made[1]
        finally:
            await hub.store.client.drop_database(DATABASE)


@contextlib.asynccontextmanager
async def writer(uri: str) -> AsyncIterator[Running]:
    """A process that writes as it is told, on whatever core is free, until the block ends."""
    with tempfile.TemporaryFile() as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.cluster.writer", uri,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=errors,
        )  # fmt: skip
        running = Running("bench.cluster.writer", process, errors)
        try:
            await running.answer()
            yield running
        finally:
            await stop(process)


def show(result: Mapping[str, object]) -> None:
    """A table of what was found, and the ratios."""
    found, ratios, how = result["figures"], result["ratios"], result["how"]
    assert isinstance(found, dict)
    assert isinstance(ratios, dict)
    head = ["", "commits/s", "the slower one", "p50 ms", "p99 ms", "max ms", "CPU µs"]
    print(figures.table(head, [[name, *(f"{each:,.1f}" for each in one.values())] for name, one in found.items()]))
    print("how:", how)
    print("ratios:", ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items()))


if __name__ == "__main__":
    main()
