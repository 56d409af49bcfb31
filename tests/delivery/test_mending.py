"""A conversation that has something to send, and no row in the outbox: a backup may have caught the two apart."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from app.actions.mend_outbox import mend_outbox, mend_row
from app.models.contact import Platform
from app.models.entity import ConversationId
from app.stores.codec import object_id
from tests.delivery.shop import Shop, open_shop
from tests.waiting import until

WA = Platform.WHATSAPP


@pytest_asyncio.fixture
async def shop(mongo_uri: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """A company with a number, whose platform has a while to answer."""
    async with open_shop(mongo_uri, tmp_path, WA, PLATFORM_TIMEOUT="20s") as opened:
        yield opened


async def torn(shop: Shop, *texts: str) -> list[dict[str, Any]]:
    """Return replies that wait on a paused channel and have lost their row; the channel may send again."""
    customer = await shop.customer(WA)
    channel = f"/channels/{shop.channels[WA]}"
    await shop.desk.post(f"{channel}/pause", {})
    replies = [await shop.reply(customer, WA, text) for text in texts]
    await shop.hub.store.lanes.collection.delete_many({})
    await shop.desk.post(f"{channel}/resume", {})
    return replies


async def test_what_has_no_row_gets_one_and_goes_out_in_order(shop: Shop) -> None:
    first, second = await torn(shop, "one", "two")
    assert (await shop.delivery(first))["state"] == "queued"
    assert await mend_outbox(shop.hub) == 1
    assert [(await shop.outcome(each))["state"] for each in (first, second)] == ["sent", "sent"]
    assert shop.texts() == ["one", "two"]
    assert await mend_outbox(shop.hub) == 0


async def test_what_has_ended_is_taken_out_of_the_queue(shop: Shop) -> None:
    first, second = await torn(shop, "one", "two")
    ended = {"$set": {"delivery.state": "failed"}}
    await shop.hub.store.messages.collection.update_one({"_id": object_id(first["id"])}, ended)
    assert await mend_outbox(shop.hub) == 1
    assert (await shop.outcome(second))["state"] == "sent"
    assert shop.texts() == ["two"]
    conversation = (await shop.desk.ask("GET", f"/conversations/{first['conversation_id']}"))[1]["data"]
    assert conversation["queued_count"] == 0


async def test_a_queue_of_which_all_has_ended_is_emptied(shop: Shop) -> None:
    (only,) = await torn(shop, "one")
    await shop.hub.store.messages.collection.delete_one({"_id": object_id(only["id"])})
    assert await mend_outbox(shop.hub) == 1
    assert await mend_outbox(shop.hub) == 0
    assert await shop.is_at_rest()


async def test_a_row_that_is_there_is_left_alone_also_in_the_middle_of_its_turn(shop: Shop) -> None:
    shop.rule({"delay_ms": 3000})
    message = await shop.reply(await shop.customer(WA), WA)
    await until(shop.calls)
    lanes = shop.hub.store.lanes
    before = await lanes.collection.find_one({})
    assert await lanes.missing(10) == []
    id = ConversationId(message["conversation_id"])
    for _ in range(2):
        assert await mend_row(shop.hub, shop.desk.company.id, id)
    assert await lanes.collection.find_one({}) == before
    assert before is not None
    assert "lease_until" in before
    assert (await shop.outcome(message))["state"] == "sent"
    assert shop.calls() == 1
