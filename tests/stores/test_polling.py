"""A poll of the outbox costs what it may send, however much waits for channels that may not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio
from bson import ObjectId

from app.models.entity import ChannelId, ConversationId
from app.settings import Settings
from app.stores.database import connect, stores_in
from app.stores.lanes import Lanes

LONG_AGO, FAR_AWAY = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
BACKLOG = 3000


@pytest_asyncio.fixture
async def lanes(mongo_uri: str) -> AsyncIterator[Lanes]:
    """An outbox that nobody polls."""
    async with connect(Settings(), mongo_uri) as client:
        stores = stores_in(client, f"t{ObjectId()}")
        await stores.create_indexes()
        yield stores.lanes
        await client.drop_database(stores.database.name)


async def wait_on(lanes: Lanes, channel: ObjectId, number: int = 1, **more: Any) -> list[ObjectId]:
    """Let so many rows of a channel be due since long ago; return their ids."""
    row = {"company_id": ObjectId(), "channel_id": channel, "due_at": LONG_AGO, "deadline": FAR_AWAY, **more}
    found = await lanes.collection.insert_many([{**row, "_id": ObjectId()} for _ in range(number)])
    return list(found.inserted_ids)


@asynccontextmanager
async def looked_at(lanes: Lanes) -> AsyncIterator[list[int]]:
    """Count the documents and index keys that the database looks at for the outbox meanwhile."""
    counts: list[int] = []
    await lanes.database.command({"profile": 2})
    try:
        yield counts
    finally:
        await lanes.database.command({"profile": 0})
    queries = lanes.database.get_collection("system.profile").find({"ns": lanes.collection.full_name})
    counts += [query["docsExamined"] + query["keysExamined"] async for query in queries]


def ids(rows: list[Any]) -> list[str]:
    return [row.id for row in rows]


async def test_rows_of_channels_that_are_shut_or_busy_cost_nothing(lanes: Lanes) -> None:
    shut, busy, well = ObjectId(), ObjectId(), ObjectId()
    for channel in (shut, busy):
        await wait_on(lanes, channel, BACKLOG)
    wanted = await wait_on(lanes, well, 3, due_at=LONG_AGO + timedelta(days=1))
    async with looked_at(lanes) as counts:
        found = await lanes.due([ChannelId(str(shut)), ChannelId(str(busy))], 500)
    assert set(ids(found)) == {str(each) for each in wanted}
    assert len(counts) == 3
    assert sum(counts) <= 30


async def test_a_backlog_costs_no_more_than_what_is_taken_in(lanes: Lanes) -> None:
    first, second = ObjectId(), ObjectId()
    await wait_on(lanes, first, BACKLOG, due_at=LONG_AGO + timedelta(days=1))
    (oldest,) = await wait_on(lanes, second)
    async with looked_at(lanes) as counts:
        found = await lanes.due([], 10)
    assert len(found) == 10
    assert found[0].id == str(oldest)
    assert sum(counts) <= 50


async def test_of_more_channels_than_one_query_takes_the_rows_that_wait_longest_come_first(lanes: Lanes) -> None:
    for place in range(250):
        await wait_on(lanes, ObjectId(), due_at=FAR_AWAY if place % 10 else LONG_AGO + timedelta(seconds=250 - place))
    found = await lanes.due([], 20)
    due = [await lanes.collection.find_one({"_id": ObjectId(row.id)}) for row in found]
    assert [row["due_at"] for row in due if row] == sorted(LONG_AGO + timedelta(seconds=n) for n in range(10, 210, 10))


async def test_what_is_over_its_deadline_comes_whatever_its_channel_is(lanes: Lanes) -> None:
    shut = ObjectId()
    await wait_on(lanes, shut, BACKLOG)
    over = await wait_on(lanes, shut, 2, deadline=LONG_AGO)
    async with looked_at(lanes) as counts:
        found = await lanes.due([ChannelId(str(shut))], 500)
    assert set(ids(found)) == {str(each) for each in over}
    assert sum(counts) <= 30


async def test_what_is_leased_or_due_later_is_not_due(lanes: Lanes) -> None:
    channel = ObjectId()
    await wait_on(lanes, channel, due_at=FAR_AWAY)
    (leased,) = await wait_on(lanes, channel)
    await lanes.collection.update_one({"_id": leased}, {"$unset": {"due_at": 0}, "$set": {"lease_until": FAR_AWAY}})
    assert await lanes.due([], 500) == []
    assert await lanes.due([ChannelId(str(channel))], 500) == []


async def test_a_row_waits_no_longer_than_until_its_deadline(lanes: Lanes) -> None:
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=60)
    waits, over = await wait_on(lanes, ObjectId(), deadline=soon) + await wait_on(lanes, ObjectId(), deadline=LONG_AGO)
    assert await lanes.put_off(ConversationId(str(waits)), 300)
    row = await lanes.collection.find_one({"_id": waits})
    assert row is not None
    assert row["due_at"] == soon
    assert not await lanes.put_off(ConversationId(str(over)), 300)


async def test_a_turn_that_is_given_back_is_due_at_its_deadline_at_the_latest(lanes: Lanes) -> None:
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=60)
    (id,) = await wait_on(lanes, ObjectId(), deadline=soon, message_id=ObjectId(), fence=1, attempts=0)
    turn = await lanes.claim(ConversationId(str(id)))
    assert turn is not None
    await lanes.release(turn, 300)
    row = await lanes.collection.find_one({"_id": id})
    assert row is not None
    assert (row["due_at"], row["attempts"]) == (soon, 0)


async def test_who_claimed_a_row_before_another_gives_nothing_back(lanes: Lanes) -> None:
    (id,) = await wait_on(lanes, ObjectId(), message_id=ObjectId(), fence=1, attempts=0)
    stood_still = await lanes.claim(ConversationId(str(id)))
    assert stood_still is not None
    await lanes.collection.update_one({"_id": id}, {"$set": {"lease_until": LONG_AGO}})
    taken_over = await lanes.claim(ConversationId(str(id)), expired=True)
    assert taken_over is not None
    before = await lanes.collection.find_one({"_id": id})
    await lanes.release(stood_still, 0.0)
    assert await lanes.collection.find_one({"_id": id}) == before
    await lanes.release(taken_over, 0.0)
    assert ids(await lanes.due([], 10)) == [str(id)]
