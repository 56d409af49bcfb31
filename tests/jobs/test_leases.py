"""Leases on the real database: one at a time, passed on when it runs out, and a late owner changes nothing."""

import asyncio

import pytest

from app.actions.hold_lease import LeaseLost, hold_lease, leave_lease, take_lease
from app.models.job import Outcome, Ran
from tests.jobs.conftest import Scene
from tests.waiting import until

DONE = Ran(outcome=Outcome.DONE)


async def test_of_many_who_want_it_one_has_it(scene: Scene) -> None:
    hubs = [scene.another_process() for _ in range(8)]
    taken = await asyncio.gather(*(take_lease(hub, "work") for hub in hubs))
    assert len([lease for lease in taken if lease]) == 1


async def test_it_is_passed_on_when_it_is_given_back(scene: Scene) -> None:
    other = scene.another_process()
    lease = await take_lease(scene.hub, "work")
    assert lease is not None
    assert await take_lease(other, "work") is None
    await leave_lease(scene.hub, lease, DONE, every=60)
    after = await take_lease(other, "work")
    assert after is not None
    assert after.fence > lease.fence


async def test_it_is_passed_on_when_its_owner_died_and_what_he_says_later_is_not_noted(scene: Scene) -> None:
    other = scene.another_process()
    lease = await take_lease(scene.hub, "work", seconds=0.1)
    assert lease is not None
    after = await until(lambda: take_lease(other, "work"))
    assert after.fence > lease.fence
    assert not await scene.hub.store.leases.renew(lease)
    await leave_lease(scene.hub, lease, Ran(outcome=Outcome.FAILED), every=60)
    await leave_lease(scene.hub, lease)
    await leave_lease(other, after, DONE, every=60)
    state = (await scene.hub.store.leases.states(["work"]))["work"]
    assert (state.last_outcome, state.runs, state.running) == (Outcome.DONE, 1, False)


async def test_it_is_kept_for_as_long_as_the_work_takes(scene: Scene) -> None:
    lease = await take_lease(scene.hub, "work", seconds=0.3)
    assert lease is not None
    may_end = asyncio.Event()
    work = asyncio.create_task(hold_lease(scene.hub, lease, may_end.wait))
    async with asyncio.timeout(10):
        await until(lambda: _was_renewed_for(scene, 0.6), within=5)
    assert await take_lease(scene.another_process(), "work") is None
    may_end.set()
    assert await work is True


async def _was_renewed_for(scene: Scene, seconds: float) -> bool:
    row = await scene.hub.store.leases.collection.find_one({"_id": "work"})
    assert row is not None
    return bool((row["until"] - row["taken_at"]).total_seconds() > seconds)


async def test_whoever_loses_it_stops(scene: Scene) -> None:
    lease = await take_lease(scene.hub, "work", seconds=0.3)
    assert lease is not None
    stopped = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    working = asyncio.create_task(hold_lease(scene.hub, lease, work))
    stolen = {"$set": {"owner": "another", "fence": lease.fence + 1}}
    await scene.hub.store.leases.collection.update_one({"_id": "work"}, stolen)
    with pytest.raises(LeaseLost):
        await asyncio.wait_for(working, 5)
    assert stopped.is_set()


async def test_a_run_is_not_repeated_before_its_time(scene: Scene) -> None:
    lease = await take_lease(scene.hub, "work")
    assert lease is not None
    await leave_lease(scene.hub, lease, DONE, every=60)
    assert await take_lease(scene.another_process(), "work", rested=30) is None
    assert await take_lease(scene.another_process(), "work", rested=0) is not None


async def test_a_late_run_of_the_same_owner_changes_nothing_of_its_newer_one(scene: Scene) -> None:
    leases = scene.hub.store.leases
    first, second = [await take_lease(scene.hub, "work") for _ in range(2)]
    assert first is not None
    assert second is not None
    assert first.owner == second.owner
    assert not await leases.renew(first)
    assert not await leases.release(first, Ran(outcome=Outcome.FAILED), 60)
    await leases.drop(first)
    assert (await leases.states(["work"]))["work"].running
    assert await leases.renew(second)
    assert await leases.release(second, DONE, 60)


async def test_what_was_noted_before_the_databases_clock_was_set_back_holds_nobody_up(scene: Scene) -> None:
    lease = await take_lease(scene.hub, "work")
    assert lease is not None
    await _put_ahead(scene, "until", "taken_at")
    other = scene.another_process()
    after = await take_lease(other, "work")
    assert after is not None
    assert not await scene.hub.store.leases.renew(lease)
    await leave_lease(other, after, DONE, every=60)
    assert await take_lease(scene.hub, "work", rested=30) is None
    await _put_ahead(scene, "last_run_at")
    assert await take_lease(scene.hub, "work", rested=30) is not None


async def _put_ahead(scene: Scene, *fields: str) -> None:
    """Let these times be as the database wrote them when its clock was an hour ahead of what it is now."""
    ahead = {field: {"$add": [f"${field}", 3_600_000]} for field in fields}
    await scene.hub.store.leases.collection.update_one({"_id": "work"}, [{"$set": ahead}])
