"""Hand out seqs to one batch, and collect what it writes, says and answers."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson

from app.errors import BeingSent, Fenced, IdempotencyConflict, Internal, Refusal
from app.events import CARRIED, Event
from app.journal.change import Change, Committed, Decision, NotLoaded, Recorded, Seen
from app.journal.memory import Draft
from app.journal.parcels import Parcel, Put
from app.models.entity import CompanyId, Entity, evolve
from app.models.outbox import LaneStep, whole
from app.models.wire import to_json

Answer = Committed | Refusal

BESIDE = 256  # bytes that the log keeps beside an event: its place, key and digest


class Ledger:
    """One batch as it will be committed; nothing here is true before the commit."""

    def __init__(self, company_id: CompanyId, head: int, draft: Draft, now: datetime) -> None:
        self.company_id = company_id
        self.head = head
        self.draft = draft
        self.now = now
        self.puts: dict[str, Put] = {}
        self.parcels: list[Parcel] = []
        self.said = 0  # bytes of the events, and of what the log keeps beside each
        self.events: list[Recorded] = []
        self.owners: list[Change] = []
        self.answers: list[tuple[Change, Answer]] = []
        self.lanes: dict[str, list[tuple[LaneStep, Change]]] = {}
        self._said: dict[str, tuple[str, Committed]] = {}

    def record(self, change: Change, known: Mapping[str, Recorded], report: Callable[[Change], None]) -> None:
        """Decide one change on top of those before it; a known key is answered as its first event was."""
        if change.key in known:
            self.answers.append((change, replayed(change, known[change.key])))
        elif (repeated := self.repeated(change)) is not None:
            self.answers.append((change, repeated))
        else:
            self.answers.append((change, self._attempt(change, report)))

    def repeated(self, change: Change) -> Answer | None:
        """Return the answer to a change whose key was spent here, as the log would give it; None for any other."""
        if change.key not in self._said:
            return None
        digest, first = self._said[change.key]
        return replace(first, replayed=True) if digest == change.digest else IdempotencyConflict()

    @property
    def size(self) -> int:
        """Return how many bytes are written."""
        return self.said + sum(parcel.size for parcel in self.parcels)

    def spends_every_key(self) -> bool:
        """Tell whether a unique index will see each key that a client chose; a refused change must look its own up."""
        return all(change.key in self._said for change, _ in self.answers if change.claimed)

    def _attempt(self, change: Change, report: Callable[[Change], None]) -> Answer:
        head, events, said = self.head, len(self.events), self.said
        try:
            return self._write(change, change.decide(Seen(self.draft), self.now))
        except NotLoaded:
            raise
        except Refusal as refusal:
            return refusal
        except Exception:  # noqa: BLE001 — a mistake in one decision is that change's answer, never the batch's
            self.head, self.said = head, said
            del self.events[events:], self.owners[events:]
            report(change)
            return Internal()

    def _write(self, change: Change, decision: Decision) -> Committed:
        self._require_moves(decision.lanes)
        settled = {entity.id: entity for entity in decision.puts}  # ids are unique, whatever they are of
        first: tuple[int, dict[str, Any]] | None = None
        for event in decision.events:
            said = self._say(change, event, settled, first=first is None)
            first = first or said
        for entity in decision.puts:
            # A company's web channel is stored before its log begins: it has no seq, and is there all the same.
            is_new = not entity.seq and not self.draft.holds(entity)
            self._put(change, settled[entity.id], new=is_new)
        for step in decision.lanes:
            self.lanes.setdefault(step.id, []).append((step, change))
        if first is None:
            return Committed(seq=self.head, answer=decision.answer)
        committed = Committed(seq=first[0], payload=first[1], answer=decision.answer)
        self._said[change.key] = (change.digest, committed)
        return committed

    def _require_moves(self, steps: tuple[LaneStep, ...]) -> None:
        """Refuse what cannot follow what this batch did in the outbox before. Raises Fenced, BeingSent."""
        for step in steps:
            before = self.lanes.get(step.id)
            if before and not step.may_follow(before[-1][0]):
                raise BeingSent if step.fence is None else Fenced

    def moves(self) -> list[tuple[LaneStep, Change]]:
        """Return one step for each row of the outbox, with the change that answers for it."""
        joined = ((whole([step for step, _ in steps]), steps[0][1]) for steps in self.lanes.values())
        return [(step, change) for step, change in joined if step is not None]

    def _put(self, change: Change, entity: Entity, *, new: bool) -> None:
        if not entity.seq:
            entity = entity.stamped(self.head)
        earlier = self.puts.get(entity.id)
        self.puts[entity.id] = Put(entity, change, new or (earlier is not None and earlier.new))
        self.draft.put(entity)

    def _say(
        self, change: Change, event: Event, settled: dict[str, Entity], *, first: bool
    ) -> tuple[int, dict[str, Any]]:
        """Give the event the next seq, stamp what it carries, and write it down as JSON, once for everyone."""
        self.head = seq = self.head + 1
        event = self._stamp(event, settled)
        payload, conversation_id = event.payload(), event.conversation_id
        said = {
            "type": event.type,
            "at": self.now,
            "company_id": self.company_id,
            "conversation_id": conversation_id,
            **payload,
        }
        key, digest = (change.key, change.digest) if first else (None, None)
        body = to_json(said)
        self.said += len(body) + BESIDE
        self.events.append(Recorded(self.company_id, seq, event.type, conversation_id, self.now, body, key, digest))
        self.owners.append(change)
        return seq, payload

    def _stamp(self, event: Event, settled: dict[str, Entity]) -> Event:
        changes: dict[str, Any] = {}
        for field in CARRIED[event.__class__]:
            id = getattr(event, field).id
            if id in settled:
                changes[field] = settled[id] = settled[id].stamped(self.head)
        return evolve(event, **changes) if changes else event


def replayed(change: Change, event: Recorded) -> Answer:
    """Answer a change whose key the log knows already."""
    if event.digest != change.digest:
        return IdempotencyConflict()
    return Committed(seq=event.seq, payload=orjson.loads(event.body), replayed=True)
