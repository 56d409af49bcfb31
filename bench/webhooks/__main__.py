"""How many inbound messages a second one core takes in: signed batches, each message stored once and announced.

python -m bench.webhooks                       on an embedded MongoDB started for the run
python -m bench.webhooks --mongodb-uri URI     on that replica set (a database of its own, dropped after)
"""

import argparse
import asyncio
import json
import sys
from datetime import datetime
from typing import Any

from pymongo import AsyncMongoClient

from app.events import ChannelUpdated
from app.journal.change import Change, Decision
from app.main import open_hub
from app.models.channel import Channel
from app.models.contact import Platform
from app.models.entity import ChannelId
from app.settings_reading import read_settings
from bench import figures
from bench.end_to_end.__main__ import mongodb
from bench.end_to_end.contenders import REPOSITORY, Contender, parley_contender
from bench.process import choose_cores, pinned

SECRET, ACCOUNT = "bench-secret", "15550001"


def main() -> None:
    """Run, print, and keep what was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.webhooks", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--mongodb-uri")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=100)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--customers", type=int, default=500)
    options = parser.parse_args()
    rounds = asyncio.run(run(options))
    found = figures.medians(rounds)
    print(figures.table(["", "figure"], [[name, f"{value:,.1f}"] for name, value in found.items()]))
    how = {name: getattr(options, name) for name in ("rounds", "batches", "batch", "connections", "customers")}
    print("written:", figures.save("webhooks", {"how": how, "figures": found}).name)


async def run(options: argparse.Namespace) -> list[dict[str, float]]:
    """One server; a round is a hundred batches."""
    cores = choose_cores()
    async with (
        mongodb(options.mongodb_uri) as uri,
        parley_contender(uri, cores.server, 1, FACEBOOK_APP_SECRET=SECRET) as ours,
    ):
        await connect(ours)
        await one_round(ours, options, cores.load, 0)  # once unmeasured
        return [await one_round(ours, options, cores.load, number) for number in range(1, options.rounds + 1)]


async def connect(ours: Contender) -> None:
    """Store the WhatsApp number that the webhooks speak of."""
    environ = {"MONGODB_URI": ours.uri, "JWT_ACCESS_SECRET": "bench" * 8, "ENVIRONMENT": "test",
               "ENCRYPTION_KEYS": "A" * 43 + "="}  # fmt: skip
    async with open_hub(read_settings(environ), ours.uri) as hub:
        company = await hub.store.companies.any()
        assert company is not None
        id = ChannelId(hub.new_id())

        def decide(_: object, now: datetime) -> Decision:
            channel = Channel(id=id, company_id=company.id, platform=Platform.WHATSAPP, name="Number",
                              external_id=ACCOUNT, created_at=now)  # fmt: skip
            return Decision(puts=(channel,), events=(ChannelUpdated(channel=channel),))

        await hub.journal.commit(Change(company_id=company.id, key=hub.new_id(), decide=decide))


async def one_round(ours: Contender, options: argparse.Namespace, core: int, number: int) -> dict[str, float]:
    """All batches, from the first byte to the last event; and that each was stored once."""
    count = options.batches * options.batch
    address = f"127.0.0.1:{ours.door.port}"
    told = {
        "url": f"http://{address}/api/v1/webhooks/whatsapp", "secret": SECRET, "account": ACCOUNT, "run": number,
        "socket": f"ws://{address}/socket.io/?EIO=4&transport=websocket", "key": ours.door.headers["X-API-Key"],
        **{name: getattr(options, name) for name in ("batches", "batch", "connections", "customers")},
    }  # fmt: skip
    before = await stored(ours)
    used = ours.running.cpu_seconds()
    command = [sys.executable, "-m", "bench.webhooks.load", json.dumps(told)]
    async with pinned("load", command, core, {}, REPOSITORY) as load:
        done: dict[str, Any] = await load.answer()
    used = ours.running.cpu_seconds() - used
    if await stored(ours) - before != count or done["events"] != count:
        raise SystemExit(f"bench.webhooks: {await stored(ours) - before} stored, {done['events']} heard, of {count}")
    return {
        "stored_per_second": count / (done["answered"] - done["began"]),
        "announced_per_second": count / (done["heard"] - done["began"]),
        "cpu_us_each": used / count * 1e6,
    }


async def stored(ours: Contender) -> int:
    """How many messages there are."""
    async with AsyncMongoClient[dict[str, Any]](ours.uri) as client:
        return await client.get_default_database().messages.count_documents({})


if __name__ == "__main__":
    main()
