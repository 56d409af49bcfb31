"""Write down what became of a turn: the message, its conversation's outbox and the row, in one commit."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from loguru import logger

from app.errors import Fenced, Refusal
from app.events import Event, MessagesReached, MessageStatus
from app.hub import Hub
from app.journal.change import Change, Decision, Seen
from app.models.conversation import Conversation
from app.models.delivery import RANK, Delivery, DeliveryState, Part
from app.models.entity import Ref, evolve
from app.models.failure import Failure, FailureClass
from app.models.message import Message
from app.models.outbox import LaneStep, Turn
from app.models.parked import Parked

AGAIN = 0.5  # seconds between two tries to write an outcome down while the database is away


@dataclass(frozen=True, slots=True, kw_only=True)
class Piecework:
    """One piece that the platform has: which of how many, its id there, and when it was handed over."""

    index: int
    of: int
    external_id: str
    at: datetime

    @property
    def is_last(self) -> bool:
        """Tell whether the whole message is out."""
        return self.index == self.of - 1


async def record_piece(hub: Hub, turn: Turn, piece: Piecework) -> bool:
    """Note that one piece went out; tell whether the turn is still ours."""

    def decide(seen: Seen, now: datetime) -> Decision:
        message, conversation = _of(seen, turn)
        if message is None or conversation is None or message.delivery is None:
            return Decision(lanes=(_next(turn, conversation),))
        delivery = message.delivery
        message = with_part(message, piece.index, piece.external_id)
        early = seen.get(Parked.ref_of(turn.channel_id, piece.external_id))
        if not piece.is_last:
            events = (MessageStatus(message=message, conversation=conversation),)
            return Decision(puts=(message,), events=events, lanes=(replace(_next(turn, conversation), renew=True),))
        if delivery.is_queued:
            message = evolve(message, delivery=_ended(delivery, early, piece.at, turn.attempts))
        return _ending(turn, message, conversation, early)

    return await _settle(hub, turn, f"piece:{piece.index}", decide, Parked.ref_of(turn.channel_id, piece.external_id))


async def record_end(hub: Hub, turn: Turn, failure: Failure, pieces: int) -> bool:
    """Note that the message failed, or that nobody knows; tell whether the turn was still ours.

    When every piece turned out to have arrived meanwhile (an echo told), it is sent after all.
    """

    def decide(seen: Seen, now: datetime) -> Decision:
        message, conversation = _of(seen, turn)
        if message is None or conversation is None or message.delivery is None or not message.delivery.is_queued:
            return Decision(lanes=(_next(turn, conversation),))
        arrived = failure.kind is FailureClass.UNCERTAIN and len(message.parts) >= pieces > 0
        delivery = message.delivery
        ended = delivery.sent(now, turn.attempts) if arrived else delivery.failed(failure, turn.attempts)
        return _ending(turn, evolve(message, delivery=ended), conversation, None)

    return await _settle(hub, turn, "end", decide)


async def record_delay(hub: Hub, turn: Turn, failure: Failure, due_at: datetime) -> bool:
    """Note why the message waits for another try, and until when; tell whether the turn was still ours."""

    def decide(seen: Seen, now: datetime) -> Decision:
        message, conversation = _of(seen, turn)
        if message is None or conversation is None or message.delivery is None or not message.delivery.is_queued:
            return Decision(lanes=(_next(turn, conversation),))
        message = evolve(message, delivery=message.delivery.put_off(failure, due_at, turn.attempts))
        wait = max(0.0, (due_at - now).total_seconds())
        step = replace(_next(turn, conversation), after=wait, attempts=turn.attempts)
        events = (MessageStatus(message=message, conversation=conversation),)
        return Decision(puts=(message,), events=events, lanes=(step,))

    return await _settle(hub, turn, "delay", decide)


def with_part(message: Message, index: int, external_id: str) -> Message:
    """Return the message with one more of its names on the platform; one that is known stays as it is."""
    if any(part.index == index for part in message.parts):
        return message
    part = Part(index=index, external_id=external_id, state=DeliveryState.SENT.value)
    return evolve(message, parts=tuple(sorted((*message.parts, part), key=lambda each: each.index)))


def _ended(delivery: Delivery, early: Parked | None, at: datetime, attempts: int) -> Delivery:
    """Return how a whole message ends: sent, unless the platform has said by now that it was refused after all."""
    sent = delivery.sent(at, attempts)
    if early is None or early.failure is None or early.state in RANK:
        return sent
    return sent.failed(early.failure, attempts)


def _ending(turn: Turn, message: Message, conversation: Conversation, early: Parked | None) -> Decision:
    """Take the message off the outbox, let the next one be its head, and apply what was told too early."""
    after = conversation.without(message.id)
    events: tuple[Event, ...] = (MessageStatus(message=message, conversation=after),)
    if early is not None and early.state in (DeliveryState.DELIVERED, DeliveryState.READ):
        after = after.reached(early.state, message.seq)
        reached = MessagesReached(conversation=after, state=early.state, up_to_seq=message.seq)
        events = (MessageStatus(message=message, conversation=after), reached)
    return Decision(puts=(message, after), events=events, lanes=(_next(turn, after),))


def _of(seen: Seen, turn: Turn) -> tuple[Message | None, Conversation | None]:
    return seen.get(Message.ref(turn.message_id)), seen.get(Conversation.ref(turn.id))


def _next(turn: Turn, conversation: Conversation | None) -> LaneStep:
    return LaneStep(
        id=turn.id,
        company_id=turn.company_id,
        channel_id=turn.channel_id,
        head=conversation.head if conversation else None,
        fence=turn.fence,
    )


async def _settle(
    hub: Hub, turn: Turn, what: str, decide: Callable[[Seen, datetime], Decision], *needs: Ref[Parked]
) -> bool:
    """Commit, for as long as the claim lasts: an outcome that is not written down ends as "nobody knows"."""
    change = Change(
        company_id=turn.company_id,
        key=f"turn:{turn.message_id}:{turn.fence}:{what}",
        needs=(Message.ref(turn.message_id), Conversation.ref(turn.id), *needs),
        decide=decide,
    )
    until = time.monotonic() + hub.store.lanes.lease
    while True:
        try:
            await hub.journal.commit(change)
        except Fenced:
            logger.bind(message_id=turn.message_id).warning("a turn was taken over")
            return False
        except Refusal as refusal:
            if not refusal.retryable or time.monotonic() > until:
                raise
            change = replace(change, claimed=True)  # it may have been committed: look it up
            await asyncio.sleep(AGAIN)
        else:
            return True
