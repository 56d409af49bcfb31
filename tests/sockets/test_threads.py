"""`/conversation`: each thread that a client joins has a cursor of its own."""

from typing import Any

import pytest

from app.actions.new_epoch import new_epoch
from tests.desk import Desk, Listener, new_contact
from tests.sockets.again import elsewhere
from tests.sockets.wire import hears, wired
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def ready(desk: Desk) -> Listener:
    """Connect to the namespace."""
    listener = await desk.listen("/conversation")
    await listener.ready()
    return listener


async def joined(listener: Listener, conversation: str, **cursor: Any) -> dict[str, Any]:
    """Join a thread, and return what the ack says."""
    ack = await listener.call("conversation:join", {"conversation_id": conversation, **cursor})
    assert ack["ok"], ack
    data: dict[str, Any] = ack["data"]
    return data


async def two_threads(desk: Desk) -> tuple[str, str, str]:
    """Let two customers write; return the two conversations and the second customer."""
    ben = await new_contact(desk, "Ben")
    first, second = await desk.receive(), await desk.receive(contact_id=ben)
    return first["conversation_id"], second["conversation_id"], ben


async def test_connecting_joins_nothing_and_names_the_epoch(desk: Desk) -> None:
    conversation, _, _ = await two_threads(desk)
    listener = await desk.listen("/conversation")
    page = (await desk.ask("GET", "/changes"))[1]["data"]
    assert await listener.ready() == {
        "type": "sync:ready",
        "epoch": page["epoch"],
        "head": page["head"],
        "resumed": False,
    }
    await desk.receive("Anyone?")
    await joined(listener, conversation)
    assert listener.events == []


async def test_a_seq_belongs_to_a_thread_and_not_to_the_connection(desk: Desk) -> None:
    async with wired(desk) as wire:
        answer = await wire.connect("/conversation", token=desk.token, seq=1)
        assert (answer["data"]["code"], answer["data"]["details"][0]["field"]) == ("validation_failed", "seq")


async def test_on_company_joining_takes_no_seq(desk: Desk) -> None:
    conversation, _, _ = await two_threads(desk)
    listener = await desk.listen()
    ack = await listener.call("conversation:join", {"conversation_id": conversation, "seq": 1})
    assert (ack["ok"], ack["error"]["code"], ack["error"]["details"][0]["field"]) == (False, "validation_failed", "seq")
    head = (await joined(listener, conversation))["head"]
    assert (head, (await listener.ready())["head"]) == (4, 4)


async def test_a_thread_is_followed_from_its_joining(desk: Desk) -> None:
    conversation, _, ben = await two_threads(desk)
    listener = await ready(desk)
    data = await joined(listener, conversation)
    assert (data["head"], data["resumed"], data["epoch"]) == (4, False, (await listener.ready())["epoch"])
    await desk.receive("elsewhere", contact_id=ben)
    here = await desk.receive("here")
    (event,) = await hears(listener, 1)
    assert (event["message"], event["conversation_id"]) == (here, conversation)


async def test_each_thread_has_a_chain_of_its_own(desk: Desk) -> None:
    desk.sockets.live.stop()  # a beat would move the chains of quiet threads
    first, second, ben = await two_threads(desk)
    listener = await ready(desk)
    for conversation in (first, second):
        await joined(listener, conversation)
    for contact in (desk.contact_id, ben, ben, desk.contact_id):
        await desk.receive(contact_id=contact)
    events = await hears(listener, 4)
    assert [(event["conversation_id"], event["prev"], event["seq"]) for event in events] == [
        (first, 4, 5),
        (second, 4, 6),
        (second, 6, 7),
        (first, 5, 8),
    ]


@pytest.mark.parametrize("again", [False, True])
async def test_what_was_missed_in_a_thread_comes_before_what_is_new(desk: Desk, again: bool) -> None:
    conversation, _, ben = await two_threads(desk)
    epoch = (await (await ready(desk)).ready())["epoch"]
    for contact in (desk.contact_id, ben, desk.contact_id):
        await desk.receive(contact_id=contact)
    async with elsewhere(desk) as other:
        listener = await ready(other if again else desk)
        data = await joined(listener, conversation, epoch=epoch, seq=4)
        assert data == {"epoch": epoch, "head": 7, "resumed": True}
        assert [(event["prev"], event["seq"]) for event in listener.events] == [(4, 5), (5, 7)]
        await desk.receive()
        assert (await hears(listener, 3))[-1]["prev"] == 7


