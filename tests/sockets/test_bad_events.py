"""A wrong event is answered with its code, stores nothing, and the connection lives on."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.desk import Desk
from tests.sockets.wire import admitted, head_of

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.usefixtures("unmoved")]

NOWHERE = "f" * 24
BOTH = pytest.mark.parametrize("namespace", ["/company", "/conversation"])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(house: Desk) -> Desk:
    """One company for all of these tests: nothing of what they send is stored."""
    return await house.neighbour("Acme")


@pytest_asyncio.fixture(loop_scope="session")
async def unmoved(desk: Desk) -> AsyncIterator[None]:
    """Whatever a test sends: nothing is stored."""
    before = await head_of(desk)
    yield
    assert await head_of(desk) == before


@BOTH
@pytest.mark.parametrize(
    ("event", "payload", "code"),
    [
        ("message:shout", {}, "unknown_event"),
        ("connect", {}, "unknown_event"),
        ("disconnect", {}, "unknown_event"),
        ("__proto__", {}, "unknown_event"),
        ("*", {}, "unknown_event"),
        ("message:send", {"conversation_id": NOWHERE, "content": "It is."}, "not_found"),
        ("message:read", {"conversation_id": NOWHERE}, "not_found"),
        ("conversation:join", {"conversation_id": NOWHERE}, "not_found"),
        ("typing:start", {"conversation_id": NOWHERE}, "not_found"),
        ("message:send", None, "validation_failed"),
        ("message:send", "Hello", "validation_failed"),
        ("message:send", ["Hello"], "validation_failed"),
        ("message:send", {"content": "It is."}, "validation_failed"),
        ("message:send", {"conversation_id": "abc", "content": "It is."}, "validation_failed"),
        ("message:send", {"conversation_id": {"$ne": ""}, "content": "It is."}, "validation_failed"),
        ("message:send", {"conversation_id": NOWHERE, "content": {"$ne": ""}}, "validation_failed"),
        ("message:send", {"conversation_id": NOWHERE, "content": " "}, "validation_failed"),
        ("message:send", {"conversation_id": NOWHERE, "content": "x" * 5001}, "validation_failed"),
        ("message:send", {"conversation_id": NOWHERE, "content": "x", "role": "user"}, "validation_failed"),
        ("message:send", {"conversation_id": NOWHERE, "content": "x", "colour": "red"}, "validation_failed"),
        ("message:send", {"conversation_id": NOWHERE, "content": "x", "client_message_id": 7}, "validation_failed"),
        ("message:read", {"conversation_id": NOWHERE, "up_to_seq": "all"}, "validation_failed"),
        ("message:read", {"conversation_id": NOWHERE, "up_to_seq": 1e300}, "validation_failed"),
        ("conversation:join", {"conversation_id": NOWHERE, "seq": -1}, "validation_failed"),
        ("sync", {"since": True}, "validation_failed"),
        ("auth:refresh", {"token": ""}, "validation_failed"),
        ("auth:refresh", {"token": "x.y.z"}, "unauthenticated"),
    ],
)  # fmt: skip
async def test_a_wrong_event_is_answered_with_its_code(
    desk: Desk, namespace: str, event: str, payload: Any, code: str
) -> None:
    async with admitted(desk, namespace) as wire:
        ack = await wire.call(event, payload, namespace=namespace)
        assert (ack["ok"], ack["error"]["code"]) == (False, code)
        assert ack["error"].keys() >= {"code", "message", "details", "retryable"}
        assert (await wire.call("auth:refresh", {"token": desk.token}, namespace=namespace, id=2))["ok"]


async def test_every_wrong_field_is_named(desk: Desk) -> None:
    async with admitted(desk) as wire:
        ack = await wire.call("message:send", {"conversation_id": 7, "content": 7, "colour": "red"})
        fields = [detail["field"] for detail in ack["error"]["details"]]
        assert fields == ["conversation_id", "content", "colour"]


@pytest.mark.parametrize("more", [[{}], [None], [1, 2]])
async def test_an_event_carries_one_object(desk: Desk, more: list[Any]) -> None:
    async with admitted(desk) as wire:
        assert (await wire.call("sync", {"since": 0}, *more))["error"]["code"] == "validation_failed"


@BOTH
@pytest.mark.parametrize("payload", ["Hello", 7, ["Hello"]])
async def test_what_is_no_object_is_told_so(desk: Desk, namespace: str, payload: Any) -> None:
    async with admitted(desk, namespace) as wire:
        (detail,) = (await wire.call("message:send", payload, namespace=namespace))["error"]["details"]
        assert detail == {"field": "", "message": "Input should be an object"}


async def test_a_missing_and_an_unknown_field_are_told_apart(desk: Desk) -> None:
    async with admitted(desk) as wire:
        ack = await wire.call("message:read", {"colour": "red"})
        assert {detail["field"]: detail["message"] for detail in ack["error"]["details"]} == {
            "conversation_id": "This field is required.",
            "colour": "There is no such field here.",
        }


async def test_an_event_without_anything_is_one_with_nothing(desk: Desk) -> None:
    async with admitted(desk) as wire:
        assert [detail["field"] for detail in (await wire.call("sync"))["error"]["details"]] == ["epoch", "since"]
