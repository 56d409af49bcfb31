"""Store what a customer wrote on a platform, once, in the one conversation with them there."""

from dataclasses import replace
from datetime import datetime

from app.actions.find_thread import Peer, contact_of, conversation_of, heard_from, peer_on
from app.events import ContactUpdated, Event, MessageNew
from app.hub import Hub
from app.journal.change import Change, Decision, Seen
from app.models.channel import Channel
from app.models.contact import Contact
from app.models.conversation import Conversation
from app.models.delivery import Part
from app.models.entity import ContactId, ConversationId, Entity, MessageId
from app.models.message import Author, Direction, Message, MessageRole
from app.models.parked import Parked
from app.platforms.heard import Said


async def receive_message(hub: Hub, channel: Channel, said: Said) -> None:
    """Store the message and tell everyone; the same id again changes nothing. Raises a Refusal that a retry may mend.

    What was told of it before it came (an edit, a withdrawal, a reaction) is applied at once.
    """
    peer = await peer_on(hub, channel, said.peer, said.name)
    message_id = MessageId(hub.new_id())

    def decide(seen: Seen, now: datetime) -> Decision:
        at = min(said.at or now, now)
        before, is_new = contact_of(seen, peer, now)
        contact = heard_from(before, peer, at)
        conversation = conversation_of(seen, peer, contact, now)
        message = _message(seen, said, peer, message_id, contact, conversation, at)
        message = _with_early(message, seen.get(Parked.ref_of(channel.id, said.id)), now)
        conversation = conversation.with_message(message)
        puts: tuple[Entity, ...] = (message, conversation)
        told: tuple[Event, ...] = (ContactUpdated(contact=contact),) if is_new else ()
        if is_new or contact is not before:
            puts = (contact, *puts)
        return Decision(puts=puts, events=(*told, MessageNew(message=message, conversation=conversation)))

    await hub.journal.commit(
        Change(
            company_id=channel.company_id,
            key=f"hook:{channel.id}:message:{said.id}",
            claimed=True,
            needs=(*peer.needs, Parked.ref_of(channel.id, said.id)),
            decide=decide,
        )
    )


def _message(
    seen: Seen, said: Said, peer: Peer, id: MessageId, contact: Contact, conversation: Conversation, at: datetime
) -> Message:
    channel = peer.channel
    quoted = seen.get(Message.known_as(channel.id, said.reply_to)) if said.reply_to else None
    return Message(
        id=id,
        company_id=channel.company_id,
        conversation_id=ConversationId(conversation.id),
        contact_id=ContactId(contact.id),
        channel_id=channel.id,
        platform=channel.platform,
        role=MessageRole.USER,
        direction=Direction.INBOUND,
        content=said.text,
        attachments=said.attachments,
        reply_to=MessageId(quoted.id) if quoted else None,
        postback=said.pressed,
        author=Author(kind="contact", id=contact.id, name=contact.name),
        external_message_id=said.id,
        parts=(Part(index=0, external_id=said.id, state="received"),),
        number=conversation.inbound_count + 1,
        created_at=at,
    )


def _with_early(message: Message, early: Parked | None, now: datetime) -> Message:
    """Apply what was told of the message before it came."""
    if early is None:
        return message
    if early.withdrawn:
        return message.deleted(now)
    if early.text is not None:
        message = replace(message, content=early.text, edited_at=early.text_at or now)
    return message.reacted("contact", early.emoji) if early.emoji else message
