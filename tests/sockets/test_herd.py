"""After a restart everyone comes back at once: the log is read once a page, not once a client."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from app.actions.new_epoch import new_epoch
from app.actions.read_changes import read_changes
from app.errors import ResyncRequired
from app.journal import feed as feed_module
from app.journal import ring as ring_module
from app.journal.feed import Feed
from app.stores import database
from app.stores.codec import object_id
from tests.desk import Desk, Listener
from tests.sockets.again import elsewhere
from tests.sockets.readings import Readings
from tests.sockets.test_resuming import began, pruned, told_to_begin_anew
from tests.sockets.wire import PATIENCE, Wire, hears, wired

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> Readings:
    """What servers started from now on read of the log."""
    readings = Readings()

    def client(*where: Any, event_listeners: Sequence[Any], **options: Any) -> AsyncMongoClient[dict[str, Any]]:
        return AsyncMongoClient(*where, event_listeners=[*event_listeners, readings], **options)

    monkeypatch.setattr(database, "AsyncMongoClient", client)
    return readings


@asynccontextmanager
async def restarted(desk: Desk, readings: Readings) -> AsyncIterator[tuple[Desk, Feed]]:
    """A server that knows nothing yet, and its feed."""
    async with elsewhere(desk) as other:
        feed = await other.hub.journal.follow(desk.company.id)
        readings.of_log.clear()
        yield other, feed


async def gather_listeners(desk: Desk, places: list[dict[str, Any]]) -> list[Listener]:
    return await asyncio.gather(*(desk.listen(**place) for place in places))


async def test_thirty_who_come_back_cost_one_query(desk: Desk, readings: Readings) -> None:
    left_off = await began(desk)
    missed = [(await desk.receive(f"message {number}"))["seq"] for number in range(20)]
    async with restarted(desk, readings) as (other, _):
        for listener in await gather_listeners(other, [left_off] * 30):
            assert (await listener.ready())["resumed"] is True
            assert [(event["prev"], event["seq"]) for event in listener.events] == [(seq - 1, seq) for seq in missed]
    assert len(readings.of_log) == 1


async def test_those_who_left_at_different_times_share_it(desk: Desk, readings: Readings) -> None:
    left_off = await began(desk)
    missed = [(await desk.receive(f"message {number}"))["seq"] for number in range(10)]
    async with restarted(desk, readings) as (other, _):
        places = [{**left_off, "seq": seq} for seq in missed]
        for place, listener in zip(places, await gather_listeners(other, places), strict=True):
            assert (await listener.ready())["resumed"] is True
            assert listener.seqs == list(range(place["seq"] + 1, missed[-1] + 1))
    assert len(readings.of_log) == 1


async def test_one_conversation_is_read_from_what_the_company_missed(desk: Desk, readings: Readings) -> None:
    mine = [await desk.receive(words) for words in ("one", "two")]
    neighbour = await desk.post("/contacts", {"name": "Bea Customer"})
    await desk.receive("not mine", contact_id=neighbour["data"]["id"])
    mine.append(await desk.receive("three"))
    async with restarted(desk, readings) as (other, feed):
        await other.listen(seq=0, epoch=feed.epoch)
        listener = await other.listen("/conversation")
        joined = {"conversation_id": mine[0]["conversation_id"], "epoch": feed.epoch, "seq": mine[0]["seq"]}
        assert (await listener.call("conversation:join", joined))["data"]["resumed"] is True
        assert [event["message"] for event in await hears(listener, 2)] == mine[1:]
    assert len(readings.of_log) == 1


async def test_those_who_are_further_behind_than_memory_reaches_share_each_page(
    desk: Desk, readings: Readings, monkeypatch: pytest.MonkeyPatch
) -> None:
    missed = [(await desk.receive(f"message {number}"))["seq"] for number in range(20)]
    monkeypatch.setattr(feed_module, "LOOK_BACK", 5)
    monkeypatch.setattr(ring_module, "PAGE_BYTES", 8000)
    async with restarted(desk, readings) as (other, feed):
        pages, seqs, since = 0, list[int](), missed[0] - 1
        while since < feed.position:
            read = partial(read_changes, other.hub, desk.company.id, epoch=feed.epoch, since=since)
            first, *others = await asyncio.gather(*(read() for _ in range(30)))
            assert all(each == first for each in others)
            pages, since = pages + 1, first.next
            seqs += list(range(first.next - len(first.said) + 1, first.next + 1))
    assert seqs == missed
    assert 3 < len(readings.of_log) <= pages, "the last pages come from memory"


async def test_memory_is_bounded_however_far_behind_they_are(
    desk: Desk, readings: Readings, monkeypatch: pytest.MonkeyPatch
) -> None:
    missed = [(await desk.receive(f"message {number}"))["seq"] for number in range(20)]
    monkeypatch.setattr(ring_module, "RING_BYTES", 8000)
    async with restarted(desk, readings) as (other, feed):
        for listener in await gather_listeners(other, [{"epoch": feed.epoch, "seq": missed[0] - 1}] * 3):
            assert (await listener.ready())["resumed"] is True
            assert listener.seqs == missed
        assert (feed._ring.full, feed._ring._bytes <= 8000) == (True, True)
        assert missed[0] < feed._ring.start < missed[-1]
        backwards = [command for command in readings.of_log if command["sort"] == {"_id": -1}]
        assert len(backwards) == 1, "a full ring is not filled again"


async def seqs_until_ready(wire: Wire, **auth: Any) -> list[int] | None:
    """Connect, and return what came until it was all; None when the server ended the connection before."""
    await wire.connect(**auth)
    seqs = list[int]()
    async with asyncio.timeout(PATIENCE):
        async for message in wire.socket:
            name, body = json.loads(message.data.partition(",")[2])
            if name == "sync:ready":
                return seqs
            if name.startswith("message:"):
                seqs.append(body["seq"])
    return None


async def test_who_leaves_in_the_middle_of_the_read_harms_nobody(desk: Desk, readings: Readings) -> None:
    left_off = await began(desk)
    missed = [(await desk.receive(f"message {number}"))["seq"] for number in range(5)]
    async with restarted(desk, readings) as (other, _), AsyncExitStack() as opened:
        wires = [await opened.enter_async_context(wired(other)) for _ in range(5)]

        def abort_one_who_waits() -> None:
            connections = other.sockets.engine.connections.values()
            next(each for each in connections if any(member.tasks for member in each.members.values())).abort("gone")

        readings.meanwhile = abort_one_who_waits
        heard = await asyncio.gather(*(seqs_until_ready(wire, token=desk.token, **left_off) for wire in wires))
        assert heard.count(None) == 1
        assert heard.count(missed) == 4
    assert len(readings.of_log) == 1


async def test_who_waits_for_a_read_that_its_first_asker_gave_up_is_answered(desk: Desk, readings: Readings) -> None:
    missed = (await desk.receive())["seq"]
    async with restarted(desk, readings) as (other, feed):
        read = partial(read_changes, other.hub, desk.company.id, epoch=feed.epoch, since=0)
        first, second = (asyncio.create_task(read()) for _ in range(2))
        readings.meanwhile = first.cancel
        assert (await second).next == missed
        with pytest.raises(asyncio.CancelledError):
            await first
    assert len(readings.of_log) == 1


async def test_what_is_said_during_the_read_comes_once_and_in_order(desk: Desk, readings: Readings) -> None:
    left_off = await began(desk)
    for number in range(10):
        await desk.receive(f"missed {number}")
    async with restarted(desk, readings) as (other, _):
        talk: list[asyncio.Task[Any]] = []

        def talk_everywhere() -> None:
            talk.extend(asyncio.create_task(door.receive("meanwhile")) for door in (other, desk) for _ in range(5))

        readings.meanwhile = talk_everywhere
        for listener in await gather_listeners(other, [left_off] * 5):
            events = await hears(listener, 20)
            first = left_off["seq"]
            assert [(event["prev"], event["seq"]) for event in events] == [
                (seq, seq + 1) for seq in range(first, first + 20)
            ]
        await asyncio.gather(*talk)


async def test_a_log_that_begins_anew_during_the_read_is_loaded_anew(desk: Desk, readings: Readings) -> None:
    left_off = await began(desk)
    head = (await desk.receive())["seq"]
    async with restarted(desk, readings) as (other, feed):
        await new_epoch(desk.hub, desk.company.id)
        stream = await desk.hub.store.streams.get(desk.company.id)
        assert stream is not None
        readings.meanwhile = partial(feed.poll, stream)
        for listener in await gather_listeners(other, [left_off] * 3):
            assert await told_to_begin_anew(listener) == ("epoch", head)
        fresh = await other.listen(epoch=stream.epoch, seq=left_off["seq"])
        assert ((await fresh.ready())["resumed"], fresh.seqs) == (True, [head])


@pytest.mark.parametrize("head", [0, 2])
async def test_what_was_read_of_an_older_epoch_is_not_kept(desk: Desk, readings: Readings, head: int) -> None:
    await desk.receive()
    async with restarted(desk, readings) as (other, feed):
        streams, epoch = desk.hub.store.streams, feed.epoch
        restored = {"$set": {"epoch": "restored", "head": head}}
        await streams.collection.update_one({"_id": object_id(desk.company.id)}, restored)
        stream = await streams.get(desk.company.id)
        assert stream is not None
        readings.meanwhile = partial(feed.poll, stream)
        with pytest.raises(ResyncRequired) as refused:
            await read_changes(other.hub, desk.company.id, epoch=epoch, since=0)
        assert refused.value.facts["reason"] == "epoch"
        assert (feed.epoch, feed.position, feed._ring.start) == ("restored", head, head)


async def test_what_was_pruned_before_anyone_heard_of_it_begins_anew(desk: Desk, readings: Readings) -> None:
    left_off = await began(desk)
    head = [(await desk.receive(words))["seq"] for words in ("one", "two", "three")][-1]
    async with restarted(desk, readings) as (other, feed):
        await pruned(desk, head - 1)
        for listener in await gather_listeners(other, [left_off] * 3):
            assert await told_to_begin_anew(listener) == ("pruned", head)
        kept = await other.listen(epoch=feed.epoch, seq=head - 1)
        assert ((await kept.ready())["resumed"], kept.seqs) == (True, [head])


async def test_a_conversation_that_was_pruned_before_anyone_heard_of_it_begins_anew(
    desk: Desk, readings: Readings, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = [await desk.receive(words) for words in ("one", "two", "three")]
    monkeypatch.setattr(feed_module, "LOOK_BACK", 0)
    async with restarted(desk, readings) as (other, feed):
        await pruned(desk, messages[1]["seq"])
        of_one = {"conversation_id": messages[0]["conversation_id"], "epoch": feed.epoch}
        with pytest.raises(ResyncRequired) as refused:
            await read_changes(other.hub, desk.company.id, since=0, **of_one)
        assert refused.value.facts["reason"] == "pruned"
        page = await read_changes(other.hub, desk.company.id, since=messages[1]["seq"], **of_one)
        assert [kind for kind, _ in page.said] == ["message:new"]
