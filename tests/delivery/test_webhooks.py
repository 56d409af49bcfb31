"""What platforms tell us is proven, stored once, announced once, and answered only when it is safe."""

import asyncio
import base64
import hashlib
import hmac
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio
from bson import ObjectId
from pydantic import SecretStr
from pymongo.errors import ConnectionFailure

from app.models.contact import Platform
from app.platforms.heard import MOST_TEXT
from tests.delivery.shop import Shop, open_shop
from tests.handlers.strangers import post as header_of
from tests.handlers.strangers import stranger
from tests.sockets.again import elsewhere
from tests.waiting import until

FB, IG, WA, TG = Platform.FACEBOOK, Platform.INSTAGRAM, Platform.WHATSAPP, Platform.TELEGRAM
PEERS = {FB: "PSID-1", IG: "IGSID-1", WA: "491701234", TG: "4711"}
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"


@pytest_asyncio.fixture
async def shop(mongo_uri: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """A company on every platform."""
    async with open_shop(mongo_uri, tmp_path, FB, IG, WA, TG) as opened:
        yield opened


def signed(shop: Shop, body: bytes) -> dict[str, str]:
    digest = hmac.new(shop.fake.webhooks.app_secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={digest}", "Content-Type": "application/json"}


async def post(shop: Shop, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    async with shop.desk.http.post(f"{shop.desk.base}/api/v1/webhooks/{path}", data=body, headers=headers) as response:
        return response.status, await response.json()


def told(shop: Shop, *messaging: dict[str, Any], account: str | None = None) -> dict[str, Any]:
    """Return a webhook of the page about one customer."""
    page = shop.account(FB) if account is None else account
    about = {"sender": {"id": PEERS[FB]}, "recipient": {"id": page}, "timestamp": 1_763_000_000_000}
    return {
        "object": "page",
        "entry": [{"id": page, "time": 1, "messaging": [{**about, **each} for each in messaging]}],
    }


def wrote(mid: str, text: str) -> dict[str, Any]:
    return {"message": {"mid": mid, "text": text}}


async def tell(shop: Shop, *messaging: dict[str, Any]) -> int:
    (status,) = await shop.emit("message", FB, payload=told(shop, *messaging))
    return status


async def inbox(shop: Shop, platform: Platform = FB) -> list[dict[str, Any]]:
    """Return all that the customers of a platform wrote."""
    return [message for contact in await shop.contacts(platform) for message in await shop.messages(contact["id"])]


@pytest.mark.parametrize("platform", PEERS)
async def test_a_customer_who_was_never_here_writes(shop: Shop, platform: Platform) -> None:
    listener = await shop.desk.listen()
    await listener.ready()
    assert await shop.emit("message", platform, peer=PEERS[platform], text="Hi 👋", name="Ann") == [200]
    (message,) = await inbox(shop, platform)
    assert (message["role"], message["direction"], message["content"]) == ("user", "inbound", "Hi 👋")
    (contact,) = await shop.contacts(platform)
    assert contact["name"] in ("Ann", f"Customer {PEERS[platform]}", "Facebook customer", "Instagram customer")
    assert contact["identities"][0]["external_id"] == PEERS[platform]
    await until(lambda: listener.of("message:new"))
    assert [event["type"] for event in listener.events][-2:] == ["contact:updated", "message:new"]
    assert listener.events[-1]["conversation"]["unread_count"] == 1


@pytest.mark.parametrize("platform", [WA, TG])
async def test_a_customer_whose_name_has_control_characters_loses_no_message(shop: Shop, platform: Platform) -> None:
    assert await shop.emit("message", platform, peer=PEERS[platform], text="Hi\0", name="A\0n\x9bn") == [200]
    (message,) = await inbox(shop, platform)
    assert message["content"] == "Hi\0"
    assert (await shop.contacts(platform))[0]["name"] == "A\0n\x9bn"


async def test_a_reply_goes_to_whoever_wrote(shop: Shop) -> None:
    await shop.emit("message", WA, peer=PEERS[WA], text="Hi", name="Ann")
    (contact,) = await shop.contacts(WA)
    assert contact["name"] == "Ann"
    assert (await shop.outcome(await shop.reply(contact["id"], WA)))["state"] == "sent"
    assert shop.fake.state.sent[0].recipient == PEERS[WA]


async def test_five_times_and_shuffled_is_once(shop: Shop) -> None:
    listener = await shop.desk.listen()
    await listener.ready()
    orders = [wrote(f"m_{n}", f"{n}") for n in range(4)] * 5
    random.Random(7).shuffle(orders)
    assert set(await asyncio.gather(*(tell(shop, order) for order in orders))) == {200}
    assert sorted(message["content"] for message in await inbox(shop)) == ["0", "1", "2", "3"]
    await until(lambda: len(listener.of("message:new")) == 4)
    conversation = listener.of("message:new")[-1]["conversation"]
    assert (conversation["unread_count"], conversation["message_count"]) == (4, 4)


async def test_an_album_makes_one_customer_and_one_conversation(shop: Shop) -> None:
    assert set(await asyncio.gather(*(tell(shop, wrote(f"m_{n}", f"photo {n}")) for n in range(10)))) == {200}
    messages = await inbox(shop)
    assert len(messages) == 10
    assert len({message["conversation_id"] for message in messages}) == 1
    assert len(await shop.contacts(FB)) == 1


async def test_a_thousand_in_one_batch_each_in_its_place(shop: Shop) -> None:
    batch = [wrote(f"m_{n}", f"{n}") for n in range(1000)]
    for number, each in enumerate(batch):
        each["sender"] = {"id": f"P{number % 50}"}
    shop.fake.state.tokens["page-good"].state = "revoked"  # so that no name is looked up
    assert await tell(shop, *batch) == 200
    assert await shop.hub.store.messages.collection.count_documents({}) == 1000
    assert await shop.hub.store.contacts.collection.count_documents({"seen_on": "facebook"}) == 50
    contact = (await shop.contacts(FB))[0]
    numbers = [int(message["content"]) for message in await shop.messages(contact["id"])]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("order", ["before", "after"])
async def test_an_edit_a_sign_and_a_withdrawal_may_come_in_any_order(shop: Shop, order: str) -> None:
    edit = {"message_edit": {"mid": "m_1", "text": "Better", "num_edit": 1}}
    sign = {"reaction": {"mid": "m_1", "action": "react", "emoji": "❤️"}}
    steps = [wrote("m_1", "Worse"), edit, sign]
    for step in steps if order == "after" else reversed(steps):
        assert await tell(shop, step) == 200
    (message,) = await inbox(shop)
    assert message["content"] == "Better"
    assert message["reactions"] == [{"by": "contact", "emoji": "❤️"}]
    assert message["edited_at"] is not None
    await tell(shop, {"reaction": {"mid": "m_1", "action": "unreact"}})
    assert (await inbox(shop))[0]["reactions"] == []


@pytest.mark.parametrize("order", ["before", "after"])
async def test_what_a_customer_takes_back_is_gone(shop: Shop, order: str) -> None:
    gone = {"message": {"mid": "m_1", "is_deleted": True}}
    steps = [wrote("m_1", "A secret"), gone]
    for step in steps if order == "after" else reversed(steps):
        assert await tell(shop, step) == 200
    (message,) = await inbox(shop)
    assert message["content"] == ""
    assert message["deleted_at"] is not None
    if order == "before":
        kept = [event async for event in shop.hub.store.events.collection.find({"type": "message:new"})]
        assert "A secret" not in str(kept)


async def test_a_button_and_an_answer(shop: Shop) -> None:
    await tell(shop, wrote("m_1", "Which one?"))
    press = {"postback": {"mid": "m_2", "title": "The red one", "payload": "RED"}}
    answer = {"message": {"mid": "m_3", "text": "This", "reply_to": {"mid": "m_1"}}}
    await tell(shop, press, answer)
    first, pressed, answered = await inbox(shop)
    assert (pressed["content"], pressed["postback"]) == ("The red one", "RED")
    assert answered["reply_to"] == first["id"]


async def test_after_closing_the_customer_opens_a_new_conversation(shop: Shop) -> None:
    await tell(shop, wrote("m_1", "One"))
    (first,) = await inbox(shop)
    await shop.desk.ask("PATCH", f"/conversations/{first['conversation_id']}", {"status": "closed"})
    await tell(shop, wrote("m_2", "Two"))
    _, second = await inbox(shop)
    assert second["conversation_id"] != first["conversation_id"]
    assert len(await shop.contacts(FB)) == 1


async def test_metas_challenge(shop: Shop) -> None:
    url = f"{shop.desk.base}/api/v1/webhooks/facebook"
    asked = {"hub.mode": "subscribe", "hub.verify_token": "verify", "hub.challenge": "<1158201444>"}
    async with shop.desk.http.get(url, params=asked) as response:
        assert (response.status, response.content_type, await response.text()) == (200, "text/plain", "<1158201444>")
    for wrong in ({"hub.verify_token": "other"}, {"hub.mode": "unsubscribe"}, {"hub.verify_token": "vérify"}):
        async with shop.desk.http.get(url, params={**asked, **wrong}) as response:
            assert response.status == 403
            assert (await response.json())["error"]["code"] == "forbidden"


@pytest.mark.parametrize("header", [None, "", "sha256=", "sha256=00", "sha1=00", "ünsigned", "wrong"])
async def test_a_wrong_signature_stores_nothing(shop: Shop, header: str | None) -> None:
    body = orjson.dumps(told(shop, wrote("m_1", "Hi")))
    headers = signed(shop, body + b" ") if header == "wrong" else {"X-Hub-Signature-256": header} if header else {}
    status, answer = await post(shop, "facebook", body, headers)
    assert (status, answer["error"]["code"]) == (401, "unauthenticated")
    assert await shop.hub.store.messages.collection.count_documents({}) == 0


async def test_the_signature_is_over_the_bytes_as_they_came(shop: Shop) -> None:
    body = orjson.dumps(told(shop, wrote("m_1", "Grüße"))).replace("ü".encode(), b"\\u00fc").replace(b":", b" : ")
    assert (await post(shop, "facebook", body, signed(shop, body)))[0] == 200
    assert (await inbox(shop))[0]["content"] == "Grüße"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff"])
async def test_what_is_signed_but_no_json_object_is_refused(shop: Shop, body: bytes) -> None:
    status, answer = await post(shop, "facebook", body, signed(shop, body))
    assert (status, answer["error"]["code"]) == (400, "malformed_json")


async def test_a_strange_account_and_strange_kinds_are_kept_and_counted(shop: Shop) -> None:
    strange = told(shop, wrote("m_1", "Hi"), account="NOBODYS_PAGE")
    newer = told(shop, {"brand_new_thing": {"$where": 1, "a.b": 2}})
    newer["entry"][0]["version"] = "v31.0"
    for payload in (strange, newer, {"object": "page"}, {"object": "user", "entry": [{"changes": []}]}):
        assert await shop.emit("message", FB, payload=payload) == [200]
    assert await shop.hub.store.unheard.counts() == {"facebook unknown account": 1, "facebook brand_new_thing": 1}
    assert await shop.hub.store.messages.collection.count_documents({}) == 0


async def test_a_payload_of_a_newer_version_is_read_as_far_as_it_is_known(shop: Shop) -> None:
    payload = told(shop, {"message": {"mid": "m_1", "text": "Hi", "future": {"deep": [1]}}, "more": True})
    assert await shop.emit("message", FB, payload={**payload, "api_version": "v40.0"}) == [200]
    assert [message["content"] for message in await inbox(shop)] == ["Hi"]


async def test_one_address_hears_every_product_of_the_app(shop: Shop) -> None:
    body = orjson.dumps(shop.fake.webhooks.payload({"kind": "message", "platform": "whatsapp", "peer": PEERS[WA],
                                                    "account": shop.account(WA), "text": "Hi"}))  # fmt: skip
    assert (await post(shop, "facebook", body, signed(shop, body)))[0] == 200
    assert len(await inbox(shop, WA)) == 1


async def test_a_channels_own_address_hears_that_channel_alone(shop: Shop) -> None:
    body = orjson.dumps(told(shop, wrote("m_1", "Hi")))
    for channel_id, status in ((ObjectId(), 404), (shop.channels[IG], 404), ("x", 404), (shop.channels[FB], 200)):
        assert (await post(shop, f"facebook/{channel_id}", body, signed(shop, body)))[0] == status
    other = orjson.dumps(told(shop, wrote("m_2", "Hi"), account="ANOTHER_PAGE"))
    assert (await post(shop, f"facebook/{shop.channels[FB]}", other, signed(shop, other)))[0] == 200
    assert len(await inbox(shop)) == 1


@pytest.mark.parametrize(
    "when", [253_402_300_800_000, (1 << 48) - 1, "9" * 15, "9" * 5000, -1, 0, True, "soon", None, []]
)
async def test_a_time_that_is_none_holds_nothing_back(shop: Shop, when: Any) -> None:
    assert await tell(shop, wrote("m_1", "When?") | {"timestamp": when}) == 200
    assert await tell(shop, {"read": {"watermark": when}, "timestamp": when}) == 200
    sent = {"message_id": 1, "date": when, "chat": {"id": 4711, "type": "private"}, "text": "When?"}
    sent["from"] = {"id": 4711, "is_bot": False, "first_name": "Ann"}
    assert await shop.emit("message", TG, payload={"update_id": 1, "message": sent}) == [200]
    for platform in (FB, TG):
        (message,) = await inbox(shop, platform)
        assert message["created_at"] > "2026"


async def test_the_same_id_on_two_channels_is_two_messages(shop: Shop) -> None:
    first = shop.account(FB)
    await shop.connect(FB)
    for account in (first, shop.account(FB)):
        assert await shop.emit("message", FB, payload=told(shop, wrote("m_1", account), account=account)) == [200]
    assert {message["content"] for message in await inbox(shop)} == {first, shop.account(FB)}


async def test_reading_up_to_a_message_leaves_what_came_after_it_unread(shop: Shop) -> None:
    for number in range(3):
        await tell(shop, wrote(f"m_{number}", f"{number}"))
    messages = await inbox(shop)
    body = {"conversation_id": messages[1]["conversation_id"], "up_to_seq": messages[1]["seq"]}
    _, answer = await shop.desk.ask("PUT", "/messages/mark-read", body)
    assert [each["unread_count"] for each in answer["data"]["conversations"]] == [1]


async def test_where_no_key_opens_a_bots_secret_nobody_is_let_in(shop: Shop) -> None:
    keys = {"encryption_keys": (SecretStr(base64.urlsafe_b64encode(b"k" * 32).decode()),)}
    hub = replace(shop.hub, settings=shop.hub.settings.model_copy(update=keys))
    async with elsewhere(replace(shop.desk, hub=hub)) as desk:
        other = replace(shop, desk=desk)
        body = orjson.dumps({"update_id": 1})
        for headers in ({}, {SECRET_HEADER: ""}, {SECRET_HEADER: "s3cret"}):
            assert (await post(other, f"telegram/{shop.channels[TG]}", body, headers))[0] == 401
    await shop.connect(TG, secret_token="")
    for headers in ({}, {SECRET_HEADER: ""}):
        assert (await post(shop, f"telegram/{shop.channels[TG]}", body, headers))[0] == 401


async def test_telegram_proves_itself_by_the_bots_secret(shop: Shop) -> None:
    for secret in ("", "wrong", "s3cre", "ß"):
        assert await shop.emit("message", TG, peer=PEERS[TG], text="Hi", secret_token=secret) == [401]
    assert await shop.emit("message", TG, peer=PEERS[TG], text="Hi") == [200]
    assert (await post(shop, "telegram", b"{}", {}))[0] == 404
    assert (await post(shop, "icq", b"{}", {}))[0] == 404
    assert len(await inbox(shop, TG)) == 1


async def test_a_bots_secret_is_asked_for_before_a_body_is_waited_for(shop: Shop) -> None:
    async with stranger(shop.desk) as line:
        path = f"/api/v1/webhooks/telegram/{shop.channels[TG]}"
        line.say(header_of(path, 1000, "X-Telegram-Bot-Api-Secret-Token: wrong"))
        assert (await line.told()).refused.code == "unauthenticated"


async def test_without_an_app_secret_nobody_can_prove_to_be_meta(mongo_uri: str, tmp_path: Path) -> None:
    async with open_shop(mongo_uri, tmp_path, FB, FACEBOOK_APP_SECRET="") as shop:
        body = orjson.dumps(told(shop, wrote("m_1", "Hi")))
        status, answer = await post(shop, "facebook", body, signed(shop, body))
        assert (status, answer["error"]["code"]) == (403, "forbidden")


async def test_while_the_database_is_away_the_platform_keeps_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await tell(shop, wrote("m_0", "Before"))

    async def away(*_: object, **__: object) -> None:
        raise ConnectionFailure("away")

    monkeypatch.setattr("app.journal.journal.DEADLINE", 0.5)
    with monkeypatch.context() as broken:
        broken.setattr("app.journal.writing.Writing.commit", away)
        assert await tell(shop, wrote("m_1", "Kept")) == 503
    assert await tell(shop, wrote("m_1", "Kept")) == 200
    assert [message["content"] for message in await inbox(shop)] == ["Before", "Kept"]


async def test_of_a_text_without_end_the_beginning_is_kept_also_when_it_is_changed(shop: Shop) -> None:
    endless = "x" * (MOST_TEXT + 1)
    edit = {"message_edit": {"mid": "m_1", "text": f"y{endless}", "num_edit": 1}}
    for told_of, begins in ((wrote("m_1", endless), "xx"), (edit, "yx")):
        assert await tell(shop, told_of) == 200
        (message,) = await inbox(shop)
        assert (message["content"][:2], len(message["content"])) == (begins, MOST_TEXT)


async def test_a_long_text_is_kept_whole(shop: Shop) -> None:
    text = "long " * 4000
    assert await tell(shop, wrote("m_1", text)) == 200
    assert (await inbox(shop))[0]["content"] == text


async def test_half_an_emoji_holds_nothing_back(shop: Shop) -> None:
    body = orjson.dumps(told(shop, wrote("m_1", "CUT"))).replace(b"CUT", b"Hi \\ud83d and \\udc4b, \\ud83d\\udc4b")
    assert (await post(shop, "facebook", body, signed(shop, body)))[0] == 200
    assert [message["content"] for message in await inbox(shop)] == ["Hi \ufffd and \ufffd, 👋"]


async def test_a_message_whose_key_is_forgotten_is_still_no_second_one(shop: Shop) -> None:
    await tell(shop, wrote("m_1", "Once"))
    await shop.hub.store.events.collection.update_many({}, {"$unset": {"key": True, "digest": True}})
    assert await tell(shop, wrote("m_1", "Once")) == 200
    assert len(await inbox(shop)) == 1


@pytest.mark.parametrize("known", [True, False])
async def test_an_older_edit_does_not_undo_a_newer_one(shop: Shop, known: bool) -> None:
    edits = [
        {"message_edit": {"mid": "m_1", "text": text}, "timestamp": 1_763_000_000_000 + at}
        for text, at in (("newest", 9_000), ("older", 5_000))
    ]
    first = wrote("m_1", "first")
    for step in (first, *edits) if known else (*edits, first):
        assert await tell(shop, step) == 200
    assert [message["content"] for message in await inbox(shop)] == ["newest"]


async def test_a_customer_does_not_change_our_words(shop: Shop) -> None:
    customer = await shop.customer(FB)
    message = await shop.reply(customer, FB, "Ours")
    await shop.outcome(message)
    mid = shop.fake.state.sent[0].message_id
    await tell(shop, {"message_edit": {"mid": mid, "text": "Theirs"}}, {"message": {"mid": mid, "is_deleted": True}})
    await tell(shop, {"reaction": {"mid": mid, "action": "react", "emoji": "👍"}})
    (kept,) = await shop.messages(customer)
    assert (kept["content"], kept["reactions"]) == ("Ours", [{"by": "contact", "emoji": "👍"}])


async def test_a_customer_whose_identity_was_taken_off_goes_on_in_their_conversation(shop: Shop) -> None:
    await tell(shop, wrote("m_1", "One"))
    (contact,) = await shop.contacts(FB)
    status, _ = await shop.desk.ask("PATCH", f"/contacts/{contact['id']}", {"identities": []})
    assert status == 200
    await tell(shop, wrote("m_2", "Two"))
    assert [message["content"] for message in await shop.messages(contact["id"])] == ["One", "Two"]


async def test_an_account_that_changed_hands_a_moment_ago_is_told_to_its_new_owner(shop: Shop) -> None:
    await tell(shop, wrote("m_1", "To us"))
    other = await shop.desk.neighbour()
    page = shop.account(FB)
    status, _ = await shop.desk.ask("DELETE", f"/channels/{shop.channels[FB]}", **shop.as_person)
    assert status == 200
    credentials = {"access_token": "page-good"}
    body = {"platform": "facebook", "name": "Page", "external_id": page, "credentials": credentials}
    await other.post("/channels", body)
    (answer,) = await shop.emit("message", FB, payload=told(shop, wrote("m_2", "To them"), account=page))
    assert answer == 200
    _, found = await other.ask("GET", "/contacts?platform=facebook")
    _, messages = await other.ask("GET", f"/messages?contact_id={found['data'][0]['id']}")
    assert [message["content"] for message in messages["data"]] == ["To them"]
    assert [message["content"] for message in await inbox(shop)] == ["To us"]


async def test_a_customer_who_goes_on_writing_is_not_written_down_anew(shop: Shop) -> None:
    await tell(shop, wrote("m_1", "One"))
    (before,) = await shop.contacts(FB)
    await shop.hub.store.contacts.collection.update_one({"_id": ObjectId(before["id"])}, {"$set": {"mark": True}})
    await tell(shop, wrote("m_2", "Two"))
    kept = await shop.hub.store.contacts.collection.find_one({"mark": True})
    assert kept is not None, "it was replaced, though nothing of it had changed"
