"""No company sees another's data: its ids answer exactly like ids that never existed, and change nothing.

Generated from the tables of routes and of socket events, so a new one is covered by itself.
"""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pytest
import pytest_asyncio
from bson import ObjectId
from pydantic import create_model

from app.handlers.bodies import Body
from app.handlers.endpoint import Route
from app.handlers.routes import ROUTES
from app.models.contact import Platform
from app.models.fields import Id
from app.sockets import company, conversation
from app.sockets.live import COMPANY, CONVERSATION
from app.sockets.namespace import Heard
from tests.delivery.shop import Shop
from tests.desk import Desk, Listener, open_desk
from tests.fake_platforms import FakePlatforms
from tests.forms import Form, Slot, slots_in, with_ids
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

World = dict[str, str]
Answer = tuple[bool, Any]

# The routes whose key may belong to no company and name any: the one exception. A company's own key is no exception.
INTERNAL = {
    "/socket/emit-message-internal",
    "/internal/socket/appointment-created",
    "/internal/socket/appointment-updated",
    "/internal/socket/appointment-canceled",
}
KIND_OF = {
    "company_id": "company",
    "contact_id": "contact",
    "conversation_id": "conversation",
    "channel_id": "channel",
    "reply_to": "message",
    "assignee_id": "user",
    "/messages id": "message",
    "/contacts id": "contact",
    "/conversations id": "conversation",
    "/channels id": "account",
}
KIND_AT = {"POST /messages/{id}/retry": "failed", "POST /messages/{id}/cancel": "waiting"}
UNTOLD = {"endings", "leases", "sessions", "writers"}  # collections that change by themselves, or by being looked at


@dataclass
class Attacker:
    """A company that knows another's ids, at both doors."""

    desk: Desk
    own: World
    listeners: dict[str, Listener]


@dataclass(frozen=True)
class Door:
    """A route or an event: where, what it takes, and how to ask there."""

    name: str
    home: str
    form: Form
    ask: Callable[[Attacker, Any], Awaitable[Answer]]

    def kind_of(self, slot: Slot) -> str:
        """Return of what a slot is the id."""
        kind = KIND_AT.get(self.name) or KIND_OF.get(slot.field) or KIND_OF.get(f"{self.home} {slot.field}")
        return kind or pytest.fail(f"Say in KIND_OF of what {slot.path} at {self.name} is the id.")

    def ids(self, request: Any, world: World) -> dict[Slot, str]:
        """Return the ids of a world for the slots of a request."""
        return {slot: world[self.kind_of(slot)] for slot in slots_in(request)}


class Path(Body):
    """What stands in the address of a thing."""

    id: Id


async def with_epoch(attacker: Attacker, asked: Any) -> Any:
    """Return what is asked with the epoch that a cursor of this company would have."""
    return {**asked, "epoch": await attacker.desk.epoch()} if asked.get("epoch") else asked


def route_door(route: Route) -> Door:
    """Return the door of a route; its path, query and body are one form."""
    parts = {"query": route.query, "body": route.body, "path": Path if "{id}" in route.path else None}
    fields: dict[str, Any] = {name: (part, ...) for name, part in parts.items() if part}
    model = create_model(f"{route.method} {route.path}", **fields)

    async def ask(attacker: Attacker, request: Any) -> Answer:
        path = route.path.format(**request.get("path", {}))
        asked = await with_epoch(attacker, request["query"])
        query = "&".join(f"{name}={value if name == 'epoch' else str(value).lower()}" for name, value in asked.items())
        status, answer = await attacker.desk.ask(route.method, f"{path}?{query}", request.get("body"))
        return status < 300, [status, answer]

    return Door(model.__name__, "/" + route.path.split("/")[1], Form(model), ask)


def event_door(namespace: str, event: Heard) -> Door:
    """Return the door of a socket event."""

    async def ask(attacker: Attacker, request: Any) -> Answer:
        ack = await attacker.listeners[namespace].call(event.name, await with_epoch(attacker, request))
        return ack["ok"], ack

    return Door(f"{namespace} {event.name}", namespace, Form(event.payload), ask)


