"""The outbox's rows in a transaction of the journal: the step that does not fit is named, and no other."""

import asyncio
from datetime import timedelta

import pytest

from app.errors import BeingSent
from app.events import ContactUpdated
from app.journal.change import Change, Decision, Seen
from app.models.contact import Contact
from app.models.entity import ChannelId, ConversationId, MessageId
from app.models.outbox import LaneStep, Waiting
from app.stores.codec import new_id, object_id
from app.stores.lanes import StepRefused
from tests.desk import Desk


def step_of(desk: Desk, id: str, *, opens: bool = False) -> LaneStep:
    """Return a step that opens a row, or gives an existing one, which must not be leased, another head."""
    return LaneStep(
        id=ConversationId(id),
        company_id=desk.company.id,
        channel_id=ChannelId(new_id()),
        head=Waiting(id=MessageId(new_id()), deadline=desk.hub.now() + timedelta(hours=1)),
        after=600.0,
        opens=opens,
    )


async def rows(desk: Desk, number: int) -> list[str]:
    """Make rows that wait; return their ids."""
    ids = [new_id() for _ in range(number)]
    async with desk.hub.store.client.start_session() as session, await session.start_transaction():
        await desk.hub.store.lanes.take([step_of(desk, id, opens=True) for id in ids], session)
    return ids


async def lease(desk: Desk, id: str, *, leased: bool) -> None:
    """Let somebody claim a row, or give it back."""
    change = {"$set": {"lease_until": desk.hub.now()}} if leased else {"$unset": {"lease_until": ""}}
    await desk.hub.store.lanes.collection.update_one({"_id": object_id(id)}, change)


async def test_a_row_that_fits_again_a_moment_later_leaves_no_innocent_step_to_blame(desk: Desk) -> None:
    lanes = desk.hub.store.lanes
    innocent, claimed = await rows(desk, 2)
    steps = [step_of(desk, innocent), step_of(desk, claimed)]
    await lease(desk, claimed, leased=True)
    async with desk.hub.store.client.start_session() as session:
        for one_by_one, named in ((False, None), (True, steps[1])):
            await session.start_transaction()
            await lanes.collection.find_one({"_id": object_id(claimed)}, session=session)  # from here on it is leased
            await lease(desk, claimed, leased=False)
            with pytest.raises(StepRefused) as refused:
                await lanes.take(steps, session, one_by_one=one_by_one)
            assert refused.value.step is named
            await session.abort_transaction()
            await lease(desk, claimed, leased=True)


async def test_of_a_batch_only_the_change_whose_row_is_claimed_is_refused(desk: Desk) -> None:
    ids = await rows(desk, 5)
    await lease(desk, ids[3], leased=True)
    contact = Contact.ref(desk.contact_id)

    def change(id: str) -> Change:
        def decide(seen: Seen, now: object) -> Decision:
            customer = seen.get(contact)
            assert customer is not None
            return Decision(events=(ContactUpdated(contact=customer),), lanes=(step_of(desk, id),))

        return Change(company_id=desk.company.id, key=id, decide=decide, needs=(contact,))

    answers = await asyncio.gather(*(desk.hub.journal.commit(change(id)) for id in ids), return_exceptions=True)
    assert [isinstance(each, BeingSent) for each in answers] == [False, False, False, True, False]
    assert not [each for each in answers if isinstance(each, BaseException) and not isinstance(each, BeingSent)]
