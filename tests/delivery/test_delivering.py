"""A reply reaches the customer once and in order, or says why not."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.models.contact import Platform
from tests.delivery.shop import Shop, open_shop
from tests.waiting import until

NETWORKS = (Platform.FACEBOOK, Platform.INSTAGRAM, Platform.WHATSAPP, Platform.TELEGRAM, Platform.SANDBOX)


@pytest_asyncio.fixture
async def shop(mongo_uri: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """A company on every platform."""
    async with open_shop(mongo_uri, tmp_path, *NETWORKS) as opened:
        yield opened


@pytest.mark.parametrize("platform", NETWORKS)
async def test_a_reply_reaches_its_customer(shop: Shop, platform: Platform) -> None:
    message = await shop.reply(await shop.customer(platform), platform, "Hello")
    assert message["delivery"]["state"] == "queued"
    delivery = await shop.outcome(message)
    assert delivery["state"] == "sent", delivery
    assert delivery["attempts"] == 1
    assert delivery["parts"][0]["external_id"]
    assert platform is Platform.SANDBOX or shop.texts() == ["Hello"]
    await until(shop.is_at_rest)
