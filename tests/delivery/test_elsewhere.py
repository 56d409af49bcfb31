"""Two servers of one company: what one of them remembers is a hint, and decides nothing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest_asyncio

from app.access import recalled
from app.actions.amend_channel import amend_channel
from app.journal.change import Change, Decision, Seen
from app.models.channel import Channel, Health
from app.models.contact import Contact, Platform
from app.models.entity import ChannelId
from tests.delivery.shop import Shop, open_shop
from tests.sockets.again import elsewhere
from tests.waiting import until

FB, IG, TG = Platform.FACEBOOK, Platform.INSTAGRAM, Platform.TELEGRAM


@pytest_asyncio.fixture
async def shop(mongo_uri: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """A company at the server that platforms call."""
    async with open_shop(mongo_uri, tmp_path, FB, IG, PLATFORM_TIMEOUT="10s") as opened:
        yield opened


@pytest_asyncio.fixture
async def other(shop: Shop) -> AsyncIterator[Shop]:
    """The same company at another server."""
    async with elsewhere(shop.desk) as desk:
        yield replace(shop, desk=desk)


async def heard(shop: Shop, platform: Platform, peer: str) -> str:
    """Let a customer write, and return the conversation."""
    assert await shop.emit("message", platform, peer=peer, text="Hi") == [200]
    (contact,) = await shop.contacts(platform)
    return str((await shop.messages(contact["id"]))[-1]["conversation_id"])


async def contact_on(shop: Shop, platform: Platform) -> str:
    (contact,) = await shop.contacts(platform)
    return str(contact["id"])


async def echo(shop: Shop, platform: Platform, peer: str, mid: str) -> None:
    """Let a message have gone out that names nothing of ours."""
    about = {"sender": {"id": shop.account(platform)}, "recipient": {"id": peer}, "timestamp": 1_763_000_000_000}
    entry = {"id": shop.account(platform), "time": 1}
    messaging = [{**about, "message": {"is_echo": True, "mid": mid, "text": "Hello"}}]
    payload = {"object": "instagram" if platform is IG else "page", "entry": [{**entry, "messaging": messaging}]}
    assert await shop.emit("echo", platform, payload=payload) == [200]


async def test_the_first_reply_goes_over_a_channel_that_was_connected_elsewhere(shop: Shop, other: Shop) -> None:
    skipped = await shop.reply(shop.desk.contact_id, TG)
    assert skipped["delivery"] is None
    await other.connect(TG)
    customer = await other.customer(TG)
    message = await shop.reply(customer, TG, "On its way")
    assert message["channel_id"] == other.channels[TG]
    assert (await shop.outcome(message))["state"] == "sent"


async def test_a_reply_goes_over_the_channel_that_took_the_place_of_another_elsewhere(shop: Shop, other: Shop) -> None:
    old = await shop.connect(TG)
    await shop.outcome(await shop.reply(await shop.customer(TG), TG))
    assert (await other.desk.ask("DELETE", f"/channels/{old}"))[0] == 200
    await other.connect(TG)
    message = await shop.reply(await other.customer(TG), TG)
    assert (await shop.outcome(message))["state"] == "sent"


async def test_a_repeated_request_is_answered_whatever_each_server_remembers(shop: Shop, other: Shop) -> None:
    await shop.reply(shop.desk.contact_id, TG)  # this one remembers that there is no channel
    await other.connect(TG)
    customer = await other.customer(TG)
    first = await other.reply(customer, TG, client_message_id="once")
    again = await shop.reply(customer, TG, client_message_id="once")
    assert (again["id"], again["channel_id"]) == (first["id"], other.channels[TG])


async def test_an_echo_of_a_reply_in_a_conversation_that_was_opened_elsewhere_is_ours(shop: Shop, other: Shop) -> None:
    old = await heard(shop, IG, "IGSID-1")
    await other.desk.ask("PATCH", f"/conversations/{old}", {"status": "closed"})
    shop.rule({"delay_ms": 2000})
    message = await other.reply(await contact_on(shop, IG), IG)
    assert message["conversation_id"] != old
    await until(shop.calls)
    await echo(shop, IG, shop.fake.state.sent[0].recipient, f"m_{next(shop.fake.state.numbers) + 1}")
    assert (await shop.outcome(message))["state"] == "sent"
    assert [each["content"] for each in await shop.messages(message["contact_id"])] == ["Hi", "Hello"]


async def test_an_echo_of_an_uncertain_reply_in_a_conversation_of_elsewhere_is_kept_aside(
    shop: Shop, other: Shop
) -> None:
    old = await heard(shop, IG, "IGSID-1")
    await other.desk.ask("PATCH", f"/conversations/{old}", {"status": "closed"})
    shop.rule({"drop_connection": "before"})
    message = await other.reply(await contact_on(shop, IG), IG)
    assert (await shop.outcome(message))["state"] == "uncertain"
    await echo(shop, IG, shop.fake.state.sent[0].recipient, "m_perhaps")
    assert [each["content"] for each in await shop.messages(message["contact_id"])] == ["Hi", "Hello"]


async def test_a_reply_that_was_taken_for_another_apps_takes_its_id_back(shop: Shop) -> None:
    await heard(shop, IG, "IGSID-1")
    mid = f"m_{next(shop.fake.state.numbers) + 1}"
    await echo(shop, IG, "IGSID-1", mid)
    customer = await contact_on(shop, IG)
    (copy,) = [each for each in await shop.messages(customer) if each["author"]["kind"] == "external"]
    message = await shop.reply(customer, IG)
    delivery = await shop.outcome(message)
    assert (delivery["state"], delivery["parts"][0]["external_id"]) == ("sent", mid)
    left = {each["id"]: each for each in await shop.messages(customer)}
    assert (left[copy["id"]]["deleted_at"] is not None, left[copy["id"]]["content"]) == (True, "")
    assert left[message["id"]]["content"] == "Hello"
    log = (await shop.desk.changes())["events"]
    assert [event["message"]["id"] for event in log if event["type"] == "message:deleted"] == [copy["id"]]


async def test_a_customer_reads_what_was_sent_in_a_conversation_that_was_opened_elsewhere(
    shop: Shop, other: Shop
) -> None:
    old = await heard(shop, FB, "PSID-1")
    await other.desk.ask("PATCH", f"/conversations/{old}", {"status": "closed"})
    message = await other.reply(await contact_on(shop, FB), FB)
    assert (await other.outcome(message))["state"] == "sent"
    await shop.emit("read", FB, peer="PSID-1")
    assert (await shop.delivery(message))["state"] == "read"


async def test_who_was_a_stranger_here_is_looked_for_again(shop: Shop, other: Shop) -> None:
    known_as = Contact.known_as(shop.channels[FB], "PSID-1")

    def decide(seen: Seen, now: datetime) -> Decision:
        return Decision(answer=seen.get(known_as))

    asked = Change(company_id=shop.desk.company.id, key=shop.hub.new_id(), decide=decide)
    assert (await shop.hub.journal.commit(asked)).answer is None
    identity = {"platform": FB, "channel_id": shop.channels[FB], "external_id": "PSID-1"}
    made = await other.desk.post("/contacts", {"name": "Ann", "identities": [identity]})
    found = await recalled(shop.hub, shop.desk.company.id, known_as)
    assert found is not None
    assert found.id == made["data"]["id"]


async def test_a_finding_about_a_channel_does_not_end_the_pause_of_a_person(shop: Shop, other: Shop) -> None:
    company, id = shop.desk.company.id, shop.channels[FB]
    found = await shop.hub.store.channels.get(company, id)
    assert found is not None
    await other.desk.post(f"/channels/{id}/pause", {})
    after = await amend_channel(shop.hub, found, "health", health=Health.HEALTHY, reason=None)
    assert after is not None
    assert (after.health, bool(after.paused_by)) == (Health.PAUSED, True)


async def test_an_heir_that_is_connected_while_its_elder_is_disconnected_becomes_the_main_channel(shop: Shop) -> None:
    company, store = shop.desk.company.id, shop.hub.store
    elder = await store.channels.get(company, await shop.connect(TG))
    assert elder is not None
    heir = replace(elder, id=ChannelId(shop.hub.new_id()), external_id="account-2", main=False)
    async with store.client.start_session() as session, await session.start_transaction():
        await store.streams.lock(company, session)  # as another server has it that connects a channel
        asking = asyncio.create_task(shop.desk.ask("DELETE", f"/channels/{elder.id}"))
        await until(lambda: any(lane.served for lane in shop.hub.journal._lanes.values()))
        await store.channels.collection.insert_one(store.channels.document(heir), session=session)
    assert (await asking)[0] == 200
    mains = await store.channels.load(company, [Channel.main_of(TG)])
    assert [each.id for each in mains] == [heir.id]
