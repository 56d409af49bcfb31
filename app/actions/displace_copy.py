"""A message of ours that was taken for somebody else's, as its echo came before anybody knew of it. Pure."""

from dataclasses import replace
from datetime import datetime

from app.events import MessageDeleted
from app.journal.change import Decision, Seen
from app.models.conversation import Conversation
from app.models.entity import evolve
from app.models.message import Message

EXTERNAL = "external"  # the kind of an author who wrote elsewhere


def copy_of(seen: Seen, message: Message, external_id: str) -> Message | None:
    """Return what was stored as somebody else's under the platform's id of this message."""
    known = seen.get(Message.known_as(message.channel_id, external_id)) if message.channel_id else None
    is_copy = known is not None and known.id != message.id and known.author.kind == EXTERNAL
    return known if is_copy else None


def without_copy(seen: Seen, copy: Message | None, decision: Decision, now: datetime) -> Decision:
    """Return the decision, which also takes the copy back: the platform's id is our message's, nothing shows twice."""
    if copy is None:
        return decision
    gone = evolve(copy.deleted(now), parts=(), external_message_id=None)
    decided = {each.id: each for each in decision.puts}
    conversation = decided.get(copy.conversation_id) or seen.get(Conversation.ref(copy.conversation_id))
    if not isinstance(conversation, Conversation):
        return decision
    left = conversation.with_changed(gone)
    others = tuple(each for each in decision.puts if each.id != left.id)
    events = (*decision.events, MessageDeleted(message=gone, conversation=left))
    return replace(decision, puts=(gone, *others, left), events=events)
