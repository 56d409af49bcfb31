"""Store one message in its conversation and announce it; an outbound one starts on its way."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.access import company_of, hint
from app.actions.check_attachments import check_attachments
from app.actions.compose_message import compose, is_for_customer, queued
from app.actions.draft import Draft, Place
from app.actions.keys import change_key, digest_of
from app.errors import ConversationClosed, Invalid, NotFound, NotSendable
from app.events import MessageNew
from app.hub import Hub
from app.journal.change import Change, Decision, Seen
from app.models.caller import Caller
from app.models.channel import IN_PROCESS, Channel
from app.models.contact import Contact, Platform
from app.models.conversation import Conversation, peer_of
from app.models.entity import ChannelId, CompanyId, ConversationId, Entity, MessageId, Ref
from app.models.message import Message

# Nobody's history is older, and no clock that is worth believing is more than a day ahead.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
MOST_AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The stored message as its first event carried it, and whether an earlier try had stored it."""

    message: dict[str, Any]
    replayed: bool


async def send_message(hub: Hub, caller: Caller, draft: Draft) -> Sent:
    """Return the message once it is safe. Raises NotFound, ConversationClosed, Invalid, IdempotencyConflict."""
    _require_plausible(hub, draft)
    named = await _place_of(hub, caller, draft)
    key, claimed = _key_of(hub, caller, draft, named)
    message_id, new_conversation_id = MessageId(hub.new_id()), ConversationId(hub.new_id())

    def decide(seen: Seen, now: datetime) -> Decision:
        place = _settled(seen, named)
        contact = seen.get(Contact.ref(place.contact_id))
        if contact is None:
            raise NotFound.of("contact_id")
        _require_quotable(seen, draft, place)
        conversation = _conversation_for(seen, place, contact, new_conversation_id, now)
        _require_way(seen, draft, place, conversation)
        deadline = now + hub.settings.delivery_deadline
        message = compose(draft, place, caller, message_id, conversation, now, deadline)
        conversation, lanes = queued(conversation.with_message(message), message)
        known = contact.seen(place.platform)
        puts = (message, conversation) if known is contact else (message, conversation, known)
        return Decision(puts=puts, events=(MessageNew(message=message, conversation=conversation),), lanes=lanes)

    done = await hub.journal.commit(
        Change(
            company_id=named.company_id,
            key=key,
            claimed=claimed,
            digest=_digest_of(draft, named),
            needs=_needs_of(hub, draft, named),
            decide=decide,
        )
    )
    return Sent(message=done.payload["message"], replayed=done.replayed)


def _require_plausible(hub: Hub, draft: Draft) -> None:
    """Refuse a time at which nobody wrote, and files that nobody can fetch."""
    if draft.created_at is not None and not EARLIEST <= draft.created_at <= hub.now() + MOST_AHEAD:
        raise Invalid.of("created_at", "This is before the year 2000, or more than a day ahead.")
    check_attachments(hub, draft.attachments)


async def _place_of(hub: Hub, caller: Caller, draft: Draft) -> Place:
    company_id = company_of(caller)
    if draft.conversation_id is not None:
        return await _place_in(hub, caller, company_id, draft, draft.conversation_id)
    if draft.contact_id is None or draft.platform is None:
        raise Invalid.of("contact_id", "Send either conversation_id, or contact_id and platform.")
    if draft.channel_id is not None:
        await _require_channel_of(hub, caller, draft.channel_id, draft.platform)
    return Place(
        company_id=company_id,
        contact_id=draft.contact_id,
        channel_id=draft.channel_id,
        platform=draft.platform,
        conversation_id=None,
    )


