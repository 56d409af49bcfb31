"""Conversations over REST: open, closed, open again."""

from typing import Any

import pytest

from tests.desk import Desk, new_contact
from tests.handlers.asking import NOWHERE, Refused, changed, got, head_of, missing, refusal, walked

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def opened(desk: Desk, **more: Any) -> str:
    """Let a customer write, and return the conversation's id."""
    return str((await desk.receive(**more))["conversation_id"])


async def closed(desk: Desk, conversation: str) -> Any:
    """Close a conversation."""
    return await changed(desk, f"/conversations/{conversation}", {"status": "closed"})


async def test_a_conversation_shows_what_was_said_last(desk: Desk) -> None:
    message = await desk.receive("Is my order on its way?")
    conversation = await got(desk, f"/conversations/{message['conversation_id']}")
    assert conversation["last_message"]["id"] == message["id"]
    assert conversation["last_message"]["preview"] == "Is my order on its way?"
    assert (conversation["status"], conversation["message_count"], conversation["unread_count"]) == ("open", 1, 1)
    assert (conversation["contact_id"], conversation["my_read_seq"]) == (desk.contact_id, 0)


async def test_conversations_come_the_latest_spoken_in_first(desk: Desk) -> None:
    ben = await new_contact(desk, "Ben")
    first, second = await opened(desk), await opened(desk, contact_id=ben)
    await desk.receive("Hello?")
    pages = await walked(desk, "/conversations?limit=1")
    assert [[conversation["id"] for conversation in page] for page in pages] == [[first], [second]]


async def test_conversations_are_listed_by_contact_platform_and_status(desk: Desk) -> None:
    web, telegram = await opened(desk), await opened(desk, platform="telegram")
    bens = await opened(desk, contact_id=await new_contact(desk, "Ben"))
    await closed(desk, web)
    for query, expected in (
        (f"contact_id={desk.contact_id}", [telegram, web]),
        ("platform=telegram", [telegram]),
        ("status=closed", [web]),
        ("status=open&platform=web", [bens]),
    ):
        assert [each["id"] for each in await got(desk, f"/conversations?{query}")] == expected


async def test_a_closed_conversation_refuses_a_reply(desk: Desk) -> None:
    conversation = await opened(desk)
    assert (await closed(desk, conversation))["status"] == "closed"
    reply = {"conversation_id": conversation, "role": "operator", "content": "Still there?"}
    assert await refusal(desk, "POST", "/messages", reply) == Refused(409, "conversation_closed")


async def test_the_next_message_of_the_contact_opens_a_new_one(desk: Desk) -> None:
    conversation = await opened(desk)
    await closed(desk, conversation)
    assert await opened(desk) != conversation
    assert len(await got(desk, f"/messages?contact_id={desk.contact_id}")) == 2


async def test_a_closed_conversation_can_be_reopened_to_reply(desk: Desk) -> None:
    conversation = await opened(desk)
    await closed(desk, conversation)
    after = await changed(desk, f"/conversations/{conversation}", {"status": "open"})
    assert (after["status"], await opened(desk)) == ("open", conversation)


async def test_one_conversation_is_open_with_a_customer_on_a_channel(desk: Desk) -> None:
    conversation = await opened(desk)
    await closed(desk, conversation)
    await opened(desk)
    refused = await refusal(desk, "PATCH", f"/conversations/{conversation}", {"status": "open"})
    assert refused == Refused(409, "duplicate")


async def test_closing_twice_changes_nothing(desk: Desk) -> None:
    conversation = await opened(desk)
    first = await closed(desk, conversation)
    before = await head_of(desk)
    assert (await closed(desk, conversation), await head_of(desk)) == (first, before)


async def test_a_conversation_is_assigned_and_given_back(desk: Desk) -> None:
    conversation = await opened(desk)
    mine = await changed(desk, f"/conversations/{conversation}", {"assignee_id": desk.user_id})
    nobodys = await changed(desk, f"/conversations/{conversation}", {"assignee_id": None})
    assert (mine["assignee_id"], nobodys["assignee_id"]) == (desk.user_id, None)


async def test_closing_keeps_the_assignee(desk: Desk) -> None:
    conversation = await opened(desk)
    await changed(desk, f"/conversations/{conversation}", {"assignee_id": desk.user_id})
    assert (await closed(desk, conversation))["assignee_id"] == desk.user_id


async def test_nobody_who_is_not_of_the_staff_can_be_assigned(desk: Desk, house: Desk) -> None:
    conversation = await opened(desk)
    for stranger in (NOWHERE, house.user_id):
        refused = await refusal(desk, "PATCH", f"/conversations/{conversation}", {"assignee_id": stranger})
        assert refused == Refused(422, "validation_failed", ("assignee_id",))


async def test_the_same_change_with_one_key_happens_once(desk: Desk) -> None:
    conversation, headers = await opened(desk), {"Idempotency-Key": "close-1"}
    first = await changed(desk, f"/conversations/{conversation}", {"status": "closed"}, headers=headers)
    await changed(desk, f"/conversations/{conversation}", {"status": "open"})
    again = await changed(desk, f"/conversations/{conversation}", {"status": "closed"}, headers=headers)
    assert (again, (await got(desk, f"/conversations/{conversation}"))["status"]) == (first, "open")


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [
        ("GET", f"/conversations/{NOWHERE}", "conversation_id"),
        ("PATCH", f"/conversations/{NOWHERE}", "conversation_id"),
        ("GET", f"/conversations?contact_id={NOWHERE}", "contact_id"),
    ],
)
async def test_what_was_never_there_is_missing(desk: Desk, method: str, path: str, field: str) -> None:
    body = {"status": "closed"} if method == "PATCH" else None
    assert await refusal(desk, method, path, body) == missing(field)
