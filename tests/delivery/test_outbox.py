"""The outbox of one process: how many it sends at once, what it ends in time, and how it closes."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bson import ObjectId

from app.commands.stopping import stop_within
from app.hub import Known
from app.jobs.outbox import Outbox
from app.main import DRAIN, build_app
from app.models.contact import Platform
from app.models.entity import ChannelId
from app.settings import Settings
from app.stores.database import connect, stores_in
from tests.delivery.shop import Shop, open_shop
from tests.desk import Desk
from tests.waiting import until

IG, TG, WA = Platform.INSTAGRAM, Platform.TELEGRAM, Platform.WHATSAPP


@contextmanager
def clock_of_the_process_ahead_by(shop: Shop, step: timedelta) -> Iterator[None]:
    """Let everything that asks the hub for the time hear another."""
    right = shop.hub.now
    object.__setattr__(shop.hub, "now", lambda: right() + step)
    try:
        yield
    finally:
        object.__setattr__(shop.hub, "now", right)


async def test_a_channel_sends_for_so_many_conversations_at_once_and_no_more(mongo_uri: str, tmp_path: Path) -> None:
    async with open_shop(mongo_uri, tmp_path, TG, CHANNEL_PARALLEL="2", PLATFORM_TIMEOUT="20s") as shop:
        customers = [await shop.customer(TG, name=f"C{n}") for n in range(12)]
        shop.rule({"delay_ms": 500}, times=-1)
        most, in_flight = 0, shop.fake.state.in_flight
        messages = await asyncio.gather(*(shop.reply(customer, TG) for customer in customers))
        while not await shop.is_at_rest():
            most = max(most, sum(in_flight.values()))
        assert [(await shop.outcome(message))["state"] for message in messages] == ["sent"] * 12
        assert most == 2


@pytest.mark.parametrize("trouble", ["paused", "shut"])
async def test_what_waits_for_its_channel_ends_at_its_deadline(mongo_uri: str, tmp_path: Path, trouble: str) -> None:
    async with open_shop(mongo_uri, tmp_path, TG, DELIVERY_DEADLINE="2s") as shop:
        customer = await shop.customer(TG)
        if trouble == "paused":
            await shop.desk.post(f"/channels/{shop.channels[TG]}/pause", {}, **shop.as_person)
        else:
            shop.rule({"preset": "tg_429", "retry_after": 600}, times=-1)
            first = await shop.reply(await shop.customer(TG, name="First"), TG)
            await until(lambda: shop.hub.known.gates)
            assert (await shop.outcome(first))["state"] == "failed"
        message = await shop.reply(customer, TG)
        assert (await shop.outcome(message, within=30))["state"] == "failed"


@pytest.mark.parametrize("step", [timedelta(hours=25), timedelta(hours=-1), timedelta(seconds=2)])
async def test_a_process_whose_clock_is_wrong_ends_nothing_for_good(
    mongo_uri: str, tmp_path: Path, step: timedelta
) -> None:
    async with open_shop(mongo_uri, tmp_path, WA) as shop:
        shop.rule({"preset": "http_500"}, times=2)
        customer = await shop.customer(WA)
        with clock_of_the_process_ahead_by(shop, step):
            message = await shop.reply(customer, WA)
            assert (await shop.outcome(message, within=30))["state"] == "sent"
        assert shop.calls() == 3


async def test_closing_lets_what_is_under_way_end(mongo_uri: str, tmp_path: Path) -> None:
    async with open_shop(mongo_uri, tmp_path, TG, PLATFORM_TIMEOUT="20s") as shop:
        shop.rule({"delay_ms": 700})
        message = await shop.reply(await shop.customer(TG), TG)
        await until(shop.calls)
        await shop.desk.app[DRAIN]()
        assert (await shop.delivery(message))["state"] == "sent"
        assert shop.calls() == 1


async def test_closing_leaves_the_rest_of_a_long_message_to_a_later_turn(mongo_uri: str, tmp_path: Path) -> None:
    async with open_shop(mongo_uri, tmp_path, IG, PLATFORM_TIMEOUT="20s") as shop:
        shop.rule({"delay_ms": 300}, times=-1)
        text = " ".join(f"word-{n:04}" for n in range(500))  # five pieces
        message = await shop.reply(await shop.customer(IG), IG, text)
        await until(lambda: shop.calls() == 2)
        await shop.desk.app[DRAIN]()
        assert shop.calls() <= 3
        assert (await shop.delivery(message))["state"] == "queued"
        later = await build_app(shop.hub.settings, shop.desk.uri)
        assert (await shop.outcome(message, within=30))["state"] == "sent"
        assert " ".join(shop.texts()) == text
        await later.cleanup()


def test_a_stop_waits_for_as_long_as_a_platform_may_take() -> None:
    assert stop_within(Settings()) == 25
    assert stop_within(Settings(platform_timeout=timedelta(minutes=1))) == 75


async def test_a_row_that_stands_in_line_is_not_offered_again_by_each_poll(desk: Desk) -> None:
    async with connect(Settings(), desk.uri) as client:
        stores = stores_in(client, f"t{ObjectId()}")  # where no other outbox looks
        await stores.create_indexes()
        busy, row, long_ago = ObjectId(), ObjectId(), datetime(2020, 1, 1, tzinfo=UTC)
        waits = {"company_id": ObjectId(), "channel_id": busy, "due_at": long_ago, "deadline": long_ago}
        await stores.lanes.collection.insert_one({"_id": row, **waits})
        outbox = Outbox(replace(desk.hub, store=stores, known=Known()))
        outbox._running[ChannelId(str(busy))] = 100  # so that its line does not move
        for _ in range(3):
            await outbox.poll()
            assert outbox._known == {str(row)}
            assert not outbox._again
        await client.drop_database(stores.database.name)
