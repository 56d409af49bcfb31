"""Where an outbound message stands on its way to the customer."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Self

from app.models.entity import evolve
from app.models.failure import Failure, FailureClass


class DeliveryState(StrEnum):
    """What became of an outbound message."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    CANCELED = "canceled"


# How far along each is; what is not here is no step on the way.
RANK = {DeliveryState.SENT: 1, DeliveryState.DELIVERED: 2, DeliveryState.READ: 3}


class Marks(NamedTuple):
    """How far a conversation is read by the staff, and has reached the customer and was read there, in seqs."""

    read: int = 0
    customer_delivered: int = 0
    customer_read: int = 0


@dataclass(frozen=True, kw_only=True)
class Part:
    """One of the pieces that a platform knows a message by; most messages have one."""

    index: int
    external_id: str | None
    state: str

    @property
    def is_there(self) -> bool:
        """Tell whether the platform has it, as far as is known: it may refuse it later."""
        return self.state != DeliveryState.FAILED


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """How it stands, since when, and why.

    While it is queued it is tried when `due_at` has come and until `deadline`. `kind`, `code` and `reason` are those of
    the last failure, if the last try was one; `retryable` says whether a person may have more luck. `sent_at` is when
    its last piece was handed over: the platform's own time of it is not earlier. `queued_seq` is the seq at which a
    person put it into the queue again, 0 until that is known: what went out between is no proof that this arrived.
    """

    state: DeliveryState
    attempts: int = 0
    due_at: datetime | None = None
    deadline: datetime | None = None
    queued_seq: int | None = None
    sent_at: datetime | None = None
    kind: FailureClass | None = None
    code: str | None = None
    reason: str | None = None
    retryable: bool | None = None

    @classmethod
    def queued(cls, now: datetime, deadline: datetime, *, again: bool = False) -> "Delivery":
        """Return the start of one, or of another try `again` by a person's choice."""
        return cls(state=DeliveryState.QUEUED, due_at=now, deadline=deadline, queued_seq=0 if again else None)

    @property
    def is_queued(self) -> bool:
        """Tell whether it still waits to be sent."""
        return self.state is DeliveryState.QUEUED

    def sent(self, at: datetime, attempts: int) -> Self:
        """Return it as handed over."""
        clean = {"due_at": None, "kind": None, "code": None, "reason": None, "retryable": None}
        return evolve(self, state=DeliveryState.SENT, sent_at=at, attempts=attempts, **clean)

    def put_off(self, failure: Failure, due_at: datetime, attempts: int) -> Self:
        """Return it as waiting for another try."""
        return evolve(self._after(failure), due_at=due_at, attempts=attempts)

    def failed(self, failure: Failure, attempts: int) -> Self:
        """Return it as ended by a failure: `uncertain` when it may have arrived all the same."""
        uncertain = failure.kind is FailureClass.UNCERTAIN
        state = DeliveryState.UNCERTAIN if uncertain else DeliveryState.FAILED
        ended = evolve(self._after(failure), state=state, attempts=attempts, due_at=None)
        return evolve(ended, retryable=failure.may_be_retried)

    def canceled(self) -> Self:
        """Return it as called off."""
        return evolve(self, state=DeliveryState.CANCELED, due_at=None, retryable=True)

    def _after(self, failure: Failure) -> Self:
        return evolve(self, kind=failure.kind, code=failure.code, reason=failure.reason)

    def as_seen(self, place: int, marks: Marks) -> DeliveryState:
        """Return the state with what the customer's marks say of a message with this place in the queue."""
        if self.state is not DeliveryState.SENT:
            return self.state
        if place <= marks.customer_read:
            return DeliveryState.READ
        return DeliveryState.DELIVERED if place <= marks.customer_delivered else self.state

    def view(self, state: DeliveryState, parts: tuple[Part, ...]) -> dict[str, object]:
        """Return it as clients see it; what there is nothing to say of is left out."""
        why = {"class": self.kind, "code": self.code, "reason": self.reason, "retryable": self.retryable}
        return {
            "state": state,
            **{name: said for name, said in why.items() if said is not None},
            "attempts": self.attempts,
            "due_at": self.due_at,
            **({"queued_seq": self.queued_seq} if self.queued_seq else {}),
            "sent_at": self.sent_at,
            "parts": [{"index": p.index, "external_id": p.external_id, "state": p.state} for p in parts],
        }
