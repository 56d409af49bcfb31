"""What every journaled thing shares: an id, a company, and its place in the company's order."""

from dataclasses import dataclass
from typing import Any, ClassVar, Generic, NamedTuple, NewType, Self, TypeVar

CompanyId = NewType("CompanyId", str)
ContactId = NewType("ContactId", str)
ChannelId = NewType("ChannelId", str)
ConversationId = NewType("ConversationId", str)
MessageId = NewType("MessageId", str)
UserId = NewType("UserId", str)
KeyId = NewType("KeyId", str)
SessionId = NewType("SessionId", str)
AppointmentId = NewType("AppointmentId", str)
GrantId = NewType("GrantId", str)

OBJECT_IDS = (CompanyId, ContactId, ChannelId, ConversationId, MessageId, UserId, KeyId, SessionId)

E_co = TypeVar("E_co", bound="Entity", covariant=True)


class Ref(NamedTuple, Generic[E_co]):
    """A question that the journal can answer under the lock: the thing of this kind, by its id or by a natural name."""

    kind: "type[E_co]"
    by: str
    value: object


T = TypeVar("T")


def evolve(thing: T, **changes: Any) -> T:
    """Return a copy with some fields changed: for classes without slots, `replace` at a twentieth of its cost.

    Every message is stamped, counted and linked this way, so it is on the path of each.
    """
    copy = object.__new__(type(thing))
    copy.__dict__.update(thing.__dict__, **changes)
    return copy


@dataclass(frozen=True, kw_only=True)
class Entity:
    """A thing that only the journal writes.

    `seq` is that of the event which created it, for ever; `version` is that of the event which last changed it.
    """

    kind: ClassVar[str]
    remembered: ClassVar[bool] = True  # whether the next decisions are likely to look at it again
    id: str
    company_id: CompanyId
    seq: int = 0
    version: int = 0

    @classmethod
    def ref(cls, id: str) -> Ref[Self]:
        """Ask for one by its id."""
        return tuple.__new__(Ref, (cls, "id", id))  # a tenth of a microsecond, on every message's path

    def names(self) -> tuple[Ref["Entity"], ...]:
        """Return the natural names under which this can be found, besides its id."""
        return ()

    def stamped(self, seq: int) -> Self:
        """Return this as the event `seq` leaves it."""
        return evolve(self, version=seq, seq=self.seq or seq)
