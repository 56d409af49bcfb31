"""Old events go, the oldest first, and nobody who comes back for them is left in the dark."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from app.actions import prune_events as pruning
from app.actions.prune_events import prune_events
from app.stores.log import place
from tests.desk import Desk

KEPT = timedelta(days=30)


async def age(desk: Desk, seqs: range, by: timedelta) -> None:
    """Make events older than they are."""
    events = desk.hub.store.events.collection
    for seq in seqs:
        at: datetime = desk.hub.now() - by
        await events.update_one({"_id": place(desk.company.id, seq)}, {"$set": {"at": at}})


async def kept(desk: Desk) -> list[int]:
    """Return the seqs that are in the log."""
    found = await desk.hub.store.events.after(desk.company.id, 0, 10**6, limit=1000)
    return [event["seq"] for event in found]


async def floor(desk: Desk) -> int:
    stream = await desk.hub.store.streams.get(desk.company.id)
    assert stream is not None
    return stream.floor


async def write(desk: Desk, number: int) -> int:
    """Let a customer write so often; return the head."""
    messages = [await desk.receive() for _ in range(number)]
    return int(messages[-1]["seq"])


async def test_what_is_older_than_the_retention_goes_and_nothing_younger(desk: Desk) -> None:
    head = await write(desk, 6)
    await age(desk, range(1, head - 2), KEPT + timedelta(minutes=1))
    await age(desk, range(head - 2, head), KEPT - timedelta(minutes=1))
    assert await prune_events(desk.hub) == head - 3
    assert await kept(desk) == [head - 2, head - 1, head]
    assert await floor(desk) == head - 3
    assert await prune_events(desk.hub) == 0


async def test_it_stops_at_the_first_that_is_kept(desk: Desk) -> None:
    head = await write(desk, 4)
    await age(desk, range(1, 2), 2 * KEPT)
    await age(desk, range(3, head + 1), 2 * KEPT)  # a clock went wrong
    await prune_events(desk.hub)
    assert await kept(desk) == list(range(2, head + 1))


async def test_all_may_go_and_the_log_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "PIECE", 2)
    head = await write(desk, 5)
    await age(desk, range(1, head + 1), 2 * KEPT)
    assert await prune_events(desk.hub) == head
    assert (await kept(desk), await floor(desk)) == ([], head)
    assert await write(desk, 1) == head + 1


async def test_the_floor_is_raised_before_anything_goes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    head = await write(desk, 3)
    await age(desk, range(1, head), 2 * KEPT)
    events = desk.hub.store.events
    delete = type(events).delete_up_to
    floors = []

    async def look_first(self: object, company_id: object, seq: int) -> int:
        floors.append((await floor(desk), seq))
        return await delete(events, desk.company.id, seq)

    monkeypatch.setattr(type(events), "delete_up_to", look_first)
    await prune_events(desk.hub)
    assert floors == [(0, 0), (head - 1, head - 1)]


async def test_the_floor_never_sinks_and_never_passes_the_head(desk: Desk) -> None:
    head = await write(desk, 6)
    floors = []
    for raised in (4, 2, head + 5):
        await desk.hub.store.streams.raise_floor(desk.company.id, raised)
        floors.append(await floor(desk))
    assert floors == [4, 4, head]


async def test_a_run_that_was_cut_off_is_finished_by_the_next(desk: Desk) -> None:
    head = await write(desk, 3)
    await desk.hub.store.streams.raise_floor(desk.company.id, 2)
    assert await prune_events(desk.hub) == 2
    assert await kept(desk) == list(range(3, head + 1))


async def test_every_company_has_its_own_floor(desk: Desk) -> None:
    other = await desk.neighbour()
    await write(desk, 3)
    head = await write(other, 3)
    await age(desk, range(1, 3), 2 * KEPT)
    assert await prune_events(desk.hub) == 2
    assert (await floor(desk), await floor(other)) == (2, 0)
    assert await kept(other) == list(range(1, head + 1))


async def test_whoever_comes_back_for_them_is_told_to_load_anew(desk: Desk) -> None:
    head = await write(desk, 4)
    await age(desk, range(1, 3), 2 * KEPT)
    await prune_events(desk.hub)
    epoch = await desk.epoch()
    late = await desk.listen(epoch=epoch, seq=1)
    await late.ready()
    (told,) = late.of("sync:resync")
    assert (told["reason"], told["head"]) == ("pruned", head)
    just = await desk.listen(epoch=epoch, seq=2)
    await just.ready()
    assert just.seqs == list(range(3, head + 1))
    status, answer = await desk.ask("GET", f"/changes?epoch={epoch}&since=1")
    assert (status, answer["error"]["reason"]) == (410, "pruned")


async def test_a_process_a_month_ahead_prunes_nothing(desk: Desk) -> None:
    head = await write(desk, 3)
    ahead = replace(desk.hub, now=lambda: desk.hub.now() + KEPT + timedelta(days=1))
    assert await prune_events(ahead) == 0
    assert await kept(desk) == list(range(1, head + 1))


async def test_a_log_that_cannot_be_pruned_keeps_no_other_from_it(desk: Desk) -> None:
    others = [await desk.neighbour(), await desk.neighbour()]
    for each in (desk, *others):
        await age(each, range(1, await write(each, 3)), 2 * KEPT)
    broken = await desk.hub.store.streams.collection.find_one({}, sort=[("$natural", 1)])
    assert broken is not None
    assert str(broken["_id"]) == desk.company.id
    await desk.hub.store.streams.collection.update_one({"_id": broken["_id"]}, {"$set": {"floor": "of wood"}})
    with pytest.raises(AttributeError):
        await prune_events(desk.hub)
    assert [len(await kept(each)) for each in others] == [1, 1]
