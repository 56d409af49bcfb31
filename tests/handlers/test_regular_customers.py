"""A customer with more conversations than a page holds: nothing of it is missing."""

from datetime import datetime

import pytest

from app.actions.enrol import enrol_user
from app.actions.mark_read import AT_ONCE
from app.actions.sign_in import sign_in
from app.events import MessageNew
from app.journal.change import Change, Decision, Seen
from app.models.contact import Platform
from app.models.conversation import Conversation, Status
from app.models.entity import ContactId, ConversationId, MessageId
from app.models.message import Author, Direction, Message, MessageRole
from app.models.people import Role
from tests.desk import PASSWORD, Desk
from tests.handlers.asking import changed, got, walked

pytestmark = pytest.mark.asyncio(loop_scope="session")

MANY = 205


async def wrote_often(desk: Desk, times: int = MANY) -> list[str]:
    """Let the customer have written so often, each time in a conversation of its own; return the messages."""
    ids = [(ConversationId(desk.hub.new_id()), MessageId(desk.hub.new_id())) for _ in range(times)]

    def decide(seen: Seen, now: datetime) -> Decision:
        pairs = [_thread(desk, *each, now) for each in ids]
        events = tuple(MessageNew(message=message, conversation=conversation) for message, conversation in pairs)
        return Decision(puts=tuple(thing for pair in pairs for thing in pair), events=events)

    await desk.hub.journal.commit(Change(company_id=desk.company.id, key=desk.hub.new_id(), decide=decide))
    return [message for _, message in ids]


def _thread(desk: Desk, id: ConversationId, message_id: MessageId, now: datetime) -> tuple[Message, Conversation]:
    about = {"company_id": desk.company.id, "contact_id": ContactId(desk.contact_id), "platform": Platform.OTHER}
    message = Message(
        id=message_id,
        conversation_id=id,
        role=MessageRole.USER,
        direction=Direction.INBOUND,
        content="Me again",
        author=Author(kind="contact", id=desk.contact_id, name="Ann"),
        number=1,
        created_at=now,
        **about,  # type: ignore[arg-type]
    )
    thread = Conversation(
        id=id,
        peer=f"contact:{desk.contact_id}",
        status=Status.CLOSED,
        created_at=now,
        **about,  # type: ignore[arg-type]
    )
    return message, thread.with_message(message)


async def test_the_list_of_messages_ends_with_the_first_one(desk: Desk) -> None:
    sent = await wrote_often(desk)
    pages = await walked(desk, f"/messages?contact_id={desk.contact_id}&limit=100")
    assert [message["id"] for page in pages for message in page] == sent[::-1]
    of_platform = await walked(desk, f"/messages?contact_id={desk.contact_id}&platform=other&limit=100")
    assert of_platform == pages
    assert await got(desk, f"/messages?contact_id={desk.contact_id}&platform=web") == []


async def test_all_of_it_is_read_at_once_in_changes_of_a_bounded_size(desk: Desk) -> None:
    await wrote_often(desk)
    body, headers = {"contact_id": desk.contact_id}, {"Idempotency-Key": "all"}
    read = await changed(desk, "/messages/mark-read", body, method="PUT", headers=headers)
    assert [each["unread_count"] for each in read["conversations"]] == [0] * MANY
    threads = [each for page in await walked(desk, "/conversations?limit=100") for each in page]
    assert [each["unread_count"] for each in threads] == [0] * MANY
    assert 3 * AT_ONCE <= 500
    later = await desk.receive("And one more thing")
    again = await changed(desk, "/messages/mark-read", body, method="PUT", headers=headers)
    unread = {each["id"]: each["unread_count"] for each in again["conversations"] if each["unread_count"]}
    assert unread == {later["conversation_id"]: 1}


async def test_a_repeated_request_ends_what_an_interrupted_one_began(desk: Desk) -> None:
    await wrote_often(desk)
    body, headers = {"contact_id": desk.contact_id}, {"Idempotency-Key": "all"}

    def fail(*marked: str) -> None:
        desk.hub.bells.read.remove(fail)
        raise RuntimeError("as if the server had been killed after the first change")

    desk.hub.bells.read.append(fail)
    assert (await desk.ask("PUT", "/messages/mark-read", body, headers=headers))[0] == 500
    threads = [each for page in await walked(desk, "/conversations?limit=100") for each in page]
    assert sum(each["unread_count"] for each in threads) == MANY - AT_ONCE
    read = await changed(desk, "/messages/mark-read", body, method="PUT", headers=headers)
    assert [each["unread_count"] for each in read["conversations"]] == [0] * MANY


async def test_a_colleague_who_has_read_less_makes_nothing_unread(desk: Desk) -> None:
    first, last = await desk.receive("one"), await desk.receive("two")
    body = {"conversation_id": first["conversation_id"]}
    await changed(desk, "/messages/mark-read", body, method="PUT")
    email = f"bo@{desk.company.slug}.test"
    await enrol_user(desk.hub, desk.company.id, email=email, role=Role.AGENT, password=PASSWORD)
    token = (await sign_in(desk.hub, email, PASSWORD)).access_token
    as_bo = {"key": "", "headers": {"Authorization": f"Bearer {token}"}}
    partly = {**body, "up_to_seq": first["seq"]}
    read = await changed(desk, "/messages/mark-read", partly, method="PUT", **as_bo)
    assert [(each["unread_count"], each["read_seq"]) for each in read["conversations"]] == [(0, last["seq"])]
