"""Beats: the living are not taken for dead, whatever the clocks say, and a beat that falls over goes on."""

import time
from datetime import timedelta

from app.journal.writers import LOOK_AGAIN, STEADY, WATCHED, Writer
from app.main import open_hub
from app.stores.codec import Document
from tests.desk import Desk
from tests.waiting import until


def writer_of(desk: Desk) -> Writer:
    writer = desk.hub.journal._writer
    assert writer is not None
    return writer


async def row_of(desk: Desk, writer: Writer) -> Document:
    row = await desk.hub.store.writers.collection.find_one({"_id": writer.id})
    assert row is not None
    return row


async def test_a_beat_that_falls_over_goes_on(desk: Desk) -> None:
    writer = writer_of(desk)
    writer.sessions.append(None)  # type: ignore[arg-type]  # whose id nobody can say
    (task,) = writer._tasks
    await until(task.done, within=20)
    writer.sessions.pop()
    before = (await row_of(desk, writer))["seen_at"]

    async def beats() -> bool:
        return bool((await row_of(desk, writer))["seen_at"] > before)

    await until(beats, within=20)


async def test_when_the_databases_clock_is_ahead_of_what_it_was_nobody_alive_is_taken_for_dead(desk: Desk) -> None:
    async with open_hub(desk.hub.settings, desk.uri) as other:
        theirs = other.journal._writer
        assert theirs is not None
        was = (await row_of(desk, theirs))["seen_at"]
        await desk.hub.store.writers.collection.update_one(
            {"_id": theirs.id}, {"$set": {"seen_at": was - timedelta(hours=1)}}
        )
        await writer_of(desk).free_dead()
        assert await row_of(desk, theirs), "it was not ended"


def silent(beat: int = 1) -> Document:
    return {"_id": "other", "seen_at": beat}


async def test_who_does_not_beat_while_we_do_is_dead_after_a_while(desk: Desk) -> None:
    writer = watching(desk)
    assert writer._dead([silent()]) == []
    writer._watched["other"] = (1, time.monotonic() - WATCHED - 0.1)
    assert writer._dead([silent(beat=2)]) == [], "it has beaten"
    writer._watched["other"] = (2, time.monotonic() - WATCHED - 0.1)
    assert writer._dead([silent(beat=2)]) == [silent(beat=2)]
    assert writer._dead([]) == []
    assert writer._dead([silent(beat=2)]) == [], "it was alive in between"


async def test_nobody_is_dead_as_long_as_our_own_beats_do_not_go_through(desk: Desk) -> None:
    writer = watching(desk)
    writer._watched["other"] = (1, time.monotonic() - 60)
    writer._beaten = time.monotonic() - STEADY - 0.1
    assert writer._dead([silent()]) == []
    await writer._beat()
    assert writer._dead([silent()]) == [], "others may not have had the time to beat again"
    writer._steady_since -= WATCHED + 0.1
    writer._watched["other"] = (1, time.monotonic() - 60)
    assert writer._dead([silent()]) == [silent()]


async def test_a_dead_writer_is_ended_and_looked_for_now_and_then_only(desk: Desk) -> None:
    writer, writers = watching(desk), desk.hub.store.writers.collection
    long_ago = desk.hub.now() - timedelta(hours=1)
    await writers.insert_many([{"_id": name, "sessions": [], "seen_at": long_ago} for name in ("dead", "new")])
    await writer.free_dead()
    assert await writers.count_documents({"seen_at": long_ago}) == 2, "they are watched first"
    writer._watched["dead"] = (writer._watched["dead"][0], time.monotonic() - WATCHED - 0.1)
    await writer.free_dead()
    assert await writers.count_documents({"seen_at": long_ago}) == 2, "a moment ago was the last look"
    writer._looked -= LOOK_AGAIN
    await writer.free_dead()
    assert [each["_id"] async for each in writers.find({"seen_at": long_ago})] == ["new"]


async def test_no_writer_takes_itself_for_dead(desk: Desk) -> None:
    writer = watching(desk)
    mine = {"_id": writer.id, "seen_at": 1}
    writer._watched[writer.id] = (1, time.monotonic() - 60)
    assert writer._dead([mine]) == []


def watching(desk: Desk) -> Writer:
    """Return a writer whose beats have gone through for a while."""
    writer = Writer(desk.hub.store, 0)
    writer._beaten = time.monotonic()
    writer._steady_since = writer._beaten - 60
    return writer
