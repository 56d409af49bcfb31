"""An echo or a status proves what an answer did not tell; told too early, it is kept until its message is known."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.models.contact import Platform
from tests.delivery.shop import Shop, open_shop
from tests.waiting import until

FB, IG, WA, TG = Platform.FACEBOOK, Platform.INSTAGRAM, Platform.WHATSAPP, Platform.TELEGRAM


@pytest_asyncio.fixture
async def shop(mongo_uri: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """A company on every platform."""
    async with open_shop(mongo_uri, tmp_path, FB, IG, WA, TG) as opened:
        yield opened


@pytest.mark.parametrize("platform", [FB, WA])
async def test_a_message_whose_answer_is_lost_is_proven_by_its_echo(shop: Shop, platform: Platform) -> None:
    customer = await shop.customer(platform)
    shop.rule({"accept_then_timeout": True})
    message = await shop.reply(customer, platform, "only once")
    delivery = await shop.outcome(message)
    assert delivery["state"] == "sent", delivery
    assert delivery["parts"][0]["external_id"] == shop.fake.state.sent[0].message_id
    assert shop.texts() == ["only once"]
    assert [each["content"] for each in await shop.messages(customer)] == ["only once"]


async def test_on_instagram_it_stays_uncertain_and_its_echo_is_no_second_message(shop: Shop) -> None:
    customer = await shop.customer(IG)
    shop.rule({"accept_then_timeout": True})
    message = await shop.reply(customer, IG, "only once")
    assert (await shop.outcome(message))["state"] == "uncertain"
    assert [each["content"] for each in await shop.messages(customer)] == ["only once"]


@pytest.mark.parametrize("platform", [FB, IG, WA])
async def test_the_echo_and_the_status_come_before_the_answer(shop: Shop, platform: Platform) -> None:
    customer = await shop.customer(platform)
    shop.rule({"emit_first": True})
    message = await shop.reply(customer, platform)
    assert (await shop.outcome(message))["state"] == "sent"
    assert len(await shop.messages(customer)) == 1
    assert shop.calls() == 1


async def test_a_late_echo_proves_an_uncertain_message(shop: Shop) -> None:
    customer = await shop.customer(FB)
    shop.rule({"drop_connection": "before"})
    message = await shop.reply(customer, FB)
    assert (await shop.outcome(message))["state"] == "uncertain"
    peer = shop.fake.state.sent[0].recipient
    await shop.emit("echo", FB, peer=peer, id="m_late", text="Hello", our_id=message["id"])
    assert (await shop.delivery(message))["state"] == "sent"


async def test_receipts_move_the_customers_marks_in_any_order(shop: Shop) -> None:
    listener = await shop.desk.listen()
    await listener.ready()
    customer = await shop.customer(WA)
    sent = [await shop.reply(customer, WA, text) for text in ("one", "two")]
    for message in sent:
        await shop.outcome(message)
    first, second = [each.message_id for each in shop.fake.state.sent]
    peer = shop.fake.state.sent[0].recipient
    for id, status in ((second, "read"), (second, "delivered"), (first, "delivered"), (first, "sent")):
        assert await shop.emit("wa_status", WA, peer=peer, id=id, status=status) == [200]
    assert [(await shop.delivery(message))["state"] for message in sent] == ["read", "read"]
    marks = [event for event in listener.of("message:status") if "up_to_seq" in event]
    await until(lambda: len(marks) == 1)
    assert (marks[0]["state"], marks[0]["up_to_seq"]) == ("read", sent[1]["seq"])


async def test_a_read_watermark_is_one_event(shop: Shop) -> None:
    listener = await shop.desk.listen()
    await listener.ready()
    customer = await shop.customer(FB)
    sent = [await shop.reply(customer, FB, text) for text in ("one", "two", "three")]
    for message in sent:
        await shop.outcome(message)
    peer = shop.fake.state.sent[0].recipient
    for _ in range(2):
        await shop.emit("read", FB, peer=peer)
    assert [(await shop.delivery(message))["state"] for message in sent] == ["read"] * 3
    head = (await shop.desk.changes())["next"]
    await until(lambda: listener.seqs and listener.seqs[-1] == head)
    assert [event["up_to_seq"] for event in listener.of("message:status") if "up_to_seq" in event] == [sent[2]["seq"]]


async def test_a_status_of_an_unknown_message_waits_for_it(shop: Shop) -> None:
    customer = await shop.customer(IG)
    shop.rule({"delay_ms": 600})
    message = await shop.reply(customer, IG)
    await until(shop.calls)
    number = next(shop.fake.state.numbers) + 1
    peer = shop.fake.state.sent[0].recipient
    assert await shop.emit("read", IG, peer=peer, id=f"m_{number}") == [200]
    assert (await shop.outcome(message))["state"] == "read"


@pytest.mark.parametrize("order", [("read", "delivered"), ("delivered", "read")])
async def test_statuses_of_an_unknown_message_may_come_in_any_order(shop: Shop, order: tuple[str, str]) -> None:
    customer = await shop.customer(WA)
    shop.rule({"delay_ms": 600})
    message = await shop.reply(customer, WA)
    await until(shop.calls)
    id = f"wamid.{next(shop.fake.state.numbers) + 1}"
    peer = shop.fake.state.sent[0].recipient
    for status in order:
        assert await shop.emit("wa_status", WA, peer=peer, id=id, status=status) == [200]
    assert (await shop.outcome(message))["state"] == "read"
    assert shop.fake.state.sent[0].message_id == id


async def test_a_refusal_after_the_send_ends_the_message(shop: Shop) -> None:
    customer = await shop.customer(WA)
    message = await shop.reply(customer, WA)
    await shop.outcome(message)
    sent = shop.fake.state.sent[0]
    await shop.emit("wa_status", WA, peer=sent.recipient, id=sent.message_id, status="failed", code=131047)
    delivery = await shop.delivery(message)
    assert (delivery["state"], delivery["class"], delivery["code"]) == ("failed", "window", "131047")
    await shop.emit("wa_status", WA, peer=sent.recipient, id=sent.message_id, status="delivered")
    assert (await shop.delivery(message))["state"] == "delivered"


async def test_what_a_person_writes_elsewhere_is_stored_and_not_sent_again(shop: Shop) -> None:
    customer = await shop.customer(FB)
    contact = next(each for each in await shop.contacts(FB) if each["id"] == customer)
    peer = contact["identities"][0]["external_id"]
    payload = {
        "object": "page",
        "entry": [
            {
                "id": shop.account(FB),
                "time": 1,
                "messaging": [
                    {
                        "sender": {"id": shop.account(FB)},
                        "recipient": {"id": peer},
                        "timestamp": 1_700_000_000_000,
                        "message": {"is_echo": True, "mid": "m_suite", "text": "From the suite"},
                    }
                ],
            }
        ],
    }
    for _ in range(2):
        assert await shop.emit("echo", FB, payload=payload) == [200]
    (message,) = await shop.messages(customer)
    assert (message["direction"], message["role"], message["author"]["kind"]) == ("outbound", "operator", "external")
    assert message["delivery"]["state"] == "sent"
    assert shop.calls() == 0


async def test_what_was_refused_after_the_send_is_sent_again_by_a_retry(shop: Shop) -> None:
    message = await shop.reply(await shop.customer(WA), WA)
    await shop.outcome(message)
    sent = shop.fake.state.sent[0]
    await shop.emit("wa_status", WA, peer=sent.recipient, id=sent.message_id, status="failed", code=131026)
    assert (await shop.delivery(message))["state"] == "failed"
    status, _ = await shop.desk.ask("PATCH", f"/messages/{message['id']}", {"content": "Other words"})
    assert status == 409
    await shop.desk.post(f"/messages/{message['id']}/retry", {})
    delivery = await shop.outcome(message)
    assert delivery["state"] == "sent"
    assert [part["external_id"] for part in delivery["parts"]] == [shop.fake.state.sent[1].message_id]
    assert shop.texts() == ["Hello", "Hello"]


async def test_a_refusal_told_before_the_answer_that_never_comes_ends_the_message(shop: Shop) -> None:
    customer = await shop.customer(WA)
    shop.rule({"hang": True})
    message = await shop.reply(customer, WA)
    await until(shop.calls)
    peer = shop.fake.state.sent[0].recipient
    told = {"peer": peer, "id": "wamid.early", "status": "failed", "code": 131047, "our_id": message["id"]}
    assert await shop.emit("wa_status", WA, **told) == [200]
    delivery = await shop.outcome(message)
    assert (delivery["state"], delivery["class"]) == ("failed", "window")


async def test_an_echo_after_closing_is_still_our_own_message(shop: Shop) -> None:
    customer = await shop.customer(IG)
    shop.rule({"delay_ms": 700})
    message = await shop.reply(customer, IG)
    await until(shop.calls)
    await shop.desk.ask("PATCH", f"/conversations/{message['conversation_id']}", {"status": "closed"})
    sent = shop.fake.state.sent[0]
    echo = {"is_echo": True, "mid": f"m_{next(shop.fake.state.numbers) + 1}", "text": "Hello"}
    about = {"sender": {"id": shop.account(IG)}, "recipient": {"id": sent.recipient}, "timestamp": 1_763_000_000_000}
    entry = {"id": shop.account(IG), "time": 1, "messaging": [{**about, "message": echo}]}
    assert await shop.emit("echo", IG, payload={"object": "instagram", "entry": [entry]}) == [200]
    assert (await shop.outcome(message))["state"] == "sent"
    assert len(await shop.messages(customer)) == 1


async def test_a_message_that_is_sent_again_is_read_when_it_is_read_and_not_before(shop: Shop) -> None:
    customer = await shop.customer(WA)
    first, second = [await shop.reply(customer, WA, text) for text in ("one", "two")]
    for message in (first, second):
        await shop.outcome(message)
    refused, other = shop.fake.state.sent
    peer = refused.recipient
    await shop.emit("wa_status", WA, peer=peer, id=refused.message_id, status="failed", code=131026)
    await shop.emit("wa_status", WA, peer=peer, id=other.message_id, status="read")
    await shop.desk.post(f"/messages/{first['id']}/retry", {})
    assert (await shop.outcome(first))["state"] == "sent"
    third = await shop.reply(customer, WA, "three")
    await shop.outcome(third)
    again = shop.fake.state.sent[2]
    await shop.emit("wa_status", WA, peer=peer, id=again.message_id, status="read")
    delivery = await shop.delivery(first)
    events = (await shop.desk.changes())["events"]
    assert delivery["state"] == "read"
    assert delivery["queued_seq"] == [each["up_to_seq"] for each in events if "up_to_seq" in each][-1]
    assert (await shop.delivery(third))["state"] == "sent"


async def test_a_watermark_covers_what_was_sent_again_before_it(shop: Shop) -> None:
    customer = await shop.customer(FB)
    shop.rule({"drop_connection": "before"}, times=1)
    first = await shop.reply(customer, FB, "one")
    assert (await shop.outcome(first))["state"] == "uncertain"
    second = await shop.reply(customer, FB, "two")
    await shop.outcome(second)
    peer = shop.fake.state.sent[0].recipient
    await shop.emit("read", FB, peer=peer)
    assert (await shop.delivery(second))["state"] == "read"
    await shop.desk.post(f"/messages/{first['id']}/retry", {})
    assert (await shop.outcome(first))["state"] == "sent"
    await shop.emit("read", FB, peer=peer)
    assert (await shop.delivery(first))["state"] == "read"
