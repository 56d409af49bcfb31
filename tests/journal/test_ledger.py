"""Decisions of one batch, without a database."""

from dataclasses import replace
from datetime import UTC, datetime

from app.errors import ConversationClosed, IdempotencyConflict, Internal
from app.events import ContactUpdated
from app.journal.change import Change, Committed, Decision, Recorded, Seen
from app.journal.ledger import Ledger
from app.journal.memory import Memory
from app.models.contact import Contact, Identity, Platform
from app.models.entity import ChannelId, CompanyId, ContactId
from app.stores.codec import new_id

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
COMPANY = CompanyId(new_id())


def ann(**more: object) -> Contact:
    return Contact(id=ContactId(new_id()), company_id=COMPANY, name="Ann", created_at=NOW, **more)  # type: ignore[arg-type]


def saying(contact: Contact, key: str, digest: str = "same") -> Change:
    def decide(seen: Seen, now: datetime) -> Decision:
        return Decision(puts=(contact,), events=(ContactUpdated(contact=contact),))

    return Change(company_id=COMPANY, key=key, digest=digest, decide=decide)


def ledger_at(head: int) -> tuple[Ledger, list[Change]]:
    reported: list[Change] = []
    return Ledger(COMPANY, head, Memory().draft(), NOW), reported


def record(ledger: Ledger, *changes: Change) -> list[object]:
    for change in changes:
        ledger.record(change, {}, lambda _: None)
    return [answer for _, answer in ledger.answers]


def test_each_event_takes_the_next_seq_and_stamps_what_it_carries() -> None:
    ledger, _ = ledger_at(41)
    first, second = record(ledger, saying(ann(), "a"), saying(ann(), "b"))
    assert isinstance(first, Committed)
    assert isinstance(second, Committed)
    assert (first.seq, second.seq, ledger.head) == (42, 43, 43)
    assert first.payload["contact"]["seq"] == first.payload["contact"]["version"] == 42


def test_a_later_event_changes_the_version_and_never_the_seq() -> None:
    ledger, _ = ledger_at(41)
    known = replace(ann(), seq=7, version=7)
    (answer,) = record(ledger, saying(known, "a"))
    assert isinstance(answer, Committed)
    assert (answer.payload["contact"]["seq"], answer.payload["contact"]["version"]) == (7, 42)


def test_the_same_key_in_one_batch_is_done_once() -> None:
    ledger, _ = ledger_at(0)
    first, again, other = record(ledger, saying(ann(), "a"), saying(ann(), "a"), saying(ann(), "a", digest="other"))
    assert isinstance(first, Committed)
    assert isinstance(again, Committed)
    assert (again.seq, again.payload, again.replayed) == (first.seq, first.payload, True)
    assert isinstance(other, IdempotencyConflict)
    assert len(ledger.events) == 1


def test_a_refusal_is_one_changes_answer_and_not_the_batchs() -> None:
    def refuse(seen: Seen, now: datetime) -> Decision:
        raise ConversationClosed

    ledger, _ = ledger_at(0)
    refused, done = record(ledger, Change(company_id=COMPANY, key="r", decide=refuse), saying(ann(), "a"))
    assert isinstance(refused, ConversationClosed)
    assert isinstance(done, Committed)
    assert done.seq == 1


def test_a_mistake_in_one_decision_is_reported_and_harms_no_other() -> None:
    def fail(seen: Seen, now: datetime) -> Decision:
        raise ZeroDivisionError

    ledger, reported = ledger_at(0)
    broken = Change(company_id=COMPANY, key="f", decide=fail)
    ledger.record(broken, {}, reported.append)
    ledger.record(saying(ann(), "a"), {}, reported.append)
    answers = [answer for _, answer in ledger.answers]
    assert isinstance(answers[0], Internal)
    assert isinstance(answers[1], Committed)
    assert reported == [broken]


def test_each_decision_sees_what_the_one_before_it_decided() -> None:
    contact = ann()

    def rename(seen: Seen, now: datetime) -> Decision:
        known = seen.get(Contact.ref(contact.id))
        assert known is not None
        after = replace(known, name=known.name + "e")
        return Decision(puts=(after,), events=(ContactUpdated(contact=after),))

    ledger, _ = ledger_at(0)
    changes = [saying(contact, "a"), *(Change(company_id=COMPANY, key=f"r{n}", decide=rename) for n in range(2))]
    *_, last = record(ledger, *changes)
    assert isinstance(last, Committed)
    assert last.payload["contact"]["name"] == "Annee"
    assert len(ledger.puts) == 1, "one write for a thing, however often it changed"


def test_a_name_that_was_given_up_is_free_again() -> None:
    channel = ChannelId(new_id())
    identity = Identity(platform=Platform.WEB, channel_id=channel, external_id="ann")
    draft = Memory().draft()
    contact = ann(identities=(identity,))
    draft.put(contact)
    assert draft[Contact.known_as(channel, "ann")] == contact
    draft.put(replace(contact, identities=()))
    assert draft[Contact.known_as(channel, "ann")] is None


def test_a_key_that_the_log_knows_is_answered_as_it_was_and_writes_nothing() -> None:
    ledger, _ = ledger_at(41)
    again, other = saying(ann(), "a"), saying(ann(), "a", digest="other")
    known = {"a": Recorded(COMPANY, 7, "x", None, NOW, b'{"contact":{"name":"Ann"}}', "a", "same")}
    for change in (again, other):
        ledger.record(change, known, lambda _: None)
    (_, replayed), (_, refused) = ledger.answers
    assert replayed == Committed(seq=7, payload={"contact": {"name": "Ann"}}, replayed=True)
    assert isinstance(refused, IdempotencyConflict)
    assert (ledger.head, ledger.puts, ledger.events) == (41, {}, [])
