"""The time is the database's, by the monotonic clock between two readings."""

from datetime import timedelta

from app.outside.clock import Clock
from app.settings import Settings
from app.stores.database import connect
from tests.desk import Desk
from tests.waiting import until

HOUR = 3_600_000.0  # milliseconds


def ahead(clock: Clock) -> float:
    """Return what a clock adds to the monotonic one, in milliseconds."""
    assert clock._ahead is not None
    return clock._ahead


async def test_it_is_the_databases_time(desk: Desk) -> None:
    rows = desk.hub.store.gates.collection
    earlier = desk.hub.now() - timedelta(milliseconds=100)
    await rows.insert_one({})
    await rows.update_one({}, [{"$set": {"at": "$$NOW"}}])
    row = await rows.find_one({})
    assert row is not None
    assert earlier <= row["at"] <= desk.hub.now() + timedelta(milliseconds=100)
    await rows.delete_many({})


async def test_a_slow_answer_does_not_spoil_what_a_quick_one_told(desk: Desk) -> None:
    clock = Clock(desk.hub.store.client)
    clock.told(HOUR, asked=1000, answered=1001)
    quick = ahead(clock)
    assert quick == HOUR - 1000.5
    clock.told(HOUR + 1000, asked=1100, answered=2900)  # it was given at 2000, or at any other time between
    assert ahead(clock) == quick
    clock.told(HOUR + 2000, asked=3000, answered=3001)  # the database's clock goes wrong by a millisecond
    assert ahead(clock) == quick
    clock.told(HOUR + 3010, asked=4000, answered=4001)
    assert ahead(clock) == quick + 10


async def test_a_database_whose_clock_is_set_is_followed(desk: Desk) -> None:
    async with Clock(desk.hub.store.client) as clock:
        right = ahead(clock)
        for wrong in (-HOUR, 2000.0, 25 * HOUR):
            clock._ahead = right + wrong
            await until(lambda: abs(ahead(clock) - right) < 1000, within=20)


async def test_it_goes_on_while_the_database_is_away(mongo_uri: str) -> None:
    async with connect(Settings(), mongo_uri) as client, Clock(client) as clock:
        await client.close()
        before = clock.now()
        await until(lambda: clock.now() > before + timedelta(milliseconds=20))