async def _place_in(hub: Hub, caller: Caller, company_id: CompanyId, draft: Draft, id: ConversationId) -> Place:
    conversation = await hint(hub, caller, Conversation.ref(id))
    if conversation is None:
        raise NotFound.of("conversation_id")
    for field, named, held in (
        ("contact_id", draft.contact_id, conversation.contact_id),
        ("platform", draft.platform, conversation.platform),
        ("channel_id", draft.channel_id, conversation.channel_id),
    ):
        if named is not None and named != held:
            raise Invalid.of(field, "This conversation has another one.")
    return Place(
        company_id=company_id,
        contact_id=conversation.contact_id,
        channel_id=conversation.channel_id,
        platform=conversation.platform,
        conversation_id=id,
    )


async def _require_channel_of(hub: Hub, caller: Caller, id: ChannelId, platform: Platform) -> None:
    channel = await hint(hub, caller, Channel.ref(id))
    if channel is None:
        raise NotFound.of("channel_id")
    if channel.platform is not platform:
        raise Invalid.of("channel_id", f"This channel is one of {channel.platform}, not of {platform}.")


def _key_of(hub: Hub, caller: Caller, draft: Draft, place: Place) -> tuple[str, bool]:
    if draft.client_message_id is None and draft.external_message_id is not None:
        return f"{place.channel_id or place.platform}:{place.contact_id}:{draft.external_message_id}", True
    return change_key(hub, caller, "send_message", draft.client_message_id)


def _digest_of(draft: Draft, place: Place) -> str:
    """Return the digest of what was asked for: no channel is part of it that the client has not named."""
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


def _needs_of(hub: Hub, draft: Draft, place: Place) -> tuple[Ref[Entity], ...]:
    """Name what `decide` will see, as far as this process can guess: `decide` asks for what else it needs."""
    needs: list[Ref[Entity]] = [Contact.ref(place.contact_id)]
    if place.conversation_id is not None:
        way = (Channel.ref(place.channel_id),) if place.channel_id and is_for_customer(draft) else ()
        return (*needs, *way, Conversation.ref(place.conversation_id))
    named = Channel.ref(place.channel_id) if place.channel_id else Channel.main_of(place.platform)
    _, channel = hub.journal.recall(place.company_id, named)
    _, contact = hub.journal.recall(place.company_id, Contact.ref(place.contact_id))
    channel_id = channel.id if channel else place.channel_id
    peer = peer_of(contact, channel_id) if contact else f"contact:{place.contact_id}"
    return (*needs, named, Conversation.open_with(channel_id, place.platform, peer))


def _settled(seen: Seen, place: Place) -> Place:
    """Return the place with its channel: where none was named, the one that the platform's messages go to by now."""
    if place.conversation_id is not None or place.channel_id is not None:
        return place
    main = seen.get(Channel.main_of(place.platform))
    return replace(place, channel_id=main.id) if main else place


def _require_quotable(seen: Seen, draft: Draft, place: Place) -> None:
    """Refuse an answer to what was never said with this contact."""
    if draft.reply_to is not None:
        quoted = seen.get(Message.ref(draft.reply_to))
        if quoted is None or quoted.contact_id != place.contact_id:
            raise Invalid.of("reply_to", "There is no such message with this contact.")


def _conversation_for(
    seen: Seen, place: Place, contact: Contact, new_id: ConversationId, now: datetime
) -> Conversation:
    """Return the conversation that was named, else the open one with this peer, else a new one."""
    if place.conversation_id is not None:
        named = seen.get(Conversation.ref(place.conversation_id))
        if named is None:
            raise NotFound.of("conversation_id")
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


def _require_way(seen: Seen, draft: Draft, place: Place, conversation: Conversation) -> None:
    """Refuse at once what could never arrive: on a channel that is gone, or to somebody whom it does not know."""
    if place.channel_id is None or not is_for_customer(draft):
        return
    channel = seen.get(Channel.ref(place.channel_id))
    if channel is None or not channel.is_connected:
        raise NotSendable("This channel is disconnected; connect it again to reply.")
    if conversation.peer.startswith("contact:") and place.platform not in (*IN_PROCESS, Platform.SANDBOX):
        raise Invalid.of("contact_id", "This channel does not know the customer: give the contact an identity on it.")
