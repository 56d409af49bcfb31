"""A token that runs out while messages wait is renewed once, and everything goes out; refused, nothing is lost."""

from pathlib import Path
from typing import Any

from app.actions.amend_channel import amend_channel
from app.main import DRAIN, build_app
from app.models.channel import Health
from app.models.contact import Platform
from tests.delivery.shop import Shop, open_shop, turns
from tests.fake_platforms.state import Token
from tests.waiting import until

FB, TG = Platform.FACEBOOK, Platform.TELEGRAM
MANY = 100


async def expired(shop: Shop, how: str) -> list[dict[str, Any]]:
    """Let the page's token end, and write to a hundred customers at once."""
    customers = [await shop.customer(FB, name=f"C{n}") for n in range(20)]
    shop.fake.state.tokens["page-good"].state = how
    return [await shop.reply(customers[n % 20], FB, f"{n}") for n in range(MANY)]


async def test_a_hundred_sends_that_meet_an_expired_token_renew_it_once(mongo_uri: str, tmp_path: Path) -> None:
    async with open_shop(mongo_uri, tmp_path) as shop:
        await shop.connect(FB, user_token="user-good")
        messages = await expired(shop, "expired")
        await until(shop.is_at_rest, within=30)
        states = [(await shop.delivery(message))["state"] for message in messages]
        assert states == ["sent"] * MANY
        assert shop.fake.state.refreshes == 1
        assert sorted(shop.texts(), key=int) == [str(n) for n in range(MANY)]
        assert (await shop.health(FB))[0] == "healthy"


async def test_a_refused_renewal_is_one_event_and_keeps_the_queue(mongo_uri: str, tmp_path: Path) -> None:
    async with open_shop(mongo_uri, tmp_path) as shop:
        listener = await shop.desk.listen()
        await listener.ready()
        await shop.connect(FB, user_token="user-gone")
        shop.fake.state.tokens["user-gone"].state = "revoked"
        messages = await expired(shop, "expired")

        async def is_noted() -> bool:
            return (await shop.health(FB))[0] == "needs_reauth"

        await until(is_noted, within=20)
        await until(lambda: not turns(), within=20)
        assert {(await shop.delivery(message))["state"] for message in messages} == {"queued"}
        events = [event["channel"]["health"] for event in listener.of("channel:updated")]
        assert events == ["healthy", "needs_reauth"]
        assert shop.fake.state.refreshes == 1
        await connect_again(shop)
        await until(shop.is_at_rest, within=30)
        assert len(shop.texts()) == MANY


async def test_a_token_that_comes_back_unchanged_is_no_newer_one(mongo_uri: str, tmp_path: Path) -> None:
    async with open_shop(mongo_uri, tmp_path) as shop:
        await shop.connect(FB, user_token="user-good")
        shop.fake.state.tokens["user-good+"] = Token(next="page-good")
        shop.fake.state.tokens["page-good"].state = "expired"
        message = await shop.reply(await shop.customer(FB), FB)

        async def is_noted() -> bool:
            return (await shop.health(FB))[0] == "needs_reauth"

        await until(is_noted)
        await until(lambda: not turns())
        assert (await shop.delivery(message))["state"] == "queued"
        assert (shop.calls(), shop.fake.state.refreshes) == (1, 1)


async def test_a_token_that_was_renewed_too_late_for_its_turn_is_not_held_to_be_refused(
    mongo_uri: str, tmp_path: Path
) -> None:
    async with open_shop(mongo_uri, tmp_path, PLATFORM_TIMEOUT="20s") as shop:
        await shop.connect(FB, user_token="user-good")
        shop.fake.state.tokens["page-good"].state = "expired"
        shop.rule({"delay_ms": 2000})
        message = await shop.reply(await shop.customer(FB), FB)
        await until(shop.calls)
        await shop.desk.app[DRAIN]()
        assert (shop.calls(), shop.fake.state.refreshes) == (1, 1), "the message is for a turn of another process"
        assert (await shop.delivery(message))["state"] == "queued"
        assert (await shop.health(FB))[0] == "healthy"
        later = await build_app(shop.hub.settings, shop.desk.uri)
        assert (await shop.outcome(message, within=30))["state"] == "sent"
        await later.cleanup()


async def test_a_token_that_only_a_person_can_mend_stops_the_channel_alone(mongo_uri: str, tmp_path: Path) -> None:
    async with open_shop(mongo_uri, tmp_path, FB, TG) as shop:
        shop.fake.state.tokens["page-good"].state = "revoked"
        customer = await shop.customer(FB)
        stuck = [await shop.reply(customer, FB, text) for text in ("one", "two")]

        async def is_noted() -> bool:
            return (await shop.health(FB))[0] == "needs_reauth"

        await until(is_noted)
        assert (await shop.outcome(await shop.reply(await shop.customer(TG), TG)))["state"] == "sent"
        assert {(await shop.delivery(message))["state"] for message in stuck} == {"queued"}
        assert [sent.platform for sent in shop.fake.state.sent].count("facebook") == 1


async def connect_again(shop: Shop) -> None:
    """Do what connecting a channel again does: newer credentials, good health, and what waits is due."""
    channel = await shop.hub.store.channels.get(shop.desk.company.id, shop.channels[FB])
    assert channel is not None
    shop.fake.state.tokens["page-new"] = Token(account=shop.account(FB))
    sealed = shop.hub.vault.seal(channel.id, {"access_token": "page-new"})
    await amend_channel(shop.hub, channel, "test", sealed=sealed, health=Health.HEALTHY, reason=None)
    await shop.hub.store.lanes.wake(shop.channels[FB])
