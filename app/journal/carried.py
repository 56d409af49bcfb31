"""Events as one process rings them to another: a line of facts, then the bodies as they are."""

from collections.abc import Sequence
from datetime import UTC, datetime

import orjson

from app.journal.change import Recorded
from app.models.entity import CompanyId


def packed(epoch: str, events: Sequence[Recorded]) -> bytes:
    """Return a batch of one company's events; keys stay here, since only the log is asked for them."""
    facts = [
        (event.seq, event.type, event.conversation_id, round(event.at.timestamp() * 1000), len(event.body))
        for event in events
    ]
    return b"\n".join((orjson.dumps([epoch, facts]), b"".join(event.body for event in events)))


def unpacked(company_id: CompanyId, carried: bytes) -> tuple[str, list[Recorded]]:
    """Return the epoch and the events of a batch. Raises ValueError for what is none."""
    line, _, bodies = carried.partition(b"\n")
    epoch, facts = orjson.loads(line)
    events, begins = [], 0
    for seq, kind, conversation_id, at, size in facts:
        body = bodies[begins : begins + size]
        events.append(Recorded(company_id, seq, kind, conversation_id, datetime.fromtimestamp(at / 1000, UTC), body))
        begins += size
    if begins != len(bodies):
        raise ValueError("a batch of events of another length than it says")
    return epoch, events
