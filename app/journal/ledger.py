"""Hand out seqs to one batch, and collect what it writes, says and answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from app.errors import IdempotencyConflict, Internal, Refusal
from app.events import FIELDS, Event
from app.journal.change import Change, Committed, Decision, NotLoaded, Recorded, Seen
from app.journal.memory import Draft
from app.models.entity import CompanyId, Entity, evolve
from app.models.wire import to_json

Answer = Committed | Refusal
Name = tuple[type[Entity], str]


@dataclass(frozen=True, slots=True)
class Put:
    """One thing to write: as it shall be, for which change, and whether it is new in this batch."""

    entity: Entity
    change: Change
    new: bool


class Ledger:
    """One batch as it will be committed; nothing here is true before the commit."""

    def __init__(self, company_id: CompanyId, head: int, draft: Draft, now: datetime) -> None:
        self.company_id = company_id
        self.head = head
        self.draft = draft
        self.now = now
        self.puts: dict[Name, Put] = {}
        self.events: list[Recorded] = []
        self.owners: list[Change] = []
        self.answers: list[tuple[Change, Answer]] = []
        self._said: dict[str, tuple[str, Committed]] = {}

    def record(self, change: Change, known: Mapping[str, Recorded], report: Callable[[Change], None]) -> None:
        """Decide one change on top of those before it; a known key is answered as its first event was."""
        if change.key in known:
            self.answers.append((change, replayed(change, known[change.key])))
        elif change.key in self._said:
            digest, first = self._said[change.key]
            self.answers.append(
                (change, replace(first, replayed=True) if digest == change.digest else IdempotencyConflict())
            )
        else:
            self.answers.append((change, self._attempt(change, report)))

    def _attempt(self, change: Change, report: Callable[[Change], None]) -> Answer:
        try:
            return self._write(change, change.decide(Seen(self.draft), self.now))
        except NotLoaded:
            raise
        except Refusal as refusal:
            return refusal
        except Exception:  # noqa: BLE001 — a mistake in one decision is that change's answer, never the batch's
            report(change)
            return Internal()

    def _write(self, change: Change, decision: Decision) -> Committed:
        stamped: dict[Name, Entity] = {(type(entity), entity.id): entity for entity in decision.puts}
        born = {name for name, entity in stamped.items() if not entity.seq}
        said = [self._say(change, event, stamped, first=not i) for i, event in enumerate(decision.events)]
        for name, entity in stamped.items():
            self._put(change, name, entity if entity.seq else entity.stamped(self.head), new=name in born)
        payload = said[0][1] if said else {}
        committed = Committed(seq=said[0][0] if said else self.head, payload=payload, answer=decision.answer)
        if said:
            self._said[change.key] = (change.digest, committed)
        return committed

    def _put(self, change: Change, name: Name, entity: Entity, *, new: bool) -> None:
        earlier = self.puts.get(name)
        self.puts[name] = Put(entity, change, new=new or (earlier is not None and earlier.new))
        self.draft.put(entity)

    def _say(
        self, change: Change, event: Event, stamped: dict[Name, Entity], *, first: bool
    ) -> tuple[int, dict[str, Any]]:
        """Give the event the next seq, stamp what it carries, and write it down as JSON, once for everyone."""
        self.head += 1
        event = self._stamp(event, stamped)
        payload = event.payload()
        head = {
            "type": event.type,
            "at": self.now,
            "company_id": self.company_id,
            "conversation_id": event.conversation_id,
        }
        self.events.append(
            Recorded(
                self.company_id,
                self.head,
                event.type,
                event.conversation_id,
                self.now,
                to_json({**head, **payload}),
                change.key if first else None,
                change.digest if first else None,
            )
        )
        self.owners.append(change)
        return self.head, payload

    def _stamp(self, event: Event, stamped: dict[Name, Entity]) -> Event:
        changes: dict[str, Any] = {}
        for field in FIELDS[type(event)]:
            carried = getattr(event, field)
            name = (type(carried), carried.id) if isinstance(carried, Entity) else None
            if name in stamped:
                changes[field] = stamped[name] = stamped[name].stamped(self.head)
        return evolve(event, **changes) if changes else event


def replayed(change: Change, event: Recorded) -> Answer:
    """Answer a change whose key the log knows already."""
    if event.digest != change.digest:
        return IdempotencyConflict()
    return Committed(seq=event.seq, payload=orjson.loads(event.body), replayed=True)
