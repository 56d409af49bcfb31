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


async def test_a_long_text_goes_out_in_pieces_in_order_and_a_failed_one_is_taken_up_again(shop: Shop) -> None:
    text = " ".join(f"word-{n} 👩‍👩‍👧‍👦" for n in range(150))
    shop.rule({"preset": "meta_1200"}, after=1)
    message = await shop.reply(await shop.customer(Platform.INSTAGRAM), Platform.INSTAGRAM, text)
    delivery = await shop.outcome(message)
    assert delivery["state"] == "sent", delivery
    assert " ".join(shop.texts()) == text
    assert all(len(piece.encode()) <= 1000 for piece in shop.texts())
    assert [part["index"] for part in delivery["parts"]] == list(range(len(shop.texts())))
    assert shop.calls() == len(shop.texts()) + 1


async def test_order_is_kept_in_a_conversation_and_a_failing_one_holds_up_nobody_else(shop: Shop) -> None:
    troubled, calm = await shop.customer(Platform.WHATSAPP, name="Troubled"), await shop.customer(Platform.WHATSAPP)
    shop.rule({"preset": "wa_131000"}, match={"text_contains": "troubled-2"})
    shop.rule({"preset": "wa_131056"}, match={"text_contains": "troubled-4"})
    sent = [await shop.reply(troubled, Platform.WHATSAPP, f"troubled-{n}") for n in range(6)]
    quick = [await shop.reply(calm, Platform.WHATSAPP, f"calm-{n}") for n in range(3)]
    for message in quick:
        assert (await shop.outcome(message))["state"] == "sent"
    assert "troubled-5" not in shop.texts()
    for message in sent:
        assert (await shop.outcome(message))["state"] == "sent"
    assert [text for text in shop.texts() if "troubled" in text] == [f"troubled-{n}" for n in range(6)]
    assert shop.fake.state.most_in_flight == 1


async def test_a_message_ends_before_its_deadline_with_the_last_reason(mongo_uri: str, tmp_path: Path) -> None:
    async with open_shop(mongo_uri, tmp_path, Platform.TELEGRAM, DELIVERY_DEADLINE="2s") as shop:
        shop.rule({"preset": "http_500"}, times=-1)
        message = await shop.reply(await shop.customer(Platform.TELEGRAM), Platform.TELEGRAM)
        delivery = await shop.outcome(message)
        assert (delivery["state"], delivery["class"], delivery["code"]) == ("failed", "transient", "500")
        assert delivery["retryable"] is True
        await until(shop.is_at_rest)


async def test_a_person_sends_a_failed_message_again_behind_those_that_wait(shop: Shop) -> None:
    ann = await shop.customer(Platform.FACEBOOK)
    shop.rule({"preset": "meta_551"})
    failed = await shop.reply(ann, Platform.FACEBOOK, "first")
    assert (await shop.outcome(failed))["state"] == "failed"
    answer = await shop.desk.post(f"/messages/{failed['id']}/retry", {})
    assert answer["data"]["delivery"]["state"] == "queued"
    assert (await shop.outcome(failed))["state"] == "sent"
    status, again = await shop.desk.ask("POST", f"/messages/{failed['id']}/retry")
    assert (status, again["error"]["code"]) == (409, "not_sendable")


async def test_what_the_platform_will_never_take_is_not_sent_again(shop: Shop) -> None:
    shop.rule({"preset": "tg_400_long"})
    message = await shop.reply(await shop.customer(Platform.TELEGRAM), Platform.TELEGRAM)
    assert (await shop.outcome(message))["retryable"] is False
    status, answer = await shop.desk.ask("POST", f"/messages/{message['id']}/retry")
    assert (status, answer["error"]["code"]) == (409, "not_sendable")


async def test_a_message_that_waits_is_called_off_and_the_next_goes_on(shop: Shop) -> None:
    ann = await shop.customer(Platform.FACEBOOK)
    shop.rule({"delay_ms": 500})
    first, second, third = [await shop.reply(ann, Platform.FACEBOOK, text) for text in ("one", "two", "three")]
    canceled = await shop.desk.post(f"/messages/{second['id']}/cancel", {})
    assert canceled["data"]["delivery"]["state"] == "canceled"
    assert [(await shop.outcome(message))["state"] for message in (first, second, third)] == [
        "sent",
        "canceled",
        "sent",
    ]
    assert shop.texts() == ["one", "three"]
    status, answer = await shop.desk.ask("POST", f"/messages/{first['id']}/cancel")
    assert (status, answer["error"]["code"]) == (409, "not_sendable")


