"""Platforms take replies for so long after the customer wrote; a person has longer than a program."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from app.models.contact import Platform
from tests.delivery.shop import Shop, open_shop

DAY = timedelta(days=1)
FB, IG, WA, TG = Platform.FACEBOOK, Platform.INSTAGRAM, Platform.WHATSAPP, Platform.TELEGRAM


@pytest_asyncio.fixture
async def shop(mongo_uri: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """A company on every platform."""
    async with open_shop(mongo_uri, tmp_path, FB, IG, WA, TG) as opened:
        yield opened


@pytest.mark.parametrize("platform", [FB, IG, WA])
@pytest.mark.parametrize("days", [1.01, 8])
async def test_a_bot_that_comes_too_late_is_refused_without_a_call(shop: Shop, platform: Platform, days: float) -> None:
    customer = await shop.customer(platform, heard=DAY * days)
    delivery = await shop.outcome(await shop.reply(customer, platform, by_bot=True))
    assert (delivery["state"], delivery["class"]) == ("failed", "window")
    assert shop.calls() == 0


@pytest.mark.parametrize("platform", [FB, IG])
async def test_a_person_may_reply_for_a_week(shop: Shop, platform: Platform) -> None:
    customer = await shop.customer(platform, heard=DAY * 6.9)
    assert (await shop.outcome(await shop.reply(customer, platform)))["state"] == "sent"
    body = shop.fake.state.sent[0].body
    assert (body["messaging_type"], body["tag"]) == ("MESSAGE_TAG", "HUMAN_AGENT")
    late = await shop.customer(platform, heard=DAY * 7.1)
    delivery = await shop.outcome(await shop.reply(late, platform))
    assert (delivery["state"], delivery["class"]) == ("failed", "window")
    assert shop.calls() == 1


@pytest.mark.parametrize(("platform", "heard"), [(FB, DAY * 0.99), (FB, None), (WA, None), (TG, DAY * 30)])
async def test_in_time_or_where_we_never_heard_them_the_platform_is_asked(
    shop: Shop, platform: Platform, heard: timedelta | None
) -> None:
    customer = await shop.customer(platform, heard=heard)
    assert (await shop.outcome(await shop.reply(customer, platform, by_bot=True)))["state"] == "sent"
    assert "tag" not in shop.fake.state.sent[0].body
