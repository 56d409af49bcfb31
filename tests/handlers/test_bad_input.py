"""What is wrong is refused with its code, stores nothing, and leaves the server as it was."""

from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from app.access import issue_token
from app.outside.tokens import Claims
from tests.desk import Desk
from tests.handlers.asking import NOWHERE, Refused, missing, refusal

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.usefixtures("unmoved")]

INVALID = "validation_failed"
OPERATOR = {"$ne": ""}
FILE = {"type": "image", "url": "https://files.example/1.png"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(house: Desk) -> Desk:
    """One company for all of these tests: nothing of what they send is stored."""
    return await house.neighbour("Acme")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"content": 7}, "content"),
        ({"content": ["Hello"]}, "content"),
        ({"content": OPERATOR}, "content"),
        ({"content": "x" * 5001}, "content"),
        ({"content": ""}, "content"),
        ({"content": " \n"}, "content"),
        ({"content": None, "attachments": []}, "content"),
        ({"contact_id": OPERATOR}, "contact_id"),
        ({"contact_id": 123456789012345678901234}, "contact_id"),
        ({"contact_id": "a" * 23}, "contact_id"),
        ({"contact_id": "a" * 24 + "\n"}, "contact_id"),
        ({"contact_id": "g" * 24}, "contact_id"),
        ({"conversation_id": "1"}, "conversation_id"),
        ({"channel_id": ["a" * 24]}, "channel_id"),
        ({"company_id": OPERATOR}, "company_id"),
        ({"reply_to": "the last one"}, "reply_to"),
        ({"role": "boss"}, "role"),
        ({"role": None}, "role"),
        ({"role": OPERATOR}, "role"),
        ({"platform": "myspace"}, "platform"),
        ({"platform": "WEB"}, "platform"),
        ({"direction": "sideways"}, "direction"),
        ({"colour": "red"}, "colour"),
        ({"$where": "1"}, "$where"),
        ({"read": "yes"}, "read"),
        ({"delivered": 1}, "delivered"),
        ({"client_message_id": "has space"}, "client_message_id"),
        ({"client_message_id": "x" * 256}, "client_message_id"),
        ({"external_message_id": ""}, "external_message_id"),
        ({"created_at": "yesterday"}, "created_at"),
        ({"created_at": "9999-12-31T23:59:59-14:00"}, "created_at"),
        ({"created_at": "0001-01-01T00:00:00+14:00"}, "created_at"),
        ({"created_at": "1900-01-01T00:00:00Z"}, "created_at"),
        ({"created_at": "1999-12-31T23:59:59.999Z"}, "created_at"),
        ({"created_at": "9999-01-01T00:00:00Z"}, "created_at"),
        ({"external_message_id": "m.1\0"}, "external_message_id"),
        ({"attachments": "file.png"}, "attachments"),
        ({"attachments": [FILE] * 21}, "attachments"),
        ({"attachments": [{**FILE, "url": "javascript:alert(1)"}]}, "attachments.0.url"),
        ({"attachments": [FILE, {"type": "image"}]}, "attachments.1.url"),
        ({"attachments": [{**FILE, "url": "http://a\0b"}]}, "attachments.0.url"),
        ({"attachments": [{**FILE, "type": "im\0age"}]}, "attachments.0.type"),
        ({"attachments": [{**FILE, "size": 7}]}, "attachments.0.size"),
    ],
)
async def test_a_message_with_a_wrong_field_is_refused(desk: Desk, wrong: dict[str, Any], field: str) -> None:
    assert await refusal(desk, "POST", "/messages", {**desk.message(), **wrong}) == Refused(422, INVALID, (field,))


async def test_a_message_of_more_than_a_day_ahead_is_refused(desk: Desk) -> None:
    ahead = (desk.hub.now() + timedelta(days=1, minutes=10)).isoformat()
    body = desk.message(created_at=ahead)
    assert await refusal(desk, "POST", "/messages", body) == Refused(422, INVALID, ("created_at",))


async def test_every_wrong_field_is_named_at_once(desk: Desk) -> None:
    body = {**desk.message(), "content": 7, "role": "boss", "colour": "red"}
    assert await refusal(desk, "POST", "/messages", body) == Refused(422, INVALID, ("role", "content", "colour"))


