"""Store one message in its conversation and announce it; an outbound one starts on its way."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.access import access_channel, company_of, hint
from app.actions.keys import change_key, digest_of
from app.errors import ConversationClosed, Invalid, NotFound
from app.events import MessageNew
from app.hub import Hub
from app.journal.change import Change, Decision, Seen
from app.models.caller import Caller
from app.models.channel import IN_PROCESS, Channel
from app.models.contact import Contact, Platform
from app.models.conversation import Conversation, peer_of
from app.models.entity import ChannelId, CompanyId, ContactId, ConversationId, Entity, MessageId, Ref
from app.models.message import Attachment, Delivery, DeliveryState, Direction, Message, MessageRole, Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a client asks to be said: where (a conversation, or a contact on a platform), and the words."""

    role: MessageRole
    direction: Direction
    conversation_id: ConversationId | None = None
    contact_id: ContactId | None = None
    platform: Platform | None = None
    channel_id: ChannelId | None = None
    content: str = ""
    attachments: tuple[Attachment, ...] = ()
    reply_to: MessageId | None = None
    client_message_id: str | None = None
    external_message_id: str | None = None
    read: bool = False
    delivered: bool = False
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The stored message as its first event carried it, and whether an earlier try had stored it."""

    message: dict[str, Any]
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a message belongs: the same, whichever way the client named it."""

    company_id: CompanyId
    contact_id: ContactId
    channel_id: ChannelId | None
    platform: Platform
    conversation_id: ConversationId | None


async def send_message(hub: Hub, caller: Caller, draft: Draft) -> Sent:
    """Return the message once it is safe. Raises NotFound, ConversationClosed, Invalid, IdempotencyConflict."""
    place = await _place_of(hub, caller, draft)
    key, claimed = _key_of(hub, caller, draft, place)
    message_id, new_conversation_id = MessageId(hub.new_id()), ConversationId(hub.new_id())

    def decide(seen: Seen, now: datetime) -> Decision:
        contact = seen.get(Contact.ref(place.contact_id))
        if contact is None:
            raise NotFound
        _require_quotable(seen, draft, place)
        conversation = _conversation_for(seen, place, contact, new_conversation_id, now)
        message = _compose(draft, place, caller, message_id, conversation, now)
        conversation = conversation.with_message(message)
        known = contact.seen(place.platform)
        puts = (message, conversation) if known is contact else (message, conversation, known)
        return Decision(puts=puts, events=(MessageNew(message=message, conversation=conversation),))

    done = await hub.journal.commit(
        Change(
            company_id=place.company_id,
            key=key,
            claimed=claimed,
            digest=_digest_of(draft, place),
            needs=_needs_of(place),
            decide=decide,
            size=1024 + 3 * len(draft.content) + 4096 * len(draft.attachments),
        )
    )
    return Sent(message=done.payload["message"], replayed=done.replayed)


async def _place_of(hub: Hub, caller: Caller, draft: Draft) -> _Place:
    company_id = company_of(caller)
    if draft.conversation_id is not None:
        return await _place_in(hub, caller, company_id, draft, draft.conversation_id)
    if draft.contact_id is None or draft.platform is None:
        raise Invalid.of("contact_id", "Name a contact_id and a platform, or a conversation_id.")
    channel = await _channel_for(hub, caller, draft, draft.platform)
    if channel is not None and channel.platform is not draft.platform:
        raise Invalid.of("channel_id", f"This channel is one of {channel.platform}, not of {draft.platform}.")
    return _Place(
        company_id=company_id,
        contact_id=draft.contact_id,
        channel_id=channel.id if channel else None,
        platform=draft.platform,
        conversation_id=None,
    )


