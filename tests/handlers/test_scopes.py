"""Every row of the tables that names a scope refuses a key that has all the others."""

from typing import Any

import pytest

from app.handlers.endpoint import Route
from app.handlers.routes import ROUTES
from app.models.people import Scope
from app.sockets import company, conversation
from app.sockets.namespace import Heard
from tests.desk import Desk
from tests.handlers.asking import NOWHERE, Refused, refusal
from tests.sockets.wire import admitted, wired

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCOPED = [route for route in ROUTES if route.needs is not None]
EVENTS = [("/company", event) for event in company.EVENTS] + [("/conversation", event) for event in conversation.EVENTS]
# Without feed:read nobody is let in, so its events are never heard of a key without it.
REFUSABLE = [(namespace, event) for namespace, event in EVENTS if event.needs is not Scope.FEED_READ]
# Anybody may ask these, or whoever has proven who they are.
OPEN = {"POST /auth/login", "POST /auth/refresh", "POST /auth/logout", "GET /auth/me"}
# What each route needs, once more: a row that loses its scope, or gets another, is noticed here.
WRITES = {"POST": "write", "PUT": "write", "PATCH": "write", "DELETE": "write", "GET": "read"}
UNLIKE_THEIR_NAME = {
    "POST /messages/instagram": Scope.CONTACTS_READ,  # it looks contacts up
    "GET /conversations/{id}/messages": Scope.MESSAGES_READ,
    "GET /users": Scope.CONVERSATIONS_READ,
    "GET /changes": Scope.FEED_READ,
    "GET /jobs": Scope.ALL,
}
EMITS = ("/socket/", "/internal/")


def others(scope: Scope) -> list[str]:
    """Return all scopes but this one, and but the one that is all of them."""
    return [each for each in Scope if each not in (scope, Scope.ALL)]


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.mark.parametrize("route", SCOPED, ids=name_of)
async def test_a_route_refuses_a_key_that_has_every_other_scope(desk: Desk, route: Route) -> None:
    assert route.needs is not None
    key = await desk.new_key(*others(route.needs))
    body: Any = {} if route.body else None
    assert await refusal(desk, route.method, route.path.replace("{id}", NOWHERE), body, key=key) == Refused(
        403, "forbidden"
    )


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
async def test_a_route_needs_the_scope_of_what_it_touches(route: Route) -> None:
    name = name_of(route)
    if name in OPEN:
        assert route.needs is None
    elif name in UNLIKE_THEIR_NAME:
        assert route.needs is UNLIKE_THEIR_NAME[name]
    elif route.path.startswith(EMITS):
        assert route.needs is Scope.EVENTS_EMIT
    else:
        assert route.needs == f"{route.path.split('/')[1]}:{WRITES[route.method]}"


@pytest.mark.parametrize(("namespace", "event"), REFUSABLE, ids=lambda each: getattr(each, "name", each))
async def test_an_event_refuses_a_key_that_has_every_other_scope(desk: Desk, namespace: str, event: Heard) -> None:
    fields = {"conversation_id": NOWHERE}
    more = {"message:send": {"content": "Hello"}}.get(event.name, {})
    async with admitted(desk, namespace, api_key=await desk.new_key(*others(event.needs))) as wire:
        ack = await wire.call(event.name, fields | more, namespace=namespace)
    assert (ack["ok"], ack["error"]["code"]) == (False, "forbidden")


@pytest.mark.parametrize(("namespace", "event"), EVENTS, ids=lambda each: getattr(each, "name", each))
async def test_an_event_needs_the_scope_of_what_it_touches(namespace: str, event: Heard) -> None:
    needed = {
        "message:send": Scope.MESSAGES_WRITE,
        "message:read": Scope.MESSAGES_WRITE,
        "typing:start": Scope.CONVERSATIONS_READ,
        "typing:stop": Scope.CONVERSATIONS_READ,
        "conversation:join": Scope.CONVERSATIONS_READ,
        "conversation:leave": Scope.CONVERSATIONS_READ,
    }
    assert event.needs is needed.get(event.name, Scope.FEED_READ)


@pytest.mark.parametrize("namespace", ["/company", "/conversation"])
async def test_a_socket_refuses_a_key_that_has_every_scope_but_feed_read(desk: Desk, namespace: str) -> None:
    async with wired(desk) as wire:
        refused = await wire.connect(namespace, api_key=await desk.new_key(*others(Scope.FEED_READ)))
    assert refused["data"]["code"] == "forbidden"


async def test_a_key_with_feed_read_alone_reads_every_event_and_can_do_nothing_else(desk: Desk) -> None:
    key = await desk.new_key("feed:read")
    message = await desk.receive("a text that messages:read would protect")
    page = f"/changes?epoch={await desk.epoch()}&since=0"
    status, read = await desk.ask("GET", page, key=key)
    assert status == 200
    assert (await desk.ask("GET", page))[1] == read  # as a key with every scope reads it
    assert message["content"] in str(read)
    async with admitted(desk, api_key=key) as wire:
        synced = await wire.call("sync", {"epoch": await desk.epoch(), "since": 0})
        assert synced["data"]["events"] == read["data"]["events"]
        await desk.receive("and what happens next")
        assert (await wire.heard("42/company,"))[1]["message"]["content"] == "and what happens next"
    for route in SCOPED:
        if route.needs is not Scope.FEED_READ:
            path = route.path.replace("{id}", NOWHERE)
            body: Any = {} if route.body else None
            assert await refusal(desk, route.method, path, body, key=key) == Refused(403, "forbidden"), route.path
