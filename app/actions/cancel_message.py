"""Call off a message that waits to be sent."""

from datetime import datetime

from app.access import access_message
from app.actions.keys import Done, commit_on
from app.errors import NotFound, NotSendable
from app.events import MessageStatus
from app.hub import Hub
from app.journal.change import Decision, Seen
from app.models.caller import Caller
from app.models.conversation import Conversation
from app.models.entity import evolve
from app.models.message import Message
from app.models.outbox import LaneStep


async def cancel_message(hub: Hub, caller: Caller, id: str, client_key: str | None = None) -> Done:
    """Return the message as called off. Raises NotFound, NotSendable, BeingSent (it is on its way just now)."""
    before = await access_message(hub, caller, id)
    things = (Message.ref(id), Conversation.ref(before.conversation_id))

    def decide(seen: Seen, now: datetime) -> Decision:
        message, conversation = seen.get(things[0]), seen.get(things[1])
        if message is None or conversation is None:
            raise NotFound
        if message.delivery is None or not message.delivery.is_queued:
            raise NotSendable("Only a message that waits to be sent can be called off.")
        message, conversation, lanes = called_off(message, conversation)
        events = (MessageStatus(message=message, conversation=conversation),)
        return Decision(puts=(message, conversation), events=events, lanes=lanes)

    return await commit_on(hub, caller, "cancel_message", things, decide, client_key)


def called_off(message: Message, conversation: Conversation) -> tuple[Message, Conversation, tuple[LaneStep, ...]]:
    """Take a message off its conversation's queue; one that does not wait stays as it is."""
    if message.delivery is None or not message.delivery.is_queued or message.channel_id is None:
        return message, conversation, ()
    channel_id, after = message.channel_id, conversation.without(message.id)
    message = evolve(message, delivery=message.delivery.canceled())
    if conversation.head is None or conversation.head.id != message.id:
        return message, after, ()
    step = LaneStep(id=conversation.id, company_id=conversation.company_id, channel_id=channel_id, head=after.head)
    return message, after, (step,)
