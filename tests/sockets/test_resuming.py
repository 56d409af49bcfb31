"""Coming back to `/company`: what was missed comes in order, once, from any server; or the client begins anew."""

import asyncio
from typing import Any

import pytest

from app.actions import read_changes
from app.actions.new_epoch import new_epoch
from app.sockets import catch_up as catching_up
from tests.desk import Desk, Listener
from tests.sockets.again import elsewhere
from tests.sockets.wire import hears, wired
from tests.waiting import until

SENTENCES = {"pruned": "no longer reaches back", "epoch": "a new epoch", "future": "has not come so far"}

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def began(desk: Desk) -> dict[str, Any]:
    """Connect once, leave, and return where that client stands: its epoch and its head."""
    listener = await desk.listen()
    ready = await listener.ready()
    await listener.client.disconnect()
    return {"epoch": ready["epoch"], "seq": ready["head"]}


async def pruned(desk: Desk, seq: int) -> None:
    """Prune the log up to a seq, as the job will: the floor is raised, then events are deleted."""
    await desk.hub.store.streams.raise_floor(desk.company.id, seq)
    await desk.hub.store.events.delete_up_to(desk.company.id, seq)


async def told_to_begin_anew(listener: Listener) -> tuple[str, int]:
    """Check that a client is told to load its state, and return why, and where it goes on."""
    ready = await listener.ready()
    (resync,) = listener.of("sync:resync")
    assert [name for name, _ in listener.heard if name.startswith("sync:")] == ["sync:resync", "sync:ready"]
    assert listener.events == []
    assert (ready["resumed"], ready["head"], ready["epoch"]) == (False, resync["head"], resync["epoch"])
    return resync["reason"], resync["head"]


async def test_what_was_missed_comes_before_what_is_new(desk: Desk) -> None:
    left_off = await began(desk)
    missed = [(await desk.receive(words))["seq"] for words in ("one", "two")]
    listener = await desk.listen(**left_off)
    assert await listener.ready() == {
        "type": "sync:ready",
        "epoch": left_off["epoch"],
        "head": missed[-1],
        "resumed": True,
    }
    assert [name for name, _ in listener.heard[:3]] == ["message:new", "message:new", "sync:ready"]
    live = (await desk.receive("three"))["seq"]
    events = await hears(listener, 3)
    assert [(event["prev"], event["seq"]) for event in events] == [(seq - 1, seq) for seq in [*missed, live]]


async def test_who_missed_nothing_hears_nothing_twice(desk: Desk) -> None:
    left_off = await began(desk)
    listener = await desk.listen(**left_off)
    assert (await listener.ready())["resumed"] is True
    assert listener.events == []


async def test_a_seq_without_its_epoch_begins_anew(desk: Desk) -> None:
    await desk.receive()
    listener = await desk.listen(seq=1)
    assert await told_to_begin_anew(listener) == ("epoch", 2)
    await desk.receive()
    assert (await hears(listener, 1))[0]["prev"] == 2


async def test_a_gap_is_never_asked_for_without_the_epoch(desk: Desk) -> None:
    ack = await (await desk.listen()).call("sync", {"since": 0})
    assert (ack["ok"], ack["error"]["code"], ack["error"]["details"][0]["field"]) == (
        False,
        "validation_failed",
        "epoch",
    )


async def test_another_server_goes_on_from_the_log(desk: Desk) -> None:
    left_off = await began(desk)
    said = [await desk.receive(words) for words in ("one", "two", "three")]
    async with elsewhere(desk) as other:
        listener = await other.listen(**left_off)
        assert (await listener.ready())["resumed"] is True
        assert [event["message"] for event in listener.events] == said


async def test_what_is_stored_by_one_server_is_heard_at_another(desk: Desk) -> None:
    async with elsewhere(desk) as other:
        listener = await other.listen()
        await listener.ready()
        said = [await desk.receive("here"), await other.receive("there"), await desk.receive("here again")]
        assert [event["message"] for event in await hears(listener, 3)] == said


async def test_a_long_absence_is_made_up_page_by_page_while_more_happens(desk: Desk) -> None:
    left_off = await began(desk)
    await asyncio.gather(*(desk.receive("é" * 5000) for _ in range(60)))
    async with elsewhere(desk) as other:
        listener, *_ = await asyncio.gather(other.listen(**left_off), *(desk.receive("live") for _ in range(20)))
        events = await hears(listener, 80)
        assert [(event["prev"], event["seq"]) for event in events] == [(seq - 1, seq) for seq in range(2, 82)]


async def test_who_leaves_while_catching_up_is_told_no_more_of_it(desk: Desk) -> None:
    await asyncio.gather(*(desk.receive("é" * 5000) for _ in range(60)))
    async with elsewhere(desk) as other, wired(other) as wire:
        epoch = await desk.epoch()
        await wire.connect(token=desk.token, epoch=epoch, seq=0)
        assert (await wire.heard("42/company,"))[1]["seq"] == 1
        await wire.say("41/company,")
        await wire.connect(token=desk.token, epoch=epoch, seq=61)
        assert (await wire.heard("42/company,"))[0] == "sync:ready"
        await desk.receive("live")
        assert (await wire.heard("42/company,"))[1]["seq"] == 62