@pytest.mark.parametrize(
    ("cursor", "reason"),
    [
        ({"seq": 99}, "future"),
        ({"seq": 4, "epoch": "an-older-one"}, "epoch"),
        ({"seq": 4, "epoch": None}, "epoch"),
        ({"seq": 2}, "pruned"),
    ],
)
async def test_a_thread_that_cannot_be_resumed_is_followed_from_now(
    desk: Desk, cursor: dict[str, Any], reason: str
) -> None:
    conversation, _, _ = await two_threads(desk)
    await desk.hub.store.streams.raise_floor(desk.company.id, 3)
    await desk.hub.store.events.delete_up_to(desk.company.id, 3)
    async with elsewhere(desk) as other:
        listener = await ready(other)
        data = await joined(listener, conversation, **{"epoch": await desk.epoch(), **cursor})
        assert data == {"epoch": await desk.epoch(), "head": 4, "resumed": False, "reason": reason}
        assert [name for name, _ in listener.heard] == ["sync:ready"]
        await other.receive()
        assert [(event["prev"], event["seq"]) for event in await hears(listener, 1)] == [(4, 5)]


async def test_a_thread_is_resumed_from_the_last_seq_that_was_pruned(desk: Desk) -> None:
    conversation, _, _ = await two_threads(desk)
    await desk.receive()
    await desk.hub.store.streams.raise_floor(desk.company.id, 3)
    await desk.hub.store.events.delete_up_to(desk.company.id, 3)
    async with elsewhere(desk) as other:
        listener, cursor = await ready(other), {"epoch": await desk.epoch(), "seq": 3}
        assert (await joined(listener, conversation, **cursor))["resumed"] is True
        assert [event["seq"] for event in await hears(listener, 1)] == [5]
        ask = {"conversation_id": conversation, "epoch": cursor["epoch"]}
        assert (await listener.call("sync", {**ask, "since": 3}))["ok"]
        assert (await listener.call("sync", {**ask, "since": 2}))["error"]["reason"] == "pruned"


async def test_who_left_a_thread_hears_it_no_more_and_may_come_back(desk: Desk) -> None:
    conversation, _, _ = await two_threads(desk)
    listener = await ready(desk)
    await joined(listener, conversation)
    assert (await listener.call("conversation:leave", {"conversation_id": conversation}))["ok"]
    await desk.receive("missed")
    assert (await joined(listener, conversation, epoch=await desk.epoch(), seq=4))["resumed"] is True
    await desk.receive("heard")
    assert [event["message"]["content"] for event in await hears(listener, 2)] == ["missed", "heard"]


async def test_a_quiet_thread_is_told_how_far_it_is_covered(desk: Desk) -> None:
    conversation, other, ben = await two_threads(desk)
    listener = await ready(desk)
    for each in (conversation, other):
        await joined(listener, each)
    await desk.receive("elsewhere", contact_id=ben)
    await hears(listener, 1)
    audience = await desk.sockets.live.audience(desk.company.id)
    for _ in range(2):  # the second time there is nothing left to say
        audience.beat()
    beat = await until(lambda: listener.of("sync:head"))
    assert [(each["conversation_id"], each["prev"], each["seq"]) for each in beat] == [(conversation, 4, 5)]
    await desk.receive("here")
    assert (await hears(listener, 2))[-1]["prev"] == 5


async def test_the_company_is_covered_by_its_events_alone(desk: Desk) -> None:
    listener = await desk.listen()
    await listener.ready()
    await desk.receive()
    (await desk.sockets.live.audience(desk.company.id)).beat()
    await hears(listener, 1)
    assert (await listener.call("sync", {"epoch": await desk.epoch(), "since": 2}))["ok"]
    assert listener.of("sync:head") == []


async def test_a_gap_in_a_thread_is_asked_for(desk: Desk) -> None:
    conversation, _, ben = await two_threads(desk)
    for contact in (desk.contact_id, ben, desk.contact_id):
        await desk.receive(contact_id=contact)
    listener = await ready(desk)
    ask = {"conversation_id": conversation, "epoch": await desk.epoch()}
    ack = await listener.call("sync", {**ask, "since": 4})
    assert [(event["prev"], event["seq"]) for event in ack["data"]["events"]] == [(4, 5), (5, 7)]
    assert (ack["data"]["conversation_id"], ack["data"]["next"], ack["data"]["more"]) == (conversation, 7, False)
    refused = await listener.call("sync", {**ask, "since": 99})
    assert (refused["error"]["code"], refused["error"]["reason"]) == ("resync_required", "future")


async def test_a_gap_belongs_to_a_thread(desk: Desk) -> None:
    ack = await (await ready(desk)).call("sync", {"epoch": "any", "since": 0})
    assert [detail["field"] for detail in ack["error"]["details"]] == ["conversation_id"]


async def test_a_restored_log_tells_each_thread(desk: Desk) -> None:
    conversation, _, _ = await two_threads(desk)
    listener = await ready(desk)
    await joined(listener, conversation)
    await new_epoch(desk.hub, desk.company.id)
    (resync,) = await until(lambda: listener.of("sync:resync"))
    assert (resync["reason"], resync["conversation_id"], resync["head"]) == ("epoch", conversation, 4)
    assert (await joined(listener, conversation, epoch=resync["epoch"], seq=resync["head"]))["resumed"] is True
