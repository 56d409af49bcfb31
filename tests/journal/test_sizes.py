"""How much one transaction holds, as it really is; and what becomes of one that the database calls too large."""

import asyncio
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from app.access import caller_with_key
from app.actions.create_contact import NewContact, create_contact
from app.actions.send_message import send_message
from app.errors import Internal, Refusal
from app.events import ContactUpdated
from app.journal import journal as journal_module
from app.journal import lane as lane_module
from app.journal import writing as writing_module
from app.journal.change import Change, Decision, Seen
from app.journal.faults import BatchRefused, WriteRefused, naming
from app.journal.lane import Lane
from app.journal.ledger import Ledger
from app.models.channel import Channel
from app.models.contact import Contact, Identity, Platform
from app.models.entity import ChannelId, CompanyId, ContactId, Entity, Ref
from app.outside.mongod import temporary_mongo
from app.stores.bulk import OperationRefused
from app.stores.codec import new_id
from tests.desk import Desk, open_desk
from tests.journal.test_journal import inbound, seqs_in_log


def named(desk: Desk, size: int) -> Change:
    """Return a change that stores a contact with a name of so many bytes."""
    contact = Contact(id=ContactId(new_id()), company_id=desk.company.id, name="n" * size, created_at=desk.hub.now())

    def decide(seen: Seen, now: datetime) -> Decision:
        return Decision(puts=(contact,), events=(ContactUpdated(contact=contact),))

    return Change(company_id=desk.company.id, key=contact.id, decide=decide)


