"""Note that what we sent arrived, was read, or was refused after all."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime

from app.access import recalled
from app.actions.displace_copy import copy_of, without_copy
from app.actions.receive_change import new_parked
from app.actions.recognise import named_by, with_proof
from app.events import Event, MessagesReached, MessageStatus
from app.hub import Hub
from app.journal.change import Change, Decision, Seen
from app.models.channel import Channel
from app.models.contact import Contact
from app.models.conversation import Conversation
from app.models.delivery import RANK, DeliveryState, Part
from app.models.entity import Entity, evolve
from app.models.message import Message
from app.models.parked import Parked
from app.platforms.heard import Receipt

REACHED = (DeliveryState.DELIVERED, DeliveryState.READ)


async def record_receipt(hub: Hub, channel: Channel, receipt: Receipt) -> None:
    """Move the customer's marks, or end the message that was refused. Raises a Refusal that a retry may mend.

    An id that is not known yet is remembered with what was told of it: its message may still be on its way.
    """
    if receipt.ids:
        await asyncio.gather(*(_record_one(hub, channel, receipt, id) for id in receipt.ids))
    elif receipt.up_to is not None and receipt.state in REACHED:
        await _record_watermark(hub, channel, receipt, receipt.up_to)


@dataclass(slots=True)
class _Told:
    """What one id's receipt changes: the message, its conversation, and what is said of both."""

    message: Message
    conversation: Conversation
    before: tuple[Message, Conversation]

    def decision(self, state: DeliveryState) -> Decision:
        """Write and say what is new, and no more."""
        message_before, conversation_before = self.before
        puts: tuple[Entity, ...] = ()
        events: tuple[Event, ...] = ()
        if self.message != message_before:
            puts, events = (self.message,), (MessageStatus(message=self.message, conversation=self.conversation),)
        if self.conversation != conversation_before:
            reached = MessagesReached(conversation=self.conversation, state=state, up_to_seq=self.message.place)
            puts, events = (*puts, self.conversation), (*events, reached)
        return Decision(puts=puts, events=events)


async def _record_one(hub: Hub, channel: Channel, receipt: Receipt, external_id: str) -> None:
    def decide(seen: Seen, now: datetime) -> Decision:
        named = named_by(seen, channel, receipt.our_id)
        before = named[0] if named else seen.get(Message.known_as(channel.id, external_id))
        if before is None:
            return Decision(puts=_parked(seen, channel, receipt, external_id, now))
        conversation = seen.get(Conversation.ref(before.conversation_id))
        if conversation is None or before.delivery is None:
            return Decision()
        copy = copy_of(seen, before, external_id)
        if receipt.state is DeliveryState.FAILED and before.delivery.is_queued:
            # Its turn goes on: how it ends is that turn's to write, by what is parked under the ids of its pieces.
            named_now = with_proof(hub, before, named[1], external_id, now) if named else before
            told = _Told(named_now, conversation, (before, conversation)).decision(receipt.state)
            parked = _parked(seen, channel, receipt, external_id, now)
            return without_copy(seen, copy, replace(told, puts=(*told.puts, *parked)), now)
        message = with_proof(hub, before, named[1], external_id, now) if named else before
        message = _after(message, receipt, external_id, now)
        moved = conversation.reached(receipt.state, message.place) if receipt.state in REACHED else conversation
        return without_copy(seen, copy, _Told(message, moved, (before, conversation)).decision(receipt.state), now)

    await hub.journal.commit(
        Change(
            company_id=channel.company_id,
            key=f"hook:{channel.id}:{receipt.state}:{external_id}:{hub.new_id()}",
            needs=(Message.known_as(channel.id, external_id), Parked.ref_of(channel.id, external_id)),
            decide=decide,
        )
    )


def _after(message: Message, receipt: Receipt, external_id: str, now: datetime) -> Message:
    """Return the message after its receipt: a refusal may follow a success, and an arrival a refusal."""
    delivery = message.delivery
    assert delivery is not None
    state, uncertain = delivery.state, delivery.state is DeliveryState.UNCERTAIN
    if receipt.failure is not None and (uncertain or state is DeliveryState.SENT):
        after = delivery.failed(receipt.failure, delivery.attempts)
        return evolve(message, delivery=after, parts=_parts(message, external_id, DeliveryState.FAILED))
    refused = state is DeliveryState.FAILED and receipt.state in REACHED
    if refused or (uncertain and receipt.state in RANK):
        after = delivery.sent(delivery.sent_at or now, delivery.attempts)
        return evolve(message, delivery=after, parts=_parts(message, external_id, DeliveryState.SENT))
    return message


def _parts(message: Message, external_id: str, state: DeliveryState) -> tuple[Part, ...]:
    """Return the message's pieces with one of them in a state: what was refused is sent again by a retry."""
    return tuple(evolve(p, state=state.value) if p.external_id == external_id else p for p in message.parts)


def _parked(seen: Seen, channel: Channel, receipt: Receipt, external_id: str, now: datetime) -> tuple[Parked, ...]:
    before = seen.get(Parked.ref_of(channel.id, external_id)) or new_parked(channel, external_id, now)
    if receipt.state is DeliveryState.FAILED:
        after = evolve(before, state=before.state or DeliveryState.FAILED, failure=receipt.failure)
    else:
        after = before.with_state(receipt.state)
    return (after,) if after != before or not before.seq else ()


async def _record_watermark(hub: Hub, channel: Channel, receipt: Receipt, up_to: datetime) -> None:
    conversation = await conversation_with(hub, channel, receipt.peer)
    if conversation is None:
        return
    id = conversation.id
    seq = await hub.store.messages.sent_up_to(channel.company_id, id, up_to)

    def decide(seen: Seen, now: datetime) -> Decision:
        before = seen.get(Conversation.ref(id))
        after = before.reached(receipt.state, seq) if before else None
        if after is None or after == before:
            return Decision()
        reached = MessagesReached(conversation=after, state=receipt.state, up_to_seq=seq)
        return Decision(puts=(after,), events=(reached,))

    await hub.journal.commit(
        Change(
            company_id=channel.company_id,
            key=f"hook:{channel.id}:{receipt.state}:{receipt.peer}:{hub.new_id()}",
            needs=(Conversation.ref(id),),
            decide=decide,
        )
    )


async def conversation_with(hub: Hub, channel: Channel, peer: str) -> Conversation | None:
    """Return the latest conversation with a peer, closed or not: a customer reads when it is closed, too.

    It is read from the database: another process may have closed the one that is remembered here, and opened the next.
    """
    contact = await recalled(hub, channel.company_id, Contact.known_as(channel.id, peer))
    if contact is None:
        return None
    return await hub.store.conversations.latest_with(channel.company_id, contact.id, channel.id, peer)
