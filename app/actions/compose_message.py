"""Make a message of a draft, and let it start on its way."""

from datetime import datetime

from app.actions.draft import Draft, Place
from app.errors import OutboxFull
from app.models.caller import Caller
from app.models.channel import IN_PROCESS
from app.models.conversation import Conversation
from app.models.delivery import Delivery, DeliveryState, Part
from app.models.entity import ChannelId, MessageId
from app.models.message import Direction, Message, MessageRole
from app.models.outbox import LaneStep, Waiting

MOST_WAITING = 500  # replies of one conversation


def is_for_customer(draft: Draft) -> bool:
    """Tell whether it shall reach the customer."""
    return draft.direction is Direction.OUTBOUND and draft.role is not MessageRole.USER


def queued(conversation: Conversation, message: Message) -> tuple[Conversation, tuple[LaneStep, ...]]:
    """Put a message that goes out at the end of its conversation's outbox."""
    delivery = message.delivery
    if delivery is None or not delivery.is_queued or delivery.deadline is None or message.channel_id is None:
        return conversation, ()
    if len(conversation.outbox) >= MOST_WAITING:
        raise OutboxFull
    waiting = Waiting(id=message.id, deadline=delivery.deadline)
    after = conversation.queueing(waiting)
    if conversation.outbox:
        return after, ()
    return after, (opening(after, message.channel_id, waiting),)


def opening(conversation: Conversation, channel_id: ChannelId, head: Waiting) -> LaneStep:
    """Return the step that makes a conversation's row in the outbox."""
    return LaneStep(
        id=conversation.id, company_id=conversation.company_id, channel_id=channel_id, head=head, opens=True
    )


def compose(
    draft: Draft,
    place: Place,
    caller: Caller,
    id: MessageId,
    conversation: Conversation,
    now: datetime,
    deadline: datetime,
) -> Message:
    counts = draft.direction is Direction.INBOUND and not draft.read
    delivery = _delivery_of(draft, place, now, deadline)
    state = "received" if delivery is None else delivery.state.value
    is_there = delivery is None or not delivery.is_queued  # what goes out has no name on its platform yet
    return Message(
        id=id,
        company_id=place.company_id,
        conversation_id=conversation.id,
        contact_id=place.contact_id,
        channel_id=place.channel_id,
        platform=place.platform,
        role=draft.role,
        direction=draft.direction,
        content=draft.content,
        attachments=draft.attachments,
        reply_to=draft.reply_to,
        author=caller.author,
        client_message_id=draft.client_message_id,
        external_message_id=draft.external_message_id,
        parts=(Part(index=0, external_id=draft.external_message_id, state=state),)
        if is_there and (delivery or draft.external_message_id)
        else (),
        delivery=delivery,
        number=conversation.inbound_count + counts,
        read=draft.read,
        delivered=draft.delivered,
        created_at=draft.created_at or now,
    )


def _delivery_of(draft: Draft, place: Place, now: datetime, deadline: datetime) -> Delivery | None:
    """Return where an outbound message starts: on some platforms it is sent by being stored."""
    if not is_for_customer(draft) or place.channel_id is None:
        return None
    if place.platform in IN_PROCESS:
        return Delivery(state=DeliveryState.SENT, sent_at=now)
    return Delivery.queued(now, deadline)