@pytest.fixture
def ledgers(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[Ledger]:
    """What was committed from now on."""
    committed: list[Ledger] = []
    publish = desk.hub.journal._publish

    def listen(company_id: object, ledger: Ledger) -> None:
        committed.append(ledger)
        publish(desk.company.id, ledger)

    monkeypatch.setattr(desk.hub.journal, "_publish", listen)
    return committed


async def test_a_batch_holds_so_many_changes(
    desk: Desk, ledgers: list[Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_module, "MOST_CHANGES", 5)
    await asyncio.gather(*(desk.hub.journal.commit(named(desk, 1)) for _ in range(20)))
    assert [len(each.answers) for each in ledgers] == [5, 5, 5, 5]


async def test_a_batch_holds_so_many_bytes_whatever_an_action_writes(
    desk: Desk, ledgers: list[Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing_module, "MOST_BYTES", 40_000)
    caller = await caller_with_key(desk.hub, desk.key)
    (channel,) = await desk.hub.store.channels.all_of(desk.company.id)
    imported = [NewContact(name=f"{n}", identities=identities(channel, n)) for n in range(20)]
    await asyncio.gather(
        *(create_contact(desk.hub, caller, each) for each in imported),
        *(send_message(desk.hub, caller, inbound(desk, "x" * 4000)) for _ in range(20)),
    )
    assert all(each.size <= 40_000 or len(each.answers) == 1 for each in ledgers)
    assert sum(each.size for each in ledgers) >= 0.9 * await stored(desk)
    assert len(ledgers) < 30, "more than one change goes into a transaction"
    seqs = await seqs_in_log(desk)
    assert seqs == list(range(1, len(seqs) + 1))
    assert sum(len(each.answers) for each in ledgers) == 40


def identities(channel: Channel, number: int) -> tuple[Identity, ...]:
    """Return ten long identities of one contact."""
    ids = (f"{number}-{each}-{'x' * 300}" for each in range(10))
    return tuple(Identity(platform=Platform.WEB, channel_id=ChannelId(channel.id), external_id=id) for id in ids)


async def stored(desk: Desk) -> int:
    """Return the bytes of all that the journal wrote since the company was founded, but for its first contact."""
    total = 0
    for name in ("events", "contacts", "messages", "conversations"):
        bytes_of = {"$group": {"_id": None, "bytes": {"$sum": {"$bsonSize": "$$ROOT"}}}}
        total += sum([each["bytes"] async for each in await desk.hub.store.database[name].aggregate([bytes_of])])
    return total


async def test_a_change_larger_than_a_batch_goes_alone(
    desk: Desk, ledgers: list[Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing_module, "MOST_BYTES", 10_000)
    sizes = (1, 1, 30_000, 1, 1)
    await asyncio.gather(*(desk.hub.journal.commit(named(desk, size)) for size in sizes))
    assert max(len(each.answers) for each in ledgers if each.size > 10_000) == 1
    assert sum(len(each.answers) for each in ledgers) == len(sizes)


async def test_a_key_that_stands_in_a_batch_twice_is_spent_once_wherever_the_batch_is_cut(
    desk: Desk, ledgers: list[Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing_module, "MOST_BYTES", 10_000)
    changes = [replace(named(desk, 4000), claimed=True) for _ in range(6)]
    done = await asyncio.gather(*(desk.hub.journal.commit(change) for change in [*changes, *changes]))
    assert len(ledgers) > 2
    assert [each.replayed for each in done] == [False] * 6 + [True] * 6
    assert [each.seq for each in done[:6]] == [each.seq for each in done[6:]] == sorted(each.seq for each in done[:6])


async def test_a_batch_that_the_database_calls_too_large_is_halved_and_all_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing_module, "MOST_BYTES", 1 << 30)
    monkeypatch.setattr(journal_module, "DEADLINE", 60.0)
    tries = counted_tries(monkeypatch)
    async with temporary_mongo() as uri, open_desk(uri, tmp_path) as desk:
        small = {"setParameter": 1, "wiredTigerEngineRuntimeConfig": "cache_size=8M"}
        await desk.hub.store.client.admin.command(small)
        sizes = (1, *[40_000] * 60, 1)
        answers = await asyncio.gather(
            *(desk.hub.journal.commit(named(desk, size)) for size in sizes), return_exceptions=True
        )
        assert [each for each in answers if isinstance(each, BaseException)] == []
        assert await seqs_in_log(desk) == list(range(1, len(sizes) + 2))
    assert 1 < len(tries) < len(sizes), "not one change a try"


def counted_tries(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by a batch's length with each try."""
    tries: list[int] = []
    commit = Lane._commit

    async def counting(self: Lane, batch: list[object], *given: object, **named: object) -> object:
        tries.append(len(batch))
        return await commit(self, batch, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Lane, "_commit", counting)
    return tries


def test_only_what_is_wrong_with_an_operation_itself_is_held_against_its_change() -> None:
    change = Change(company_id=CompanyId(new_id()), key="k", decide=lambda seen, now: Decision())
    for code in (11000, 10334):
        with pytest.raises(WriteRefused) as refused, naming([change]):
            raise OperationRefused(0, {"code": code})
        assert refused.value.change is change
    for code in (388, 112, 121):
        with pytest.raises(BatchRefused), naming([change]):
            raise OperationRefused(0, {"code": code})


async def test_a_batch_that_is_refused_for_too_long_is_let_go(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.hub.store.database.command({"collMod": "contacts", "validator": {"name": {"$ne": "n"}}})
    monkeypatch.setattr(lane_module, "GIVE_UP", -1.0)
    tries = counted_tries(monkeypatch)
    answers = await asyncio.gather(*(desk.hub.journal.commit(named(desk, 1)) for _ in range(8)), return_exceptions=True)
    assert all(isinstance(each, Refusal) and each.retryable for each in answers)
    assert len(tries) == 1


async def test_a_document_that_the_database_refuses_costs_nobody_else_anything(desk: Desk) -> None:
    await desk.hub.store.database.command({"collMod": "contacts", "validator": {"name": {"$ne": "nn"}}})
    answers = await asyncio.gather(
        *(desk.hub.journal.commit(named(desk, 2 if n == 5 else 1)) for n in range(16)), return_exceptions=True
    )
    assert [isinstance(each, BaseException) for each in answers] == [n == 5 for n in range(16)]
    assert isinstance(answers[5], Internal)


async def test_a_decision_that_asks_without_end_is_refused_and_no_other(desk: Desk) -> None:
    def decide(seen: Seen, now: datetime) -> Decision:
        while True:
            seen.get(Contact.ref(new_id()))

    endless = Change(company_id=desk.company.id, key="endless", decide=decide)
    endless_one, other = await asyncio.gather(
        desk.hub.journal.commit(endless), desk.hub.journal.commit(named(desk, 1)), return_exceptions=True
    )
    assert isinstance(endless_one, Internal)
    assert not isinstance(other, BaseException)


async def test_names_that_change_hands_in_one_batch_do_whoever_holds_how_many(desk: Desk) -> None:
    (channel,) = await desk.hub.store.channels.all_of(desk.company.id)

    def identity(name: str) -> Identity:
        return Identity(platform=Platform.WEB, channel_id=ChannelId(channel.id), external_id=name)

    ids = [ContactId(new_id()) for _ in range(2)]

    def holding(which: int, *names: str) -> Change:
        ref = Contact.ref(ids[which])

        def decide(seen: Seen, now: datetime) -> Decision:
            before = seen.get(ref) or Contact(id=ids[which], company_id=desk.company.id, name="A", created_at=now)
            after = Contact(**{**before.__dict__, "identities": tuple(identity(name) for name in names)})
            return Decision(puts=(after,), events=(ContactUpdated(contact=after),))

        return Change(company_id=desk.company.id, key=new_id(), decide=decide, needs=(ref,))

    commit = desk.hub.journal.commit
    await asyncio.gather(commit(holding(0, "a", "b", "c")), commit(holding(1, "d")))
    for changes in (
        [holding(0, "b", "c"), holding(1, "a")],  # given up by who keeps two, taken by who has one then
        [holding(1, "d", "a")],
        [holding(1), holding(0, "b", "c", "a", "d")],
        [holding(0, "a"), holding(1, "b")],
        [holding(0, "c"), holding(1, "a"), holding(0, "b")],  # and swapped
    ):
        await asyncio.gather(*(commit(each) for each in changes))
    refs: list[Ref[Entity]] = [Contact.known_as(channel.id, name) for name in "abcd"]
    found = await desk.hub.store.contacts.load(desk.company.id, refs)
    assert {each.id: [i.external_id for i in each.identities] for each in found} == {ids[0]: ["b"], ids[1]: ["a"]}
