"""Where a bot server sends for Facebook and Instagram, replies go through it, and nothing else does."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.models.contact import Platform
from tests.delivery.shop import Shop, open_shop

FB, IG, WA = Platform.FACEBOOK, Platform.INSTAGRAM, Platform.WHATSAPP


@pytest_asyncio.fixture
async def shop(mongo_uri: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """A company whose bot server sends."""
    async with open_shop(mongo_uri, tmp_path, FB, IG, WA, meta_bot=True) as opened:
        yield opened


@pytest.mark.parametrize("platform", [FB, IG])
async def test_a_reply_goes_through_the_bot_server(shop: Shop, platform: Platform) -> None:
    customer = await shop.customer(platform)
    message = await shop.reply(customer, platform)
    delivery = await shop.outcome(message)
    assert delivery["state"] == "sent"
    (sent,) = shop.fake.state.sent
    assert sent.path == f"/chat/manual-{platform.value}"
    assert delivery["parts"][0]["external_id"] == sent.message_id
    told = {
        name: sent.body[name] for name in ("company_id", "customer_id", "platform", "content", "external_message_id")
    }
    assert told == {
        "company_id": shop.desk.company.id,
        "customer_id": customer,
        "platform": platform.value,
        "content": "Hello",
        "external_message_id": message["id"],
    }


async def test_its_echo_is_recognised(shop: Shop) -> None:
    customer = await shop.customer(FB)
    await shop.outcome(await shop.reply(customer, FB))
    (sent,) = shop.fake.state.sent
    await shop.emit("echo", FB, peer=sent.recipient, id=sent.message_id, text="Hello")
    assert len(await shop.messages(customer)) == 1


async def test_whatsapp_knows_no_bot_server(shop: Shop) -> None:
    await shop.outcome(await shop.reply(await shop.customer(WA), WA))
    assert shop.fake.state.sent[0].path.endswith("/messages")


@pytest.mark.parametrize(("preset", "kind"), [("meta_551", "recipient"), ("meta_10_2018278", "window")])
async def test_the_graphs_refusal_is_found_in_what_the_bot_server_says(shop: Shop, preset: str, kind: str) -> None:
    shop.rule({"preset": preset})
    delivery = await shop.outcome(await shop.reply(await shop.customer(FB), FB))
    assert (delivery["state"], delivery["class"]) == ("failed", kind)
    assert shop.calls() == 1


async def test_files_cannot_go_through_it(shop: Shop) -> None:
    file = [{"type": "image", "url": "https://files.example/1.png"}]
    delivery = await shop.outcome(await shop.reply(await shop.customer(FB), FB, "", attachments=file))
    assert (delivery["state"], delivery["class"], delivery["code"]) == ("failed", "content", "attachment")
    assert shop.calls() == 0
