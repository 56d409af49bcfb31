"""Storing a message over REST, as a bot does it."""

from datetime import datetime, timedelta

import pytest

from tests.desk import Desk, new_contact
from tests.handlers.asking import NOWHERE, Refused, changed, got, head_of, missing, refusal, whole

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_message_is_stored_and_answered(desk: Desk) -> None:
    status, answer = await desk.ask("POST", "/messages", desk.message("Is my order on its way?"))
    assert status == 201
    assert answer["data"]["content"] == "Is my order on its way?"
    assert answer["data"]["company_id"] == desk.company.id
    assert answer["data"]["seq"] == await head_of(desk)
    assert answer["forwarding"] == {"state": "skipped", "reason": "inbound"}
    assert await got(desk, f"/messages/{answer['data']['id']}") == answer["data"]


async def test_a_message_says_all_that_it_was_sent_with(desk: Desk) -> None:
    attachment = {"type": "image", "url": "https://files.example/1.png", "file_description": "a parcel"}
    message = await desk.receive(
        attachments=[attachment],
        client_message_id="a1",
        external_message_id="m.1",
        delivered=True,
        created_at="2026-01-02T03:04:05.678901+01:00",
    )
    assert message["attachments"] == [attachment]
    assert (message["client_message_id"], message["external_message_id"]) == ("a1", "m.1")
    assert (message["read"], message["delivered"]) == (False, True)
    assert message["created_at"] == "2026-01-02T02:04:05.678000Z"
    assert message["author"]["kind"] == "key"


async def test_an_attachment_needs_no_words(desk: Desk) -> None:
    message = await desk.receive("", attachments=[{"type": "image", "url": "https://files.example/1.png"}])
    assert (message["content"], len(message["attachments"])) == ("", 1)


async def test_a_message_may_be_of_this_millennium_and_of_a_clock_that_is_ahead(desk: Desk) -> None:
    for moment in ("2000-01-01T00:00:00Z", (desk.hub.now() + timedelta(hours=23)).isoformat()):
        told = datetime.fromisoformat((await desk.receive(created_at=moment))["created_at"])
        assert abs(told - datetime.fromisoformat(moment)) < timedelta(milliseconds=1)


async def test_the_longest_message_is_taken_whole(desk: Desk) -> None:
    assert len((await desk.receive("é" * 5000))["content"]) == 5000


async def test_the_next_message_of_a_contact_joins_its_conversation(desk: Desk) -> None:
    first, second = await desk.receive("Hello?"), await desk.receive("Anyone?")
    assert first["conversation_id"] == second["conversation_id"]
    assert second["seq"] == first["seq"] + 1


async def test_a_conversation_stands_for_contact_and_platform(desk: Desk) -> None:
    conversation = (await desk.receive())["conversation_id"]
    body = {"conversation_id": conversation, "role": "operator", "content": "It is."}
    reply = (await desk.post("/messages", body))["data"]
    assert (reply["contact_id"], reply["platform"], reply["direction"]) == (desk.contact_id, "web", "outbound")


async def test_a_conversation_of_someone_else_is_not_named_by_its_wrong_contact(desk: Desk) -> None:
    conversation = (await desk.receive())["conversation_id"]
    body = {
        "conversation_id": conversation,
        "contact_id": await new_contact(desk, "Ben"),
        "role": "user",
        "content": "?",
    }
    assert await refusal(desk, "POST", "/messages", body) == Refused(422, "validation_failed", ("contact_id",))


async def test_a_channel_may_be_named(desk: Desk) -> None:
    web = (await desk.receive())["channel_id"]
    assert (await desk.receive(channel_id=web))["channel_id"] == web


async def test_a_channel_of_another_platform_is_refused(desk: Desk) -> None:
    web = (await desk.receive())["channel_id"]
    body = desk.message(channel_id=web, platform="instagram")
    assert await refusal(desk, "POST", "/messages", body) == Refused(422, "validation_failed", ("channel_id",))


async def test_a_reply_on_the_web_is_sent_by_being_stored(desk: Desk) -> None:
    answer = await desk.post("/messages", desk.message("It is.", role="operator", direction="outbound"))
    assert answer["forwarding"] == {"state": "skipped", "reason": "in_process"}
    assert answer["data"]["delivery"]["state"] == "sent"


async def test_a_reply_on_a_platform_without_channel_is_kept_and_goes_nowhere(desk: Desk) -> None:
    answer = await desk.post("/messages", desk.message(role="assistant", direction="outbound", platform="instagram"))
    assert answer["forwarding"] == {"state": "skipped", "reason": "no_channel"}
    assert answer["data"]["channel_id"] is None


