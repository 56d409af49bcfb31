"""Passing signals: the others in a conversation see that somebody is writing."""

import pytest

from app.signals import Typing
from tests.desk import Desk, Listener, new_contact
from tests.sockets.wire import wired
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAMESPACES = pytest.mark.parametrize("namespace", ["/company", "/conversation"])


async def inside(desk: Desk, namespace: str, conversation: str) -> Listener:
    """Connect, and join a conversation."""
    listener = await desk.listen(namespace)
    await listener.ready()
    assert (await listener.call("conversation:join", {"conversation_id": conversation}))["ok"]
    return listener


async def settled(listener: Listener) -> None:
    """Wait until a client has heard all that was said to it: its own answer comes last."""
    await listener.call("auth:refresh", {"token": "x.y.z"})


@NAMESPACES
async def test_the_others_see_who_is_writing_and_the_writer_does_not(desk: Desk, namespace: str) -> None:
    conversation = (await desk.receive())["conversation_id"]
    writer = await inside(desk, namespace, conversation)
    others = [await inside(desk, each, conversation) for each in ("/company", "/conversation")]
    for event in ("typing:start", "typing:stop"):
        ack = await writer.call(event, {"conversation_id": conversation})
        assert ack == {"ok": True, "data": {"conversation_id": conversation}}
    for other in others:
        await until(lambda other=other: len(other.of("typing:indicator")) == 2)
        start, stop = other.of("typing:indicator")
        assert start == {
            "type": "typing:indicator",
            "company_id": desk.company.id,
            "conversation_id": conversation,
            "user": {"id": desk.user_id, "name": "owner"},
            "typing": True,
        }
        assert stop == {**start, "typing": False}
    await settled(writer)
    assert writer.of("typing:indicator") == []


async def test_a_writer_in_both_namespaces_sees_it_in_neither(desk: Desk) -> None:
    conversation = (await desk.receive())["conversation_id"]
    other = await inside(desk, "/conversation", conversation)
    async with wired(desk) as writer:
        for namespace in ("/company", "/conversation"):
            await writer.connect(namespace, token=desk.token)
            await writer.call("conversation:join", {"conversation_id": conversation}, namespace=namespace)
        await writer.say(f'42/company,7["typing:start",{{"conversation_id":"{conversation}"}}]')
        assert (await writer.next()).startswith("43/company,7")
    assert await until(lambda: other.of("typing:indicator"))


@NAMESPACES
async def test_who_left_sees_it_no_more(desk: Desk, namespace: str) -> None:
    conversation = (await desk.receive())["conversation_id"]
    leaver, writer = [await inside(desk, namespace, conversation) for _ in range(2)]
    ack = await leaver.call("conversation:leave", {"conversation_id": conversation})
    assert ack == {"ok": True, "data": {"conversation_id": conversation}}
    await writer.call("typing:start", {"conversation_id": conversation})
    await settled(leaver)
    assert leaver.of("typing:indicator") == []


async def test_who_is_in_another_conversation_sees_nothing(desk: Desk) -> None:
    conversation = (await desk.receive())["conversation_id"]
    elsewhere = (await desk.receive(contact_id=await new_contact(desk, "Ben")))["conversation_id"]
    stranger, writer = await inside(desk, "/company", elsewhere), await inside(desk, "/company", conversation)
    await writer.call("typing:start", {"conversation_id": conversation})
    await settled(stranger)
    assert stranger.of("typing:indicator") == []


@NAMESPACES
async def test_one_may_write_without_having_joined(desk: Desk, namespace: str) -> None:
    conversation = (await desk.receive())["conversation_id"]
    writer, other = await desk.listen(namespace), await inside(desk, "/conversation", conversation)
    assert (await writer.call("typing:start", {"conversationId": conversation}))["ok"]
    assert await until(lambda: other.of("typing:indicator"))


async def test_a_signal_is_never_stored(desk: Desk) -> None:
    conversation = (await desk.receive())["conversation_id"]
    writer = await inside(desk, "/company", conversation)
    await writer.call("typing:start", {"conversation_id": conversation})
    epoch = await desk.epoch()
    assert (await writer.call("sync", {"epoch": epoch, "since": 2}))["data"] == {
        "epoch": epoch,
        "events": [],
        "next": 2,
        "head": 2,
        "more": False,
    }


@NAMESPACES
async def test_a_signal_of_another_company_reaches_nobody_whatever_conversation_it_names(
    desk: Desk, namespace: str
) -> None:
    conversation = (await desk.receive())["conversation_id"]
    listener = await inside(desk, namespace, conversation)
    other = await desk.neighbour()
    for company, name in ((other.company.id, "Stranger"), (desk.company.id, "Colleague")):
        desk.hub.say(
            Typing(
                company_id=company,
                conversation_id=conversation,
                user_id="u",
                name=name,
                typing=True,
                origin="elsewhere",
            )
        )
    (heard,) = await until(lambda: listener.of("typing:indicator"))
    assert heard["user"]["name"] == "Colleague"
