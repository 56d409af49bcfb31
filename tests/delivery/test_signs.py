"""Customers see that somebody types or has read, where their platform can show it; nobody waits for it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.models.contact import Platform
from tests.delivery.shop import Shop, open_shop
from tests.waiting import until

FB, IG, WA, TG = Platform.FACEBOOK, Platform.INSTAGRAM, Platform.WHATSAPP, Platform.TELEGRAM
PEERS = {FB: "PSID-1", IG: "IGSID-1", WA: "491701234", TG: "4711"}
TYPING = {FB: "typing_on", IG: "typing_on", WA: "typing", TG: "typing"}
SEEN = {FB: "mark_seen", IG: "mark_seen", WA: "seen"}


@pytest_asyncio.fixture
async def shop(mongo_uri: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """A company on every platform."""
    async with open_shop(mongo_uri, tmp_path, FB, IG, WA, TG) as opened:
        yield opened


async def heard(shop: Shop, platform: Platform) -> tuple[str, str]:
    """Let a customer write; return the conversation, and where their platform shows signs."""
    named = {"id": "wamid.1"} if platform is WA else {}
    await shop.emit("message", platform, peer=PEERS[platform], text="Hi", name="Ann", **named)
    (contact,) = await shop.contacts(platform)
    (message,) = await shop.messages(contact["id"])
    return message["conversation_id"], "wamid.1" if platform is WA else PEERS[platform]


@pytest.mark.parametrize("platform", TYPING)
async def test_typing_is_shown_once_in_a_while(shop: Shop, platform: Platform) -> None:
    conversation_id, whom = await heard(shop, platform)
    listener = await shop.desk.listen()
    await listener.ready()
    for _ in range(3):
        assert (await listener.call("typing:start", {"conversation_id": conversation_id}))["ok"]
    await until(lambda: shop.fake.state.signs)
    await listener.call("typing:stop", {"conversation_id": conversation_id})
    assert shop.fake.state.signs == [(platform.value, whom, TYPING[platform])]


@pytest.mark.parametrize("platform", SEEN)
async def test_what_was_read_is_shown_as_seen(shop: Shop, platform: Platform) -> None:
    conversation_id, whom = await heard(shop, platform)
    for _ in range(2):
        status, _ = await shop.desk.ask("PUT", "/messages/mark-read", {"conversation_id": conversation_id})
        assert status == 200
    await until(lambda: shop.fake.state.signs)
    assert shop.fake.state.signs == [(platform.value, whom, SEEN[platform])]


async def test_a_sign_that_cannot_be_shown_changes_nothing(shop: Shop) -> None:
    conversation_id, _ = await heard(shop, FB)
    for name in ("page-good", "whatsapp-good"):
        shop.fake.state.tokens[name].state = "revoked"
    status, _ = await shop.desk.ask("PUT", "/messages/mark-read", {"conversation_id": conversation_id})
    assert status == 200
    await shop.desk.receive("On the web")
    assert (await shop.health(FB))[0] == "healthy"