async def test_a_message_without_place_is_refused(desk: Desk) -> None:
    body = {"role": "user", "content": "Hello?"}
    assert await refusal(desk, "POST", "/messages", body) == Refused(422, "validation_failed", ("contact_id",))


async def test_waiting_for_the_outcome_is_allowed(desk: Desk) -> None:
    answer = await desk.post("/messages?wait=1", desk.message(role="operator", direction="outbound"))
    assert answer["data"]["delivery"]["state"] == "sent"


@pytest.mark.parametrize("field", ["contact_id", "conversation_id", "channel_id"])
async def test_what_was_never_there_is_missing(desk: Desk, field: str) -> None:
    body = {**desk.message(), field: NOWHERE}
    assert await refusal(desk, "POST", "/messages", body) == missing(field)


async def test_a_reply_answers_what_was_said_with_this_contact(desk: Desk) -> None:
    question = (await desk.receive("Hello?"))["id"]
    assert (await desk.receive("Anyone?", reply_to=question))["reply_to"] == question
    for stranger in (question, NOWHERE):
        body = desk.message(contact_id=await new_contact(desk, "Ben"), reply_to=stranger)
        assert await refusal(desk, "POST", "/messages", body) == Refused(422, "validation_failed", ("reply_to",))


async def test_the_own_company_may_be_named(desk: Desk) -> None:
    assert (await desk.receive(company_id=desk.company.id))["company_id"] == desk.company.id


async def test_another_company_is_missing(desk: Desk, house: Desk) -> None:
    body = desk.message(company_id=house.company.id)
    assert await refusal(desk, "POST", "/messages", body) == missing("company_id")


async def test_the_same_key_twice_stores_one_message(desk: Desk) -> None:
    headers = {"X-API-Key": desk.key, "Idempotency-Key": "order-1017"}
    first = await whole(desk, "POST", "/api/v1/messages", json=desk.message(), headers=headers)
    again = await whole(desk, "POST", "/api/v1/messages", json=desk.message(), headers=headers)
    assert (first.status, again.status) == (201, 200)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.body == again.body


async def test_header_and_field_are_one_key(desk: Desk) -> None:
    first = await desk.receive(client_message_id="order-1017")
    again = await desk.post("/messages", desk.message(), headers={"Idempotency-Key": "order-1017"})
    assert again["data"]["id"] == first["id"]


async def test_two_different_keys_in_one_request_are_refused(desk: Desk) -> None:
    body, headers = desk.message(client_message_id="a"), {"Idempotency-Key": "b"}
    refused = await refusal(desk, "POST", "/messages", body, headers=headers)
    assert refused == Refused(422, "validation_failed", ("client_message_id",))


async def test_the_same_key_for_something_else_is_a_conflict(desk: Desk) -> None:
    await desk.receive("Hello?", client_message_id="a1")
    refused = await refusal(desk, "POST", "/messages", desk.message("Goodbye.", client_message_id="a1"))
    assert refused == Refused(409, "idempotency_conflict")


async def test_a_key_belongs_to_whoever_chose_it(desk: Desk) -> None:
    first = await desk.receive(client_message_id="a1")
    status, answer = await desk.ask(
        "POST", "/messages", desk.message(client_message_id="a1"), key=await desk.new_key("*")
    )
    assert (status, answer["data"]["id"] == first["id"]) == (201, False)


async def test_a_platforms_id_is_the_key_where_there_is_none(desk: Desk) -> None:
    first = await desk.receive("Hello?", external_message_id="m.1")
    status, answer = await desk.ask("POST", "/messages", desk.message("Hello?", external_message_id="m.1"))
    assert (status, answer["data"]["id"]) == (200, first["id"])


async def test_a_reply_is_answered_again_when_its_conversation_is_closed_by_now(desk: Desk) -> None:
    conversation = (await desk.receive())["conversation_id"]
    body = {"conversation_id": conversation, "role": "operator", "content": "It is.", "client_message_id": "a1"}
    first = await desk.post("/messages", body)
    await changed(desk, f"/conversations/{conversation}", {"status": "closed"})
    assert (await desk.post("/messages", body))["data"] == first["data"]


async def test_a_platforms_id_with_other_words_is_a_conflict(desk: Desk) -> None:
    await desk.receive("Hello?", external_message_id="m.1")
    refused = await refusal(desk, "POST", "/messages", desk.message("Goodbye.", external_message_id="m.1"))
    assert refused == Refused(409, "idempotency_conflict")


async def test_a_platforms_id_is_one_message_of_its_channel(desk: Desk) -> None:
    await desk.receive(external_message_id="m.1")
    body = desk.message(external_message_id="m.1", contact_id=await new_contact(desk, "Ben"))
    assert await refusal(desk, "POST", "/messages", body) == Refused(409, "duplicate")
