"""A journal that closes finishes what waits, and does not wait for a task that did not hear its end."""

import asyncio
from contextlib import suppress

import pytest

from app.errors import Draining, OutcomeUnknown
from app.journal import lane as lane_module
from app.journal.journal import Journal
from app.outside import kept
from tests.desk import Desk
from tests.journal.test_journal import seqs_in_log
from tests.journal.test_sizes import named


async def hard_of_hearing(told: list[int]) -> None:
    """Swallow the first cancellation, as the driver does that meets it in the middle of a query."""
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(60)
    told.append(1)
    await asyncio.sleep(60)


async def test_a_task_that_swallowed_its_cancellation_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "AGAIN", 0.01)
    told: list[int] = []
    task = asyncio.create_task(hard_of_hearing(told))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await kept.cancelled_for_good({task})
    assert told == [1]
    assert task.cancelled()


async def test_what_waits_in_a_lane_is_finished_when_the_journal_closes(desk: Desk) -> None:
    journal = Journal(desk.hub.store, desk.hub.now)
    await journal.start()
    waiting = [asyncio.ensure_future(journal.commit(named(desk, 1))) for _ in range(50)]
    await asyncio.sleep(0)  # they are in the lane, and nothing has begun
    await journal.close(patience=60)
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [each for each in answers if isinstance(each, BaseException)] == []
    assert await seqs_in_log(desk) == list(range(1, 52))
    with pytest.raises(Draining):
        await journal.commit(named(desk, 1))


async def test_what_was_not_begun_when_patience_ends_is_told_that_it_did_not_happen(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_module, "MOST_CHANGES", 1)
    journal = Journal(desk.hub.store, desk.hub.now)
    await journal.start()
    async with desk.hub.store.client.start_session() as session, await session.start_transaction():
        assert await desk.hub.store.streams.lock(desk.company.id, session)  # nobody else comes through
        waiting = [asyncio.ensure_future(journal.commit(named(desk, 1))) for _ in range(3)]
        await asyncio.sleep(0)
        await journal.close(patience=0.1)
        await session.abort_transaction()
    begun, *others = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(begun, OutcomeUnknown)
    assert all(isinstance(each, Draining) for each in others)
    assert await seqs_in_log(desk) == [1]
