"""What was written elsewhere and kept aside is adopted a minute later, however much it is and whatever fails."""

import contextlib
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from bson import ObjectId

from app.actions.adopt_echoes import adopt_echoes
from app.journal.change import Change, Decision, Seen
from app.models.contact import Platform
from app.models.entity import ChannelId, CompanyId
from app.models.parked import EarlyEcho, Parked
from tests.delivery.shop import Shop, connect, open_shop

IG = Platform.INSTAGRAM


async def keep_aside(shop: Shop, company_id: CompanyId, channel_id: ChannelId, number: int, age: timedelta) -> None:
    """Let so many echoes of one customer have been kept aside for so long."""

    def decide(seen: Seen, now: datetime) -> Decision:
        return Decision(
            puts=tuple(
                Parked(
                    id=f"{channel_id}:m-{place:03}",
                    company_id=company_id,
                    channel_id=channel_id,
                    external_id=f"m-{place:03}",
                    echo=EarlyEcho(peer="ann", app_id="suite", text=f"text {place}", attachments=()),
                    at=now - age + timedelta(milliseconds=place // 3),
                )
                for place in range(number)
            )
        )

    change = Change(company_id=company_id, key=shop.hub.new_id(), decide=decide)
    await shop.hub.journal.commit(change)


async def test_all_are_adopted_in_their_order_behind_those_of_a_channel_that_fails(
    mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.actions.adopt_echoes.PAGE", 10)
    async with open_shop(mongo_uri, tmp_path, IG) as shop:
        broken, well = (await shop.desk.neighbour()).company.id, shop.desk.company.id
        account = await connect(shop.hub, broken, IG, {})
        await keep_aside(shop, broken, account, 15, timedelta(minutes=3))
        await keep_aside(shop, well, shop.channels[IG], 25, timedelta(minutes=2))
        await shop.hub.store.streams.collection.delete_one({"_id": ObjectId(broken)})  # nothing can be written there
        with contextlib.suppress(Exception):
            await adopt_echoes(shop.hub)
        _, answer = await shop.desk.ask("GET", "/contacts?platform=instagram")
        (ann,) = answer["data"]
        _, answer = await shop.desk.ask("GET", f"/messages?contact_id={ann['id']}&limit=100")
        assert [each["content"] for each in answer["data"]][::-1] == [f"text {place}" for place in range(25)]
        left = await shop.hub.store.parked.collection.count_documents({"echo": {"$exists": True}})
        assert left == 15


async def test_what_waits_for_less_than_a_minute_waits_on(mongo_uri: str, tmp_path: Path) -> None:
    async with open_shop(mongo_uri, tmp_path, IG) as shop:
        await keep_aside(shop, shop.desk.company.id, shop.channels[IG], 3, timedelta(seconds=10))
        ahead = shop.hub.now
        object.__setattr__(shop.hub, "now", lambda: ahead() + timedelta(hours=25))
        assert await adopt_echoes(shop.hub) == 0