async def _place_in(hub: Hub, caller: Caller, company_id: CompanyId, draft: Draft, id: ConversationId) -> _Place:
    conversation = await hint(hub, caller, Conversation.ref(id))
    if conversation is None:
        raise NotFound
    for field, named, held in (
        ("contact_id", draft.contact_id, conversation.contact_id),
        ("platform", draft.platform, conversation.platform),
        ("channel_id", draft.channel_id, conversation.channel_id),
    ):
        if named is not None and named != held:
            raise Invalid.of(field, "This conversation has another one.")
    return _Place(
        company_id=company_id,
        contact_id=conversation.contact_id,
        channel_id=conversation.channel_id,
        platform=conversation.platform,
        conversation_id=id,
    )


async def _channel_for(hub: Hub, caller: Caller, draft: Draft, platform: Platform) -> Channel | None:
    if draft.channel_id is not None:
        return await hint(hub, caller, Channel.ref(draft.channel_id)) or await access_channel(
            hub, caller, draft.channel_id
        )
    return await hint(hub, caller, Channel.main_of(platform))


def _key_of(hub: Hub, caller: Caller, draft: Draft, place: _Place) -> tuple[str, bool]:
    if draft.client_message_id is None and draft.external_message_id is not None:
        return f"{place.channel_id or 'none'}:{place.contact_id}:{draft.external_message_id}", True
    return change_key(hub, caller, "send_message", draft.client_message_id)


def _digest_of(draft: Draft, place: _Place) -> str:
    return digest_of(
        place.contact_id,
        place.channel_id,
        place.platform,
        draft.direction,
        draft.role,
        draft.content,
        [attachment.view() for attachment in draft.attachments],
        draft.reply_to,
    )


def _needs_of(place: _Place) -> tuple[Ref[Entity], ...]:
    """Name what `decide` will see, and the channel, so that the next message finds it in memory."""
    contact = Contact.ref(place.contact_id)
    if place.conversation_id is not None:
        return (contact, Conversation.ref(place.conversation_id))
    # The peer of most contacts; for one whom the channel knows by an identity, `decide` asks again.
    thread = Conversation.open_with(place.channel_id, place.platform, f"contact:{place.contact_id}")
    return (contact, thread, Channel.main_of(place.platform))


def _require_quotable(seen: Seen, draft: Draft, place: _Place) -> None:
    """Refuse an answer to what was never said with this contact."""
    if draft.reply_to is not None:
        quoted = seen.get(Message.ref(draft.reply_to))
        if quoted is None or quoted.contact_id != place.contact_id:
            raise Invalid.of("reply_to", "There is no such message with this contact.")


def _conversation_for(
    seen: Seen, place: _Place, contact: Contact, new_id: ConversationId, now: datetime
) -> Conversation:
    """Return the conversation that was named, else the open one with this peer, else a new one."""
    if place.conversation_id is not None:
        named = seen.get(Conversation.ref(place.conversation_id))
        if named is None:
            raise NotFound
        if not named.is_open:
            raise ConversationClosed
        return named
    peer = peer_of(contact, place.channel_id)
    return seen.get(Conversation.open_with(place.channel_id, place.platform, peer)) or Conversation(
        id=new_id,
        company_id=place.company_id,
        contact_id=place.contact_id,
        channel_id=place.channel_id,
        platform=place.platform,
        peer=peer,
        created_at=now,
    )


def _compose(
    draft: Draft, place: _Place, caller: Caller, id: MessageId, conversation: Conversation, now: datetime
) -> Message:
    counts = draft.direction is Direction.INBOUND and not draft.read
    delivery = _delivery_of(draft, place, now)
    state = "received" if delivery is None else delivery.state.value
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
        if delivery or draft.external_message_id
        else (),
        delivery=delivery,
        number=conversation.inbound_count + counts,
        read=draft.read,
        delivered=draft.delivered,
        created_at=draft.created_at or now,
    )


def _delivery_of(draft: Draft, place: _Place, now: datetime) -> Delivery | None:
    """Return where an outbound message starts: on these platforms it is sent by being stored."""
    goes_out = draft.direction is Direction.OUTBOUND and draft.role is not MessageRole.USER
    if not goes_out or place.channel_id is None or place.platform not in IN_PROCESS:
        return None
    return Delivery(state=DeliveryState.SENT, sent_at=now)