async def test_a_message_on_its_way_cannot_be_called_off(shop: Shop) -> None:
    shop.rule({"delay_ms": 700})
    message = await shop.reply(await shop.customer(Platform.FACEBOOK), Platform.FACEBOOK)
    await until(shop.calls)
    for method, path in (("POST", f"/messages/{message['id']}/cancel"), ("DELETE", f"/messages/{message['id']}")):
        status, answer = await shop.desk.ask(method, path)
        assert (status, answer["error"]["code"]) == (409, "being_sent")
    assert (await shop.outcome(message))["state"] == "sent"


async def test_the_head_of_a_waiting_lane_is_called_off_by_deleting_it(shop: Shop) -> None:
    ann = await shop.customer(Platform.TELEGRAM)
    shop.rule({"preset": "tg_429", "retry_after": 30})
    head, behind = [await shop.reply(ann, Platform.TELEGRAM, text) for text in ("one", "two")]

    async def is_put_off() -> bool:
        return (await shop.delivery(head)).get("class") == "rate"

    await until(is_put_off)
    status, answer = await shop.desk.ask("DELETE", f"/messages/{head['id']}")
    assert (status, answer["data"]["delivery"]["state"]) == (200, "canceled")
    row = await shop.hub.store.lanes.collection.find_one({})
    assert row is not None
    assert str(row["message_id"]) == behind["id"]


async def test_words_that_are_about_to_be_sent_do_not_change(shop: Shop) -> None:
    shop.rule({"delay_ms": 500})
    message = await shop.reply(await shop.customer(Platform.FACEBOOK), Platform.FACEBOOK)
    status, answer = await shop.desk.ask("PATCH", f"/messages/{message['id']}", {"content": "Other"})
    assert (status, answer["error"]["code"]) == (409, "not_editable")


async def test_a_caller_may_wait_for_the_outcome(shop: Shop) -> None:
    body = {"contact_id": await shop.customer(Platform.FACEBOOK), "platform": "facebook", "role": "operator"}
    answer = await shop.desk.post("/messages?wait=1", {**body, "content": "Hello"})
    assert answer["data"]["delivery"]["state"] == "sent"
    assert answer["forwarding"] == {"state": "sent"}
    shop.rule({"preset": "meta_551"})
    answer = await shop.desk.post("/messages?wait=1", {**body, "content": "Again"})
    assert answer["forwarding"]["state"] == "failed"
    assert answer["forwarding"]["reason"] == answer["data"]["delivery"]["reason"]


async def test_whoever_waits_too_long_is_told_queued(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.actions.await_outcome.await_outcome.__kwdefaults__", None)
    monkeypatch.setattr("app.actions.await_outcome.await_outcome.__defaults__", (0.2,))
    shop.rule({"delay_ms": 800})
    body = {"contact_id": await shop.customer(Platform.FACEBOOK), "platform": "facebook", "role": "operator"}
    answer = await shop.desk.post("/messages?wait=1", {**body, "content": "Hello"})
    assert answer["forwarding"] == {"state": "queued"}
    assert (await shop.outcome(answer["data"]))["state"] == "sent"


async def test_every_step_is_an_event(shop: Shop) -> None:
    listener = await shop.desk.listen()
    await listener.ready()
    shop.rule({"preset": "meta_1200"})
    message = await shop.reply(await shop.customer(Platform.FACEBOOK), Platform.FACEBOOK)
    await shop.outcome(message)
    await until(lambda: len(listener.of("message:status")) == 2)
    waiting, sent = [event["message"]["delivery"] for event in listener.of("message:status")]
    assert (waiting["state"], waiting["class"], waiting["code"], waiting["attempts"]) == (
        "queued",
        "transient",
        "1200",
        1,
    )
    assert (sent["state"], sent["attempts"]) == ("sent", 2)
    assert "class" not in sent


async def test_a_contact_without_an_identity_on_the_channel_is_refused_at_once(shop: Shop) -> None:
    body = {"contact_id": shop.desk.contact_id, "platform": "telegram", "role": "operator", "content": "Hello"}
    status, answer = await shop.desk.ask("POST", "/messages", body)
    assert status == 422
    assert answer["error"]["details"][0]["field"] == "contact_id"
    assert shop.calls() == 0