async def test_all_that_an_empty_message_lacks_is_named_at_once(desk: Desk) -> None:
    lacks = Refused(422, INVALID, ("contact_id", "role", "content"))
    assert await refusal(desk, "POST", "/messages", {}) == lacks
    body = {"contact_id": desk.contact_id, "content": "Hello?"}
    assert await refusal(desk, "POST", "/messages", body) == Refused(422, INVALID, ("role", "platform"))


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/auth/login", {"email": OPERATOR, "password": OPERATOR}, "email"),
        ("POST", "/auth/refresh", {"refresh_token": OPERATOR}, "refresh_token"),
        ("POST", "/contacts", {"name": OPERATOR}, "name"),
        ("POST", "/contacts", {"name": "  "}, "name"),
        ("POST", "/contacts", {"name": "B\0en"}, "name"),
        ("POST", "/contacts", {"name": "B\x1b[2Jen"}, "name"),
        ("POST", "/contacts", {"name": "Ben", "phone": "+49\x9b170"}, "phone"),
        ("POST", "/contacts", {"name": "Ben", "email": "ben\0@shop.test"}, "email"),
        (
            "POST",
            "/contacts",
            {"name": "Ben", "identities": [{"platform": "web", "external_id": "\x7f"}]},
            "identities.0.external_id",
        ),
        ("PATCH", f"/contacts/{NOWHERE}", {"name": "B\ren"}, "name"),
        ("POST", "/contacts", {"name": "Ben", "email": "not an address"}, "email"),
        ("POST", "/contacts", {"name": "Ben", "identities": [{"platform": "x"}]}, "identities.0.platform"),
        ("PATCH", f"/contacts/{NOWHERE}", {"phone": 7}, "phone"),
        ("PATCH", f"/conversations/{NOWHERE}", {"status": "ajar"}, "status"),
        ("PATCH", f"/conversations/{NOWHERE}", {"assignee_id": "me"}, "assignee_id"),
        ("PATCH", f"/messages/{NOWHERE}", {"read": False}, "read"),
        ("PATCH", f"/messages/{NOWHERE}", {"role": "user"}, "role"),
        ("PATCH", "/messages", {"id": OPERATOR}, "id"),
        ("DELETE", "/messages", {"id": "all"}, "id"),
        ("PUT", "/messages/mark-read", {"conversation_id": NOWHERE, "up_to_seq": -1}, "up_to_seq"),
        ("PUT", "/messages/mark-read", {"conversation_id": NOWHERE, "up_to_seq": 2**53}, "up_to_seq"),
        ("PUT", "/messages/mark-read", {"conversation_id": NOWHERE, "up_to_seq": 1.5}, "up_to_seq"),
        ("POST", "/messages/instagram", {"limit": 201}, "limit"),
        ("POST", "/internal/socket/appointment-created", {"companyId": 7, "appointment": {"id": "a"}}, "companyId"),
    ],
)
async def test_every_body_is_checked(desk: Desk, method: str, path: str, body: dict[str, Any], field: str) -> None:
    refused = await refusal(desk, method, path, body)
    assert (refused.status, refused.code, refused.fields[0]) == (422, INVALID, field)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("contact_id=1", "contact_id"),
        (f"contact_id={NOWHERE}&contact_id[$ne]={NOWHERE}", "contact_id[$ne]"),
        (f"contact_id={NOWHERE}&contact_id={NOWHERE}", "contact_id"),
        (f"contact_id={NOWHERE}&limit=0", "limit"),
        (f"contact_id={NOWHERE}&limit=201", "limit"),
        (f"contact_id={NOWHERE}&limit=many", "limit"),
        (f"contact_id={NOWHERE}&before=-1", "before"),
        (f"contact_id={NOWHERE}&before=%ff", "before"),
        (f"contact_id={NOWHERE}&platform=myspace", "platform"),
        (f"contact_id={NOWHERE}&sort=up", "sort"),
    ],
)
async def test_every_query_is_checked(desk: Desk, query: str, field: str) -> None:
    assert await refusal(desk, "GET", f"/messages?{query}") == Refused(422, INVALID, (field,))


@pytest.mark.parametrize(
    "query", ["since=-1", "since=1.5", "since=9007199254740992", "since=x", f"since=1&epoch={'x' * 65}"]
)
async def test_a_seq_is_one_that_a_client_can_count_to(desk: Desk, query: str) -> None:
    assert (await refusal(desk, "GET", f"/changes?{query}")).code == INVALID


@pytest.mark.parametrize("key", ["has space", "x" * 256, "\u00e9"])
async def test_an_idempotency_key_is_visible_ascii(desk: Desk, key: str) -> None:
    refused = await refusal(desk, "POST", "/messages", desk.message(), headers={"Idempotency-Key": key})
    assert refused == Refused(422, INVALID, ("Idempotency-Key",))


@pytest.mark.parametrize("field", ["contact_id", "conversation_id", "channel_id", "company_id"])
async def test_another_companys_id_is_missing(desk: Desk, house: Desk, field: str) -> None:
    theirs = await house.receive()
    body = {**desk.message(), field: theirs[field]}
    assert await refusal(desk, "POST", "/messages", body) == missing(field)


async def test_a_revoked_key_opens_nothing(desk: Desk) -> None:
    key = await desk.new_key("*")
    assert (await desk.ask("GET", "/auth/me", key=key))[0] == 200
    revoked = {"$set": {"revoked_at": desk.hub.now()}}
    await desk.hub.store.api_keys.collection.update_one({"prefix": key[:12]}, revoked)
    desk.hub.known.keys.forget(key[:12])  # what revoking will do in this process; another one forgets within seconds
    assert await refusal(desk, "POST", "/messages", desk.message(), key=key) == Refused(401, "unauthenticated")


async def test_an_expired_token_opens_nothing(desk: Desk) -> None:
    session, past = desk.hub.tokens.read(desk.token).session_id, desk.hub.now() - timedelta(seconds=1)
    bearer = {"Authorization": f"Bearer {issue_token(desk.hub, Claims(desk.user_id, desk.company.id, session, past))}"}
    refused = await refusal(desk, "POST", "/messages", desk.message(), key="", headers=bearer)
    assert refused == Refused(401, "token_expired")


async def test_a_key_without_the_scope_opens_nothing(desk: Desk) -> None:
    key = await desk.new_key("messages:read", "contacts:write")
    assert await refusal(desk, "POST", "/messages", desk.message(), key=key) == Refused(403, "forbidden")
    assert await refusal(desk, "GET", "/changes", key=key) == Refused(403, "forbidden")
