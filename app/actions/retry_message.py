"""Send a message again that did not get through, or of which nobody knows: a person's choice, never our own."""

from datetime import datetime

from app.access import access_message
from app.actions.compose_message import queued
from app.actions.keys import Done, commit_on
from app.errors import NotFound, NotSendable
from app.events import MessageStatus
from app.hub import Hub
from app.journal.change import Decision, Seen
from app.models.caller import Caller
from app.models.channel import Channel
from app.models.conversation import Conversation
from app.models.delivery import Delivery, DeliveryState
from app.models.entity import evolve
from app.models.message import Message

ENDED = frozenset({DeliveryState.FAILED, DeliveryState.UNCERTAIN, DeliveryState.CANCELED})


async def retry_message(hub: Hub, caller: Caller, id: str, client_key: str | None = None) -> Done:
    """Return the message as it joins the end of its conversation's queue. Raises NotFound, NotSendable, OutboxFull.

    What the platform has already is not sent again: it goes on at the first piece that is not out.
    """
    before = await access_message(hub, caller, id)
    things = (Message.ref(id), Conversation.ref(before.conversation_id))

    def decide(seen: Seen, now: datetime) -> Decision:
        message, conversation = seen.get(things[0]), seen.get(things[1])
        if message is None or conversation is None:
            raise NotFound
        _require_retryable(seen, message)
        message = evolve(message, delivery=Delivery.queued(now, now + hub.settings.delivery_deadline, again=True))
        conversation, lanes = queued(conversation, message)
        events = (MessageStatus(message=message, conversation=conversation),)
        return Decision(puts=(message, conversation), events=events, lanes=lanes)

    return await commit_on(hub, caller, "retry_message", things, decide, client_key)


def _require_retryable(seen: Seen, message: Message) -> None:
    delivery = message.delivery
    if delivery is None or delivery.state not in ENDED or message.deleted_at is not None:
        raise NotSendable("Only a message that failed, is uncertain or was called off can be sent again.")
    if delivery.retryable is False:
        raise NotSendable("The platform will not take this message as it is; write it anew.")
    channel = seen.get(Channel.ref(message.channel_id)) if message.channel_id else None
    if channel is None or not channel.is_connected:
        raise NotSendable("This channel is disconnected; connect it again to reply.")
