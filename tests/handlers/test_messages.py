"""Reading, changing and taking back messages over REST."""

import pytest

from tests.desk import Desk
from tests.handlers.asking import NOWHERE, Refused, changed, got, head_of, missing, refusal, walked

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_messages_of_a_contact_come_newest_first(desk: Desk) -> None:
    sent = [(await desk.receive(words))["id"] for words in ("one", "two", "three")]
    pages = await walked(desk, f"/messages?contact_id={desk.contact_id}&limit=2")
    assert [[message["id"] for message in page] for page in pages] == [[sent[2], sent[1]], [sent[0]]]


async def test_messages_of_a_conversation_come_page_by_page(desk: Desk) -> None:
    sent = [(await desk.receive(words))["id"] for words in ("one", "two", "three", "four")]
    conversation = (await got(desk, f"/messages/{sent[0]}"))["conversation_id"]
    for path in (
        f"/messages?conversation_id={conversation}&limit=2",
        f"/conversations/{conversation}/messages?limit=2",
    ):
        pages = await walked(desk, path)
        assert [message["id"] for page in pages for message in page] == sent[::-1]
        assert [len(page) for page in pages] == [2, 2]


async def test_messages_of_a_contact_can_be_those_of_one_platform(desk: Desk) -> None:
    await desk.receive("on the web")
    elsewhere = await desk.receive("elsewhere", platform="telegram")
    found = await got(desk, f"/messages?contact_id={desk.contact_id}&platform=telegram")
    assert [message["id"] for message in found] == [elsewhere["id"]]


@pytest.mark.parametrize("query", ["", "?contact_id={0}&conversation_id={0}"])
async def test_a_list_is_of_one_contact_or_of_one_conversation(desk: Desk, query: str) -> None:
    refused = await refusal(desk, "GET", "/messages" + query.format(NOWHERE))
    assert refused == Refused(422, "validation_failed", ("contact_id",))


@pytest.mark.parametrize(
    ("method", "path", "fields"),
    [
        ("GET", f"/messages?contact_id={NOWHERE}", ["contact_id"]),
        ("GET", f"/messages?conversation_id={NOWHERE}", ["conversation_id"]),
        ("GET", f"/conversations/{NOWHERE}/messages", ["conversation_id"]),
        ("GET", f"/messages/{NOWHERE}", ["message_id"]),
        ("DELETE", f"/messages/{NOWHERE}", ["message_id"]),
        ("GET", "/messages/not-an-id", []),
    ],
)
async def test_what_was_never_there_is_missing(desk: Desk, method: str, path: str, fields: list[str]) -> None:
    assert await refusal(desk, method, path) == missing(*fields)


async def test_one_message_is_found_however_its_id_is_written(desk: Desk) -> None:
    message = await desk.receive()
    assert await got(desk, f"/messages/{message['id'].upper()}") == message


async def test_the_words_of_a_message_can_be_corrected(desk: Desk) -> None:
    message = await desk.receive("Helo?")
    after = await changed(desk, f"/messages/{message['id']}", {"content": "Hello?"})
    assert (after["content"], after["seq"], after["version"]) == ("Hello?", message["seq"], message["seq"] + 1)
    assert after["edited_at"] is not None
    assert await got(desk, f"/messages/{message['id']}") == after


async def test_the_preview_follows_the_last_message(desk: Desk) -> None:
    message = await desk.receive("Helo?")
    await changed(desk, f"/messages/{message['id']}", {"content": "Hello?"})
    conversation = await got(desk, f"/conversations/{message['conversation_id']}")
    assert conversation["last_message"]["preview"] == "Hello?"


async def test_a_message_can_be_noted_as_delivered_and_read(desk: Desk) -> None:
    message = await desk.receive()
    after = await changed(desk, f"/messages/{message['id']}", {"delivered": True, "read": True})
    assert (after["delivered"], after["read"], after["edited_at"]) == (True, True, None)
    assert (await got(desk, f"/conversations/{message['conversation_id']}"))["unread_count"] == 0


async def test_a_change_that_changes_nothing_says_nothing(desk: Desk) -> None:
    message = await desk.receive("Hello?")
    before = await head_of(desk)
    assert await changed(desk, f"/messages/{message['id']}", {"content": "Hello?"}) == message
    assert await head_of(desk) == before


async def test_the_same_change_with_one_key_happens_once(desk: Desk) -> None:
    message, headers = await desk.receive("Helo?"), {"Idempotency-Key": "correction-1"}
    first = await changed(desk, f"/messages/{message['id']}", {"content": "Hello?"}, headers=headers)
    again = await changed(desk, f"/messages/{message['id']}", {"content": "Hello?"}, headers=headers)
    assert first == again


