"""Changes (message + event + conversation) a second of one company, against plain `insert_one` at the same concurrency.

python -m bench.journal                       on an embedded MongoDB started for the run
python -m bench.journal --mongodb-uri URI     on that replica set (a database of its own, dropped after)

A change is the product's own `send_message`: access hints, key, digest, decision, transaction, event. A plain insert is
one small document with the same write concern (majority, journaled). Rounds of the two alternate; a ratio is the median
over rounds of the one divided by the other.
"""

import argparse
import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import uvloop
from bson import ObjectId

from app.actions.create_contact import NewContact, create_contact
from app.actions.draft import Draft
from app.actions.found_company import found_company
from app.actions.send_message import send_message
from app.hub import Hub
from app.main import open_hub
from app.models.caller import Caller, CallerKind
from app.models.contact import Platform
from app.models.entity import ContactId
from app.models.message import Direction, MessageRole
from app.models.people import Scope
from app.settings_reading import read_settings
from bench import figures
from bench.end_to_end.__main__ import mongodb

WRITERS = (1, 8, 32, 128)
CONTENT = "Is my order on its way? " * 4

Work = Callable[[], Awaitable[object]]


def main() -> None:
    """Run, print, and keep what was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.journal", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--mongodb-uri")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    options = parser.parse_args()
    rounds = uvloop.run(run(options))
    result = {str(writers): summary(each) for writers, each in rounds.items()}
    show(result)
    how = {"rounds": options.rounds, "seconds": options.seconds}
    print("written:", figures.save("journal", {"how": how, "writers": result}).name)


async def run(options: argparse.Namespace) -> dict[int, list[dict[str, dict[str, float]]]]:
    """The rounds for each number of writers."""
    async with mongodb(options.mongodb_uri) as uri, desk(uri) as (hub, say):
        plain = hub.store.database.get_collection("plain")

        async def insert() -> object:
            return await plain.insert_one({"company_id": ObjectId(), "content": CONTENT})

        await measure(say, 32, 1.0)
        await measure(insert, 32, 1.0)
        return {
            writers: [
                {"journal": await measure(say, writers, options.seconds),
                 "insert": await measure(insert, writers, options.seconds)}
                for _ in range(options.rounds)
            ]
            for writers in WRITERS
        }  # fmt: skip


@contextlib.asynccontextmanager
async def desk(uri: str) -> AsyncIterator[tuple[Hub, Work]]:
    """A company with twenty customers, and the verb that one of them speaks."""
    secret = "bench" * 8
    environ = {"MONGODB_URI": uri, "JWT_ACCESS_SECRET": secret, "ENVIRONMENT": "test",
               "ENCRYPTION_KEYS": "A" * 43 + "="}  # fmt: skip
    server = uri.split("//", 1)[1].split("/", 1)[0]
    address = f"mongodb://{server}/bench_journal?replicaSet=rs0"
    settings = read_settings({**environ, "MONGODB_URI": address})
    async with open_hub(settings, address) as hub:
        company = await found_company(hub, "Bench")
        caller = Caller(kind=CallerKind.KEY, id=hub.new_id(), name="bench", company_id=company.id,
                        scopes=frozenset({Scope.ALL}))  # fmt: skip
        made = [await create_contact(hub, caller, NewContact(name=f"Customer {n}")) for n in range(20)]
        contacts = [ContactId(contact["id"]) for contact, _ in made]
        count = 0

        async def say() -> object:
            nonlocal count
            count += 1
            draft = Draft(role=MessageRole.USER, direction=Direction.INBOUND, contact_id=contacts[count % 20],
                          platform=Platform.WEB, content=CONTENT, client_message_id=f"m{count}")  # fmt: skip
            return await send_message(hub, caller, draft)

        try:
            yield hub, say
        finally:
            await hub.store.client.drop_database("bench_journal")


async def measure(work: Work, writers: int, seconds: float) -> dict[str, float]:
    """How often `work` was done a second by so many writers, each one after the other; and what it cost."""
    until = time.monotonic() + seconds
    took: list[float] = []

    async def write() -> None:
        while (began := time.monotonic()) < until:
            await work()
            took.append(time.monotonic() - began)

    began, cpu = time.monotonic(), time.process_time()
    await asyncio.gather(*(write() for _ in range(writers)))
    took.sort()
    return {
        "per_second": len(took) / (time.monotonic() - began),
        "cpu_us": (time.process_time() - cpu) / len(took) * 1e6,
        "p50_ms": took[len(took) // 2] * 1e3,
        "p99_ms": took[int(len(took) * 0.99)] * 1e3,
    }


def summary(rounds: list[dict[str, dict[str, float]]]) -> dict[str, object]:
    """The medians of both, and the ratio of their speeds round by round."""
    ours, theirs = [each["journal"] for each in rounds], [each["insert"] for each in rounds]
    return {
        "journal": figures.medians(ours),
        "insert": figures.medians(theirs),
        "ratio": figures.paired_ratio(ours, theirs, "per_second"),
    }


def show(result: dict[str, dict[str, object]]) -> None:
    """A table of what was found."""
    head = ["writers", "changes/s", "p50 ms", "p99 ms", "CPU µs", "inserts/s", "p50 ms", "ratio"]
    rows = []
    for writers, found in result.items():
        ours, theirs = found["journal"], found["insert"]
        assert isinstance(ours, dict)
        assert isinstance(theirs, dict)
        rows.append([
            writers, *(f"{ours[name]:.1f}" for name in ("per_second", "p50_ms", "p99_ms", "cpu_us")),
            *(f"{theirs[name]:.1f}" for name in ("per_second", "p50_ms")), f"{found['ratio']:.2f}",
        ])  # fmt: skip
    print(figures.table(head, rows))


if __name__ == "__main__":
    main()
