"""What other services may have announced."""

from typing import Any

import pytest
import pytest_asyncio

from tests.desk import Desk
from tests.handlers.asking import NOWHERE, Refused, head_of, missing, refusal, whole

pytestmark = pytest.mark.asyncio(loop_scope="session")

EMIT = "/socket/emit-message-internal"
APPOINTMENT = "/internal/socket/appointment-"
MISSING = Refused(400, "MISSING_REQUIRED_FIELDS")
MISSHAPEN = Refused(400, "INVALID_MESSAGE_STRUCTURE")


HERE: dict[str, str] = {}  # the conversation that a company has


@pytest_asyncio.fixture(loop_scope="session")
async def desk(desk: Desk) -> Desk:
    """A fresh company with a conversation, in which messages can be announced."""
    HERE[desk.company.id] = (await desk.receive())["conversation_id"]
    return desk


def internal_key(desk: Desk) -> str:
    """Return the key that belongs to no company."""
    key = desk.hub.settings.internal_service_api_key
    assert key is not None
    return key.get_secret_value()


def announced(desk: Desk, **message: Any) -> dict[str, Any]:
    """Return the body of a message that another service has stored."""
    told = {"id": "sms-1", "contactId": "c-1", "content": "Hello", "direction": "inbound", **message}
    return {"companyId": desk.company.id, "conversationId": HERE.get(desk.company.id, NOWHERE), "message": told}


async def said_last(desk: Desk) -> dict[str, Any]:
    """Return the last event of the company's log."""
    event: dict[str, Any] = (await desk.changes())["events"][-1]
    return event


@pytest.mark.parametrize(
    ("timestamp", "created_at"),
    [
        (None, None),
        ("2026-01-02T03:04:05+01:00", "2026-01-02T03:04:05+01:00"),
        (1767319445000, "2026-01-02T02:04:05+00:00"),
    ],
)
async def test_a_message_of_another_service_is_announced(desk: Desk, timestamp: Any, created_at: str | None) -> None:
    answer = await desk.post(EMIT, announced(desk, timestamp=timestamp), key=internal_key(desk))
    event = await said_last(desk)
    here = HERE[desk.company.id]
    assert answer["data"] == {"seq": event["seq"], "conversation_id": here, "message_id": "sms-1"}
    assert (event["type"], event["conversation"]) == ("message:new", {"id": here})
    assert event["message"] == {
        "id": "sms-1",
        "contact_id": "c-1",
        "content": "Hello",
        "direction": "inbound",
        "created_at": created_at,
        "company_id": desk.company.id,
        "conversation_id": here,
    }


async def test_a_key_of_the_company_announces_too(desk: Desk) -> None:
    assert (await desk.post(EMIT, announced(desk), key=await desk.new_key("events:emit")))["data"]["seq"]


async def test_nothing_is_announced_into_a_conversation_that_is_not_the_companys(desk: Desk, house: Desk) -> None:
    """Neither by its own key nor by the service's; another company's conversation is one that never was."""
    theirs = (await house.receive())["conversation_id"]
    before = await head_of(desk)
    for key in (internal_key(desk), await desk.new_key("events:emit")):
        for id in (theirs, NOWHERE):
            body = {**announced(desk), "conversationId": id}
            assert await refusal(desk, "POST", EMIT, body, key=key) == missing("conversation_id")
    assert await head_of(desk) == before


async def test_the_same_message_is_announced_once(desk: Desk) -> None:
    headers = {"X-API-Key": internal_key(desk)}
    first = await whole(desk, "POST", f"/api/v1{EMIT}", json=announced(desk), headers=headers)
    again = await whole(desk, "POST", f"/api/v1{EMIT}", json=announced(desk), headers=headers)
    assert (first.status, again.status, first.body) == (200, 200, again.body)
    assert ("Idempotency-Replayed" in first.headers, again.headers["Idempotency-Replayed"]) == (False, "true")


async def test_another_message_under_the_same_id_is_a_conflict(desk: Desk) -> None:
    await desk.post(EMIT, announced(desk), key=internal_key(desk))
    refused = await refusal(desk, "POST", EMIT, announced(desk, content="Other words"), key=internal_key(desk))
    assert refused == Refused(409, "idempotency_conflict")


@pytest.mark.parametrize("field", ["companyId", "conversationId", "message"])
@pytest.mark.parametrize("nothing", [None, "absent", ""])
async def test_each_required_field_is_asked_for(desk: Desk, field: str, nothing: str | None) -> None:
    body = {**announced(desk), field: nothing}
    if nothing == "absent":
        del body[field]
    expected = MISSHAPEN if (field, nothing) == ("message", "") else MISSING
    assert await refusal(desk, "POST", EMIT, body, key=internal_key(desk)) == expected


