"""What may have been sent is never sent again by itself, and the next message goes out."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from app.actions.deliver_message import deliver_message
from app.actions.take_turn import take_over
from app.models.contact import Platform
from app.stores.lanes import Lanes
from tests.delivery.shop import Shop, open_shop, turns
from tests.waiting import until

FB, IG, WA, TG = Platform.FACEBOOK, Platform.INSTAGRAM, Platform.WHATSAPP, Platform.TELEGRAM


@pytest_asyncio.fixture
async def shop(mongo_uri: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """A company on every platform."""
    async with open_shop(mongo_uri, tmp_path, FB, IG, WA, TG) as opened:
        yield opened


@pytest.mark.parametrize("platform", [IG, TG])
@pytest.mark.parametrize("action", [{"accept_then_timeout": True}, {"drop_connection": "after_headers"}])
async def test_an_answer_that_does_not_come_leaves_it_uncertain(
    shop: Shop, platform: Platform, action: dict[str, Any]
) -> None:
    customer = await shop.customer(platform)
    shop.rule(action)
    lost, after = [await shop.reply(customer, platform, text) for text in ("lost", "after")]
    delivery = await shop.outcome(lost)
    assert (delivery["state"], delivery["class"]) == ("uncertain", "uncertain")
    assert delivery["retryable"] is True
    assert (await shop.outcome(after))["state"] == "sent"
    assert shop.texts() == ["lost", "after"]


async def test_a_connection_that_is_refused_is_tried_again(shop: Shop) -> None:
    shop.rule({"preset": "http_502_html"}, times=2)
    delivery = await shop.outcome(await shop.reply(await shop.customer(FB), FB))
    assert (delivery["state"], delivery["attempts"]) == ("sent", 3)


async def test_a_claim_that_ran_out_ends_as_uncertain_and_the_next_goes_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shop.hub.store.lanes, "lease", 0.5)
    monkeypatch.setattr("app.actions.deliver_message._send", stuck)
    customer = await shop.customer(FB)
    lost, after = [await shop.reply(customer, FB, text) for text in ("lost", "after")]
    await until(lambda: shop.hub.store.lanes.is_leased(lost["conversation_id"]))
    monkeypatch.undo()
    delivery = await shop.outcome(lost, within=20)
    assert (delivery["state"], delivery["code"]) == ("uncertain", "interrupted")
    assert (await shop.outcome(after))["state"] == "sent"
    assert shop.texts() == ["after"]


async def stuck(*_: object) -> None:
    """Stand still, as a paused process does."""
    await asyncio.sleep(3600)


async def test_who_comes_too_late_changes_nothing(shop: Shop) -> None:
    """A claim was taken over while its platform took long: the fence keeps the first one's outcome out."""
    shop.rule({"delay_ms": 900})
    message = await shop.reply(await shop.customer(FB), FB)
    await until(shop.calls)
    lanes: Lanes = shop.hub.store.lanes
    await lanes.collection.update_many({}, [{"$set": {"fence": {"$add": ["$fence", 1]}}}])
    await until(lambda: not turns())
    assert shop.fake.state.sent[0].outcome == "delivered"
    assert (await shop.delivery(message))["state"] == "queued"


async def test_an_answer_that_comes_after_the_claim_was_lost_still_proves_the_message(shop: Shop) -> None:
    shop.rule({"delay_ms": 900})
    message = await shop.reply(await shop.customer(FB), FB)
    await until(shop.calls)
    await shop.hub.store.lanes.collection.update_many({}, [{"$set": {"fence": {"$add": ["$fence", 1]}}}])
    await until(lambda: not turns())
    delivery = await shop.outcome(message, within=30)
    assert (delivery["state"], delivery["parts"][0]["external_id"]) == ("sent", shop.fake.state.sent[0].message_id)
    assert shop.calls() == 1


async def test_so_it_does_when_the_message_has_ended_as_uncertain_by_then(shop: Shop) -> None:
    shop.rule({"delay_ms": 900})
    message = await shop.reply(await shop.customer(FB), FB)
    await until(shop.calls)
    lanes: Lanes = shop.hub.store.lanes
    await lanes.collection.update_many({}, {"$set": {"lease_until": datetime(2020, 1, 1, tzinfo=UTC)}})
    for turn in await take_over(shop.hub):  # unless the reaper was quicker
        await deliver_message(shop.hub, turn)
    assert (await shop.outcome(message))["state"] == "uncertain"

    async def proven() -> bool:
        return bool((await shop.delivery(message))["state"] == "sent")

    await until(proven, within=20)
    assert shop.calls() == 1


@pytest.mark.parametrize(
    ("platform", "kind", "told", "state"),
    [(IG, "read", {}, "read"), (WA, "wa_status", {"status": "failed", "code": 131047}, "failed")],
)
async def test_what_the_platform_told_of_it_meanwhile_counts_once_it_is_proven(
    shop: Shop, platform: Platform, kind: str, told: dict[str, Any], state: str
) -> None:
    shop.rule({"delay_ms": 900})
    message = await shop.reply(await shop.customer(platform), platform)
    await until(shop.calls)
    await shop.hub.store.lanes.collection.update_many({}, {"$set": {"lease_until": datetime(2020, 1, 1, tzinfo=UTC)}})
    for turn in await take_over(shop.hub):  # unless the reaper was quicker
        await deliver_message(shop.hub, turn)
    id = f"{'m_' if platform is IG else 'wamid.'}{next(shop.fake.state.numbers) + 1}"
    peer = shop.fake.state.sent[0].recipient
    assert (await shop.outcome(message))["state"] == "uncertain"
    assert await shop.emit(kind, platform, peer=peer, id=id, **told) == [200]

    async def proven() -> bool:
        return bool((await shop.delivery(message))["state"] not in ("uncertain", "sent"))

    await until(proven, within=20)
    delivery = await shop.delivery(message)
    assert (delivery["state"], delivery["parts"][0]["external_id"]) == (state, id)