DOORS = [
    *(route_door(route) for route in ROUTES if not route.internal),
    *(event_door(COMPANY, event) for event in company.EVENTS),
    *(event_door(CONVERSATION, event) for event in conversation.EVENTS),
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """A server with a company on it: the one that nobody else may see."""
    async with open_desk(mongo_uri, tmp_path_factory.mktemp("tenants")) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def theirs(house: Desk) -> World:
    """The ids of all that the company has."""
    return await world_of(house)


@pytest_asyncio.fixture(loop_scope="session")
async def attacker(house: Desk) -> Attacker:
    """Another company on the same server, with the same things."""
    desk = await house.neighbour("Attacker")
    listeners = {namespace: await desk.listen(namespace) for namespace in (COMPANY, CONVERSATION)}
    return Attacker(desk, await world_of(desk), listeners)


async def world_of(desk: Desk) -> World:
    """Make one of everything, and return the ids."""
    message = await desk.receive("Hello?")
    return {
        "company": desk.company.id,
        "contact": desk.contact_id,
        "conversation": message["conversation_id"],
        "channel": message["channel_id"],
        "message": message["id"],
        "user": desk.user_id,
        **await outbox_of(desk),
    }


async def outbox_of(desk: Desk) -> World:
    """Make a message that failed and one that waits, on a channel of their own."""
    shop = Shop(desk, FakePlatforms())
    await shop.connect(Platform.SANDBOX)
    customer = await shop.customer(Platform.SANDBOX)
    failed = await shop.reply(customer, Platform.SANDBOX, "#window")
    await shop.outcome(failed)
    waiting = await shop.reply(customer, Platform.SANDBOX, "#rate:3600")

    async def waits() -> bool:
        return (await shop.delivery(waiting)).get("class") == "rate"

    await until(waits)
    account = await desk.post("/channels", {"platform": "sandbox"})
    return {"failed": failed["id"], "waiting": waiting["id"], "account": account["data"]["id"]}


@pytest.mark.parametrize(
    ("door", "path"),
    [pytest.param(door, path, id=f"{door.name} {path}") for door in DOORS for path in door.form.slots],
)
async def test_another_companys_id_is_one_that_never_was(
    attacker: Attacker, theirs: World, door: Door, path: str
) -> None:
    request = await valid(attacker, door, path)
    before = await dump(attacker.desk)
    for slots in (each for size in (1, 2, 3) for each in combinations(slots_in(request), size)):
        foreign, missing = [await answered(attacker, door, request, slots, world) for world in (theirs, nowhere())]
        assert foreign == missing
    assert await dump(attacker.desk) == before


async def valid(attacker: Attacker, door: Door, path: str) -> Any:
    """Return a request with an id at this path that is answered well for the own ids."""
    refusals = []
    for request in door.form.requests_with(path):
        ok, answer = await door.ask(attacker, with_ids(request, door.ids(request, attacker.own)))
        if ok:
            return request
        refusals.append(answer)
    return pytest.fail(f"No valid request for {door.name} with {path} was found: {refusals}")


async def answered(attacker: Attacker, door: Door, request: Any, slots: tuple[Slot, ...], world: World) -> str:
    """Ask with the ids of another world in some slots, and return the answer without what must differ."""
    ids = door.ids(request, attacker.own) | {slot: world[door.kind_of(slot)] for slot in slots}
    _, answer = await door.ask(attacker, with_ids(request, ids))
    said = re.sub(r'"request_id": "[^"]*"', "", json.dumps(answer))
    for slot in slots:
        said = said.replace(world[door.kind_of(slot)], slot.field)
    return said


def nowhere() -> World:
    """Return ids that never existed."""
    return {kind: str(ObjectId()) for kind in (*KIND_OF.values(), *KIND_AT.values())}


async def dump(desk: Desk) -> dict[str, list[Any]]:
    """Return all that is stored, but for what changes by being looked at: `turn` counts looks under the lock."""
    database = desk.hub.store.database
    names = sorted(set(await database.list_collection_names()) - UNTOLD)
    return {
        name: [document async for document in database[name].find({}, {"turn": False}).sort("_id")] for name in names
    }


@pytest.mark.parametrize("door", [pytest.param(door, id=door.name) for door in DOORS if door.name.startswith("GET")])
async def test_a_list_shows_nothing_of_another_company(attacker: Attacker, theirs: World, door: Door) -> None:
    for request in door.form.requests_without_ids():
        if not slots_in(request):
            said = json.dumps((await door.ask(attacker, with_ids(request, {})))[1])
            assert not [kind for kind, id in theirs.items() if id in said]


async def test_nobody_there_hears_what_another_company_tries(house: Desk, attacker: Attacker, theirs: World) -> None:
    listeners = [await house.listen(COMPANY), await house.listen(CONVERSATION)]
    for listener in listeners:
        await listener.ready()
        assert (await listener.call("conversation:join", {"conversation_id": theirs["conversation"]}))["ok"]
    for door in DOORS:
        for request in (each for path in door.form.slots for each in door.form.requests_with(path)):
            if door.home in (COMPANY, CONVERSATION):
                await door.ask(attacker, with_ids(request, door.ids(request, theirs)))
    for listener in listeners:
        await listener.call("conversation:leave", {"conversation_id": theirs["conversation"]})
        assert {name for name, _ in listener.heard} <= {"sync:ready", "presence:update"}
        assert {body.get("company_id", theirs["company"]) for _, body in listener.heard} == {theirs["company"]}


async def test_the_internal_routes_are_the_one_exception() -> None:
    assert {route.path for route in ROUTES if route.internal} == INTERNAL


@pytest.mark.parametrize("path", sorted(INTERNAL))
async def test_a_companys_own_key_reaches_no_other_company_there_either(
    attacker: Attacker, theirs: World, path: str
) -> None:
    message = {
        "conversationId": theirs["conversation"],
        "message": {"id": "1", "contactId": "1", "direction": "inbound"},
    }
    rest = message if path.startswith("/socket") else {"appointment": {"id": "1"}}
    before = await dump(attacker.desk)
    said = []
    for company_id in (theirs["company"], str(ObjectId())):
        status, answer = await attacker.desk.ask("POST", path, {"companyId": company_id, **rest})
        said.append((status, answer["error"]["code"], answer["error"]["message"]))
    assert said[0] == said[1] == (404, "not_found", said[0][2])
    assert await dump(attacker.desk) == before
