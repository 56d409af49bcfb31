"""The exact fields of everything that leaves, in answers and in events alike: nothing of a row goes out by accident."""

from typing import Any

import pytest

from tests.desk import PASSWORD, Desk
from tests.handlers.asking import got
from tests.sockets.wire import admitted

pytestmark = pytest.mark.asyncio(loop_scope="session")

ENTITY = "id company_id seq version created_at"
VIEWS = {
    "channel": f"{ENTITY} platform name external_id main health health_reason expires_at disconnected_at",
    "contact": f"{ENTITY} name email phone identities",
    "identities": "platform channel_id external_id",
    "conversation": f"{ENTITY} contact_id channel_id platform status assignee_id last_message message_count"
    " unread_count read_seq customer_delivered_seq customer_read_seq queued_count",
    "last_message": "id seq direction preview created_at",
    "message": f"{ENTITY} conversation_id contact_id channel_id platform role direction content attachments reply_to"
    " postback reactions author client_message_id external_message_id read delivered delivery edited_at deleted_at",
    "author": "kind id name",
    "attachments": "type url file_description",
    "delivery": "state attempts due_at sent_at parts",
    "parts": "index external_id state",
    "user": "id company_id email name role created_at",
}
OF_SETTINGS = " webhook_url warnings"  # of a channel: they follow from this server's settings, so no event has them
COLLEAGUE = "id name role active"
TOKENS = "access_token refresh_token expires_in token_type user"
JOB = "name singleton running every_seconds last_run_at last_outcome last_error next_run_at"
PERSON, KEY = f"{VIEWS['user']} kind scopes", "id company_id kind name scopes"
OWN = " my_read_seq"  # of a conversation that somebody asks for
EVENT = "type company_id conversation_id seq prev at"


def check(thing: dict[str, Any], fields: str) -> None:
    """See that a thing has these fields and no others, and so has each thing in it."""
    assert sorted(thing) == sorted(fields.split())
    for name, inner in thing.items():
        for each in inner if isinstance(inner, list) else [inner]:
            if isinstance(each, dict):
                check(each, VIEWS[name])


async def busy(desk: Desk) -> tuple[str, str]:
    """Let something of every kind happen, and return a conversation and a message."""
    channel = (await desk.post("/channels", {"platform": "sandbox", "name": "Shop"}))["data"]["id"]
    identity = {"platform": "web", "external_id": "bob"}
    await desk.post("/contacts", {"name": "Bob", "identities": [identity]})
    picture = {"type": "image", "url": "https://pictures.example/a.png"}
    received = await desk.receive(attachments=[picture])
    id = received["conversation_id"]
    sent = await desk.post("/messages", {"conversation_id": id, "role": "operator", "content": "Hello"})
    await desk.ask("PATCH", f"/conversations/{id}", {"assignee_id": desk.user_id})
    await desk.ask("DELETE", f"/channels/{channel}")
    return id, sent["data"]["id"]


async def test_an_answer_has_these_fields_and_no_others(desk: Desk) -> None:
    conversation, message = await busy(desk)
    for path, fields in {
        "/channels": VIEWS["channel"] + OF_SETTINGS,
        "/contacts": VIEWS["contact"],
        "/conversations": VIEWS["conversation"] + OWN,
        f"/conversations/{conversation}/messages": VIEWS["message"],
        "/users": COLLEAGUE,
        "/jobs": JOB,
    }.items():
        things = await got(desk, path)
        assert things, path
        for each in things:
            check(each, fields)
    check(await got(desk, f"/conversations/{conversation}"), VIEWS["conversation"] + OWN)
    check(await got(desk, f"/messages/{message}"), VIEWS["message"])
    check(await got(desk, f"/contacts/{desk.contact_id}"), VIEWS["contact"])


async def test_who_asks_is_told_of_themselves_without_a_secret(desk: Desk) -> None:
    check(await got(desk, "/auth/me"), KEY)
    tokens = (await desk.post("/auth/login", {"email": desk.email, "password": PASSWORD}, key=""))["data"]
    check(tokens, TOKENS)
    bearing = {"Authorization": f"Bearer {tokens['access_token']}"}
    check((await desk.ask("GET", "/auth/me", key="", headers=bearing))[1]["data"], PERSON)


async def test_an_event_has_these_fields_and_no_others(desk: Desk) -> None:
    await busy(desk)
    events = (await desk.changes())["events"]
    assert {each["type"] for each in events} >= {"channel:updated", "contact:updated", "message:new"}
    async with admitted(desk) as wire:
        synced = (await wire.call("sync", {"epoch": await desk.epoch(), "since": 0}))["data"]["events"]
        await busy(desk)
        pushed = (await wire.heard("42/company,"))[1]
    for event in (*events, *synced, pushed):
        things = {name for name in event if name in VIEWS}
        assert things
        check(event, f"{EVENT} {' '.join(things)}")