async def test_a_seq_of_the_future_begins_anew(desk: Desk) -> None:
    left_off = await began(desk)
    listener = await desk.listen(epoch=left_off["epoch"], seq=left_off["seq"] + 1)
    assert await told_to_begin_anew(listener) == ("future", left_off["seq"])
    await desk.receive()
    assert (await hears(listener, 1))[0]["prev"] == left_off["seq"]


async def test_a_seq_of_another_epoch_begins_anew(desk: Desk) -> None:
    left_off = await began(desk)
    listener = await desk.listen(epoch="an-older-one", seq=0)
    assert await told_to_begin_anew(listener) == ("epoch", left_off["seq"])


async def test_what_was_pruned_begins_anew(desk: Desk) -> None:
    left_off = await began(desk)
    head = [(await desk.receive(words))["seq"] for words in ("one", "two", "three")][-1]
    await pruned(desk, head - 1)
    async with elsewhere(desk) as other:
        listener = await other.listen(**left_off)
        assert await told_to_begin_anew(listener) == ("pruned", head)
        kept = await other.listen(epoch=left_off["epoch"], seq=head - 1)
        assert ((await kept.ready())["resumed"], kept.seqs) == (True, [head])


async def test_a_restored_log_tells_everyone_who_is_connected(desk: Desk) -> None:
    listener = await desk.listen()
    before = (await listener.ready())["epoch"]
    await new_epoch(desk.hub, desk.company.id)
    await until(lambda: listener.of("sync:resync"))
    await until(lambda: len(listener.of("sync:ready")) == 2)
    resync, ready = listener.of("sync:resync")[0], listener.of("sync:ready")[1]
    assert (resync["reason"], resync["head"], ready["resumed"], ready["head"]) == ("epoch", 1, False, 1)
    assert before != resync["epoch"] == ready["epoch"]
    await desk.receive()
    assert [(event["prev"], event["seq"]) for event in await hears(listener, 1)] == [(1, 2)]


async def test_a_gap_is_asked_for_page_by_page(desk: Desk) -> None:
    left_off = await began(desk)
    await asyncio.gather(*(desk.receive("é" * 5000) for _ in range(60)))
    listener, seqs, page = await desk.listen(), list[int](), {"next": left_off["seq"], "more": True}
    while page["more"]:
        page = (await listener.call("sync", {"epoch": left_off["epoch"], "since": page["next"]}))["data"]
        seqs += [event["seq"] for event in page["events"]]
        assert (page["next"], page["epoch"], len(page["events"]) < 60) == (seqs[-1], left_off["epoch"], True)
    assert seqs == list(range(2, 62))


async def test_a_page_says_each_event_as_the_room_does(desk: Desk) -> None:
    listener = await desk.listen()
    await listener.ready()
    await desk.receive()
    heard = await hears(listener, 1)
    assert (await listener.call("sync", {"epoch": await desk.epoch(), "since": 1}))["data"]["events"] == heard


@pytest.mark.parametrize(
    ("since", "epoch", "reason"),
    [(99, None, "future"), (0, "an-older-one", "epoch"), (0, None, "pruned")],
)
async def test_a_gap_that_cannot_be_filled_is_refused(desk: Desk, since: int, epoch: str | None, reason: str) -> None:
    await desk.receive()
    await pruned(desk, 1)
    async with elsewhere(desk) as other:
        listener = await other.listen()
        ack = await listener.call("sync", {"since": since, "epoch": epoch or await desk.epoch()})
        assert (ack["ok"], ack["error"]["code"]) == (False, "resync_required")
        assert (ack["error"]["reason"], ack["error"]["head"]) == (reason, 2)
        assert SENTENCES[reason] in ack["error"]["message"]


async def test_an_event_in_the_very_tick_of_joining_is_heard_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    left_off = await began(desk)
    feed = (await desk.sockets.live.audience(desk.company.id)).feed
    real = read_changes.require_reach

    async def require_reach(*arguments: Any) -> None:
        """Let an event that another server has stored arrive as soon as the one who asks waits for anything more."""
        await real(*arguments)
        async with elsewhere(desk) as other:
            stored = (await other.receive())["seq"]
        events = await feed._log.after(stored - 1, stored)
        asyncio.get_running_loop().call_soon(feed.offer, events)

    monkeypatch.setattr(catching_up, "require_reach", require_reach)
    listener = await desk.listen(**left_off)
    await listener.ready()
    assert [(event["prev"], event["seq"]) for event in await hears(listener, 1)] == [
        (left_off["seq"], left_off["seq"] + 1)
    ]
    assert (await listener.call("sync", {"epoch": left_off["epoch"], "since": left_off["seq"] + 1}))["ok"]
    assert len(listener.events) == 1