async def test_a_message_keeps_words_or_an_attachment(desk: Desk) -> None:
    message = await desk.receive()
    refused = await refusal(desk, "PATCH", f"/messages/{message['id']}", {"content": ""})
    assert refused == Refused(422, "validation_failed", ("content",))


async def test_a_message_taken_back_keeps_its_place(desk: Desk) -> None:
    message = await desk.receive("A secret", attachments=[{"type": "image", "url": "https://files.example/1.png"}])
    left = await changed(desk, f"/messages/{message['id']}", None, method="DELETE")
    assert (left["content"], left["attachments"], left["seq"]) == ("", [], message["seq"])
    assert left["deleted_at"] is not None
    assert await got(desk, f"/messages/{message['id']}") == left


async def test_taking_a_message_back_twice_is_no_mistake(desk: Desk) -> None:
    message = await desk.receive()
    first = await changed(desk, f"/messages/{message['id']}", None, method="DELETE")
    assert await changed(desk, f"/messages/{message['id']}", None, method="DELETE") == first


async def test_a_message_taken_back_can_no_longer_change(desk: Desk) -> None:
    message = await desk.receive()
    await changed(desk, f"/messages/{message['id']}", None, method="DELETE")
    refused = await refusal(desk, "PATCH", f"/messages/{message['id']}", {"content": "Again"})
    assert refused == Refused(409, "not_editable")


async def test_the_older_forms_take_the_id_in_the_body(desk: Desk) -> None:
    message = await desk.receive("Helo?")
    after = await changed(desk, "/messages", {"id": message["id"], "content": "Hello?"})
    left = await changed(desk, "/messages", {"id": message["id"]}, method="DELETE")
    assert (after["content"], left["content"], left["id"]) == ("Hello?", "", message["id"])


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"content": "Hello?"}), ("DELETE", {})])
async def test_the_older_forms_refuse_what_the_main_ones_refuse(desk: Desk, method: str, body: dict[str, str]) -> None:
    refused = await refusal(desk, method, "/messages", {"id": NOWHERE, **body})
    assert refused == missing("message_id")
    assert await refusal(desk, method, "/messages", body) == Refused(422, "validation_failed", ("id",))


async def test_a_whole_conversation_is_read(desk: Desk) -> None:
    await desk.receive("one")
    last = await desk.receive("two")
    conversation = last["conversation_id"]
    read = await changed(desk, "/messages/mark-read", {"conversation_id": conversation}, method="PUT")
    assert [(each["unread_count"], each["read_seq"]) for each in read["conversations"]] == [(0, last["seq"])]
    assert (await got(desk, f"/conversations/{conversation}"))["my_read_seq"] == last["seq"]
    assert [message["read"] for message in await got(desk, f"/messages?conversation_id={conversation}")] == [True, True]


async def test_a_conversation_is_read_up_to_a_message(desk: Desk) -> None:
    first = await desk.receive("one")
    await desk.receive("two")
    body = {"conversation_id": first["conversation_id"], "up_to_seq": first["seq"]}
    read = await changed(desk, "/messages/mark-read", body, method="PUT")
    assert [(each["unread_count"], each["read_seq"]) for each in read["conversations"]] == [(1, first["seq"])]


async def test_a_mark_never_goes_back(desk: Desk) -> None:
    first, second = await desk.receive("one"), await desk.receive("two")
    body = {"conversation_id": first["conversation_id"]}
    await changed(desk, "/messages/mark-read", body, method="PUT")
    read = await changed(desk, "/messages/mark-read", {**body, "up_to_seq": first["seq"]}, method="PUT")
    assert [(each["unread_count"], each["read_seq"]) for each in read["conversations"]] == [(0, second["seq"])]


async def test_all_conversations_of_a_contact_are_read_at_once(desk: Desk) -> None:
    on_web, elsewhere = await desk.receive(), await desk.receive(platform="telegram")
    body = {"company_id": desk.company.id, "contact_id": desk.contact_id}
    read = await changed(desk, "/messages/mark-read", body, method="PUT")
    assert {each["id"] for each in read["conversations"]} == {on_web["conversation_id"], elsewhere["conversation_id"]}
    assert {each["unread_count"] for each in read["conversations"]} == {0}


@pytest.mark.parametrize("field", ["conversation_id", "contact_id"])
async def test_what_was_never_there_cannot_be_read(desk: Desk, field: str) -> None:
    assert await refusal(desk, "PUT", "/messages/mark-read", {field: NOWHERE}) == missing(field)


async def test_reading_names_one_thing(desk: Desk) -> None:
    both = {"conversation_id": NOWHERE, "contact_id": NOWHERE}
    for body in ({}, both):
        refused = await refusal(desk, "PUT", "/messages/mark-read", body)
        assert refused == Refused(422, "validation_failed", ("contact_id",))