@pytest.mark.parametrize(
    "message",
    [
        {"id": None},
        {"id": 7},
        {"id": "x" * 256},
        {"contactId": ""},
        {"contactId": {"$ne": ""}},
        {"direction": "sideways"},
        {"direction": ["inbound"]},
        {"content": None},
        {"content": "x" * 5001},
        {"timestamp": "yesterday"},
        {"timestamp": True},
        {"timestamp": 1e300},
        {"colour": "red"},
    ],
)
async def test_a_message_without_its_structure_is_refused(desk: Desk, message: dict[str, Any]) -> None:
    before = await head_of(desk)
    refused = await refusal(desk, "POST", EMIT, announced(desk, **message), key=internal_key(desk))
    assert (refused, await head_of(desk)) == (MISSHAPEN, before)


@pytest.mark.parametrize("message", ["Hello", ["Hello"], 7])
async def test_a_message_is_an_object(desk: Desk, message: Any) -> None:
    refused = await refusal(desk, "POST", EMIT, {**announced(desk), "message": message}, key=internal_key(desk))
    assert refused == MISSHAPEN


async def test_a_server_that_is_stopping_says_that_it_could_not_announce(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk.hub.journal, "draining", True)
    status, answer = await desk.ask("POST", EMIT, announced(desk), key=internal_key(desk))
    assert (status, answer["error"]["code"]) == (503, "SOCKET_EMISSION_FAILED")
    assert answer["error"]["retryable"] is True


@pytest.mark.parametrize("verb", ["created", "updated", "canceled"])
async def test_an_appointment_is_announced_to_the_company(desk: Desk, verb: str) -> None:
    appointment = {"id": "a-1", "at": "2026-03-01T09:00:00Z", "with": {"name": "Ann", "pets": ["cat"]}}
    body = {"companyId": desk.company.id, "appointment": appointment}
    answer = await desk.post(f"{APPOINTMENT}{verb}", body, key=internal_key(desk))
    event = await said_last(desk)
    assert answer["data"] == {"seq": event["seq"], "appointment_id": "a-1"}
    assert (event["type"], event["appointment"]) == (f"appointment:{verb}", appointment)


async def test_an_appointment_with_one_key_is_announced_once(desk: Desk) -> None:
    body = {"companyId": desk.company.id, "appointment": {"id": "a-1"}}
    headers, key = {"Idempotency-Key": "a-1"}, internal_key(desk)
    first, again = [await desk.post(f"{APPOINTMENT}created", body, headers=headers, key=key) for _ in range(2)]
    assert first == again


async def test_a_companys_key_need_not_name_its_company(desk: Desk) -> None:
    body = {"appointment": {"id": "a-1"}}
    announced_here = await desk.post(f"{APPOINTMENT}created", body)
    assert (await said_last(desk))["seq"] == announced_here["data"]["seq"]
    told = {name: value for name, value in announced(desk).items() if name != "companyId"}
    assert (await desk.post(EMIT, told))["data"]["message_id"] == "sms-1"


async def test_the_key_of_no_company_names_one(desk: Desk) -> None:
    body = {"appointment": {"id": "a-1"}}
    refused = await refusal(desk, "POST", f"{APPOINTMENT}created", body, key=internal_key(desk))
    assert refused == Refused(422, "validation_failed", ("companyId",))


@pytest.mark.parametrize(
    ("appointment", "field"),
    [
        ({}, "appointment.id"),
        ({"id": 7}, "appointment.id"),
        ({"id": ""}, "appointment.id"),
        ({"id": "a", "deep": [[[[[[[[[[1]]]]]]]]]]}, "appointment"),
        ({"id": "a", "wide": list(range(201))}, "appointment"),
        ({"id": "a", "big": 2**70}, "appointment"),
        ({"id": "a", "big": -(2**64)}, "appointment"),
        ("a", "appointment"),
    ],
)
async def test_an_appointment_has_an_id_and_a_bounded_size(desk: Desk, appointment: Any, field: str) -> None:
    body, before = {"companyId": desk.company.id, "appointment": appointment}, await head_of(desk)
    refused = await refusal(desk, "POST", f"{APPOINTMENT}created", body, key=internal_key(desk))
    assert (refused, await head_of(desk)) == (Refused(422, "validation_failed", (field,)), before)


@pytest.mark.parametrize("company", [NOWHERE, "not-an-id"])
async def test_a_company_that_was_never_there_is_missing(desk: Desk, company: str) -> None:
    body = {**announced(desk), "companyId": company}
    assert await refusal(desk, "POST", EMIT, body, key=internal_key(desk)) == missing("company_id")


async def test_a_companys_key_reaches_no_other_company(desk: Desk, house: Desk) -> None:
    appointment = {"companyId": house.company.id, "appointment": {"id": "a-1"}}
    for path, body in ((EMIT, announced(house)), (f"{APPOINTMENT}created", appointment)):
        assert await refusal(desk, "POST", path, body) == missing("company_id")


async def test_nobody_announces_without_a_key_or_without_the_scope(desk: Desk) -> None:
    assert await refusal(desk, "POST", EMIT, announced(desk), key="") == Refused(401, "unauthenticated")
    key = await desk.new_key("messages:write")
    assert await refusal(desk, "POST", EMIT, announced(desk), key=key) == Refused(403, "forbidden")
