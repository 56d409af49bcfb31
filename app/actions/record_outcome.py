"""Write down what became of a turn: the message, its conversation's outbox and the row, in one commit."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from loguru import logger

from app.actions.displace_copy import copy_of, without_copy
from app.errors import Fenced, Refusal
from app.events import Event, MessagesReached, MessageStatus
from app.hub import Hub
from app.journal.change import Change, Decision, Seen
from app.models.channel import Channel
from app.models.conversation import Conversation
from app.models.delivery import RANK, Delivery, DeliveryState, Part
from app.models.entity import Entity, Ref, evolve
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
        copy = copy_of(seen, message, piece.external_id)
        message = with_part(message, piece.index, piece.external_id)
        if not piece.is_last:
            events = (MessageStatus(message=message, conversation=conversation),)
            going_on = replace(_next(turn, conversation), renew=True)
            return without_copy(seen, copy, Decision(puts=(message,), events=events, lanes=(going_on,)), now)
        early = _early(seen, message)
        if delivery.is_queued:
            message = evolve(message, delivery=_ended(delivery, early, piece.at, turn.attempts))
        return without_copy(seen, copy, _ending(turn, message, conversation, early, now), now)

    names = (Parked.ref_of(turn.channel_id, piece.external_id), Message.known_as(turn.channel_id, piece.external_id))
    return await _settle(hub, turn, f"piece:{piece.index}", decide, *names)


async def record_end(hub: Hub, turn: Turn, failure: Failure, pieces: int) -> bool:
    """Note that the message failed, or that nobody knows; tell whether the turn was still ours.

    When every piece turned out to have arrived meanwhile (an echo told), it is sent after all.
    """

    def decide(seen: Seen, now: datetime) -> Decision:
        message, conversation = _of(seen, turn)
        if message is None or conversation is None or message.delivery is None or not message.delivery.is_queued:
            return Decision(lanes=(_next(turn, conversation),))
        delivery, early = message.delivery, _early(seen, message)
        if failure.kind is FailureClass.UNCERTAIN and is_whole(message, pieces):
            ended = _ended(delivery, early, now, turn.attempts)
        else:
            ended = delivery.failed(failure, turn.attempts)
        return _ending(turn, evolve(message, delivery=ended), conversation, early, now)

    return await _settle(hub, turn, "end", decide)


async def record_delay(hub: Hub, turn: Turn, failure: Failure, due_at: datetime, *, shut: bool = False) -> bool:
    """Note why the message waits for another try, and until when; tell whether the turn was still ours.

    `shut`: the channel could not send. If somebody has opened it since, nobody would wake the message: it is due now.
    """

    def decide(seen: Seen, now: datetime) -> Decision:
        message, conversation = _of(seen, turn)
        if message is None or conversation is None or message.delivery is None or not message.delivery.is_queued:
            return Decision(lanes=(_next(turn, conversation),))
        channel = seen.get(Channel.ref(turn.channel_id))
        due = now if shut and channel is not None and channel.can_send else due_at
        message = evolve(message, delivery=message.delivery.put_off(failure, due, turn.attempts))
        wait = max(0.0, (due - now).total_seconds())
        step = replace(_next(turn, conversation), after=wait, attempts=turn.attempts)
        events = (MessageStatus(message=message, conversation=conversation),)
        return Decision(puts=(message,), events=events, lanes=(step,))

    return await _settle(hub, turn, "delay", decide)


def with_part(message: Message, index: int, external_id: str) -> Message:
    """Return the message with one more of its names on the platform; one that is there already stays as it is."""
    if any(part.index == index and part.is_there for part in message.parts):
        return message
    part = Part(index=index, external_id=external_id, state=DeliveryState.SENT.value)
    others = (each for each in message.parts if each.index != index)
    return evolve(message, parts=tuple(sorted((*others, part), key=lambda each: each.index)))


def is_whole(message: Message, pieces: int) -> bool:
    """Tell whether the platform has every piece of it."""
    return len([part for part in message.parts if part.is_there]) >= pieces > 0


def _early(seen: Seen, message: Message) -> list[Parked]:
    """Return what the platform told of this message's pieces before we knew them."""
    ids = [part.external_id for part in message.parts if part.external_id and part.is_there]
    found = [seen.get(Parked.ref_of(message.channel_id or "", id)) for id in ids]
    return [each for each in found if each is not None]


def _ended(delivery: Delivery, early: list[Parked], at: datetime, attempts: int) -> Delivery:
    """Return how a whole message ends: sent, unless the platform has said by now that it refuses a piece after all."""
    refused = next((each.failure for each in early if each.failure and each.state not in RANK), None)
    sent = delivery.sent(at, attempts)
    return sent.failed(refused, attempts) if refused else sent


def _ending(turn: Turn, message: Message, conversation: Conversation, early: list[Parked], now: datetime) -> Decision:
    """Take the message off the outbox, let the next one be its head, and apply what was told too early."""
    after = conversation.without(message.id)
    if message.delivery and message.delivery.state is DeliveryState.UNCERTAIN:
        after = evolve(after, uncertain_at=now)
    events: tuple[Event, ...] = (MessageStatus(message=message, conversation=after),)
    reached = [each.state for each in early if each.state in (DeliveryState.DELIVERED, DeliveryState.READ)]
    if reached and message.delivery and message.delivery.state is DeliveryState.SENT:
        state = DeliveryState.READ if DeliveryState.READ in reached else DeliveryState.DELIVERED
        after = after.reached(state, message.place)
        told = MessagesReached(conversation=after, state=state, up_to_seq=message.place)
        events = (MessageStatus(message=message, conversation=after), told)
    return Decision(puts=(message, after), events=events, lanes=(_next(turn, after),))


def settled_late(
    seen: Seen, turn: Turn, message: Message, conversation: Conversation, at: datetime, now: datetime
) -> Decision:
    """Return how a message ends whose turn is over long since, as all of it is known to have gone out after all."""
    assert message.delivery is not None
    early = _early(seen, message)
    message = evolve(message, delivery=_ended(message.delivery, early, at, turn.attempts))
    return replace(_ending(turn, message, conversation, early, now), lanes=())


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
    hub: Hub, turn: Turn, what: str, decide: Callable[[Seen, datetime], Decision], *needs: Ref[Entity]
) -> bool:
    """Commit, for as long as the claim lasts: an outcome that is not written down ends as "nobody knows"."""
    change = Change(
        company_id=turn.company_id,
        key=f"turn:{turn.message_id}:{turn.fence}:{what}",
        needs=(Message.ref(turn.message_id), Conversation.ref(turn.id), *needs),
        decide=decide,
    )
    try:
        await commit_within(hub, change, until=time.monotonic() + hub.store.lanes.lease)
    except Fenced:
        logger.bind(message_id=turn.message_id).warning("a turn was taken over")
        return False
    return True


async def commit_within(hub: Hub, change: Change, *, until: float) -> None:
    """Commit, again and again while the database is away, until a moment of the monotonic clock. Raises a Refusal."""
    while True:
        try:
            await hub.journal.commit(change)
        except Refusal as refusal:
            if not refusal.retryable or time.monotonic() > until:
                raise
            change = replace(change, claimed=True)  # it may have been committed: look it up
            await asyncio.sleep(AGAIN)
        else:
            return
