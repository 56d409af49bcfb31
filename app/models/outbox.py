"""The outbox: one row for each conversation that has something to send; its head is what is sent next.

A row waits (`due_at`) or is leased (`lease_until`), never both. The journal makes, moves and removes rows in the
commit that changes the queue; a claim writes the lease, the fence and the number of attempts, and nothing else does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from app.models.entity import ChannelId, CompanyId, ConversationId, MessageId


class Due(NamedTuple):
    """A row whose time has come, as it was seen: only a claim is sure of it."""

    id: ConversationId
    company_id: CompanyId
    channel_id: ChannelId


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A message that waits to be sent, in its conversation's order, and until when that makes sense."""

    id: MessageId
    deadline: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A row as it was claimed: from here on its head counts as "may have been sent".

    `fence` is this claim's number: who comes with an older one is too late. `interrupted` when the claim before it ran
    out without an outcome. It was claimed `at`, by the database's clock, and `began` on the monotonic one, in seconds;
    `is_over` when its deadline had come by then.
    """

    id: ConversationId
    company_id: CompanyId
    channel_id: ChannelId
    message_id: MessageId
    fence: int
    attempts: int
    at: datetime
    began: float
    is_over: bool = False
    interrupted: bool = False

    def time_at(self, monotonic: float) -> datetime:
        """Return the database's time at a moment of the monotonic clock."""
        return self.at + timedelta(seconds=monotonic - self.began)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneStep:
    """What a decision does to a row: `id` is the conversation's.

    `head` is the message that is next, None when nothing is left; it is due `after` so many seconds. With a `fence` the
    step ends that claim's turn, or with `renew` prolongs it; without one the row must not be leased. `opens`: there was
    nothing to send before. `mends`: there should be a row, and it is made if there is none. `attempts` is what a head
    that waits for another try keeps.
    """

    id: ConversationId
    company_id: CompanyId
    channel_id: ChannelId
    head: Waiting | None
    after: float = 0.0
    fence: int | None = None
    attempts: int = 0
    opens: bool = False
    mends: bool = False
    renew: bool = False

    def may_follow(self, before: "LaneStep") -> bool:
        """Tell whether this may be done in the same commit, after that: nobody claims in between."""
        if self.mends or before.mends:  # nobody knows whether there is a row, and whose turn it is
            return False
        if self.fence is not None:
            return before.renew and before.fence == self.fence
        return not before.renew


def whole(steps: Sequence[LaneStep]) -> LaneStep | None:
    """Return one step that does what these do in turn; None for a row that comes and goes unseen."""
    first, last = steps[0], steps[-1]
    if first.opens and last.head is None:
        return None
    return LaneStep(
        id=last.id,
        company_id=last.company_id,
        channel_id=last.channel_id,
        head=last.head,
        after=last.after,
        fence=first.fence,
        attempts=last.attempts,
        opens=first.opens,
        mends=first.mends,
        renew=all(step.renew for step in steps),
    )
