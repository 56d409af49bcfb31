"""Messages over REST."""

from typing import Any

from app.actions.await_outcome import await_outcome
from app.actions.cancel_message import cancel_message
from app.actions.delete_message import delete_message
from app.actions.draft import Draft
from app.actions.edit_message import Edit, edit_message
from app.actions.forwarding import forwarding_of
from app.actions.mark_read import mark_read
from app.actions.read_inbox import list_contacts
from app.actions.read_messages import messages_of_contact, messages_of_conversation, read_message
from app.actions.retry_message import retry_message
from app.actions.send_message import send_message
from app.errors import Invalid
from app.handlers.bodies import NoQuery, Page
from app.handlers.endpoint import Ask, Reply
from app.handlers.message_bodies import (
    AttachmentBody,
    IdBody,
    InstagramBody,
    MessageBody,
    MessageEdit,
    MessageEditById,
    MessagesQuery,
    ReadBody,
    WaitQuery,
)
from app.models.contact import Platform
from app.models.entity import ChannelId, ContactId, ConversationId, MessageId
from app.models.message import Attachment, Direction, MessageRole


async def create(ask: Ask[MessageBody, WaitQuery]) -> Reply:
    """Store a message, announce it, and say whether it goes on to its platform."""
    sent = await send_message(ask.hub, ask.caller, _draft(ask))
    message = await await_outcome(ask.hub, ask.caller, sent.message) if ask.query.wait else sent.message
    return Reply(
        message,
        status=200 if sent.replayed else 201,
        beside={"forwarding": forwarding_of(message)},
        replayed=sent.replayed,
    )


async def retry(ask: Ask[None, NoQuery]) -> Reply:
    """Send a message again."""
    return Reply.done(await retry_message(ask.hub, ask.caller, ask.id, ask.key))


async def cancel(ask: Ask[None, NoQuery]) -> Reply:
    """Call a message off."""
    return Reply.done(await cancel_message(ask.hub, ask.caller, ask.id, ask.key))


def _draft(ask: Ask[MessageBody, Any]) -> Draft:
    body = ask.body
    if body.platform is Platform.SANDBOX and ask.hub.settings.is_production:
        raise Invalid.of("platform", "There is no sandbox in production.")
    inbound = body.role is MessageRole.USER
    return Draft(
        role=body.role,
        direction=body.direction or (Direction.INBOUND if inbound else Direction.OUTBOUND),
        conversation_id=ConversationId(body.conversation_id) if body.conversation_id else None,
        contact_id=ContactId(body.contact_id) if body.contact_id else None,
        channel_id=ChannelId(body.channel_id) if body.channel_id else None,
        platform=body.platform,
        content=body.content or "",
        attachments=_attachments(body.attachments),
        reply_to=MessageId(body.reply_to) if body.reply_to else None,
        client_message_id=ask.key,
        external_message_id=body.external_message_id,
        read=body.read,
        delivered=body.delivered,
        created_at=body.created_at,
    )


def _attachments(bodies: list[AttachmentBody]) -> tuple[Attachment, ...]:
    return tuple(Attachment(type=b.type, url=b.url, file_description=b.file_description) for b in bodies)


async def listed(ask: Ask[None, MessagesQuery]) -> Reply:
    """List the messages of a contact or a conversation, newest first."""
    query = ask.query
    if query.conversation_id is not None:
        id = ConversationId(query.conversation_id)
        page = await messages_of_conversation(ask.hub, ask.caller, id, before=query.before_seq, limit=query.limit)
    else:
        page = await messages_of_contact(
            ask.hub,
            ask.caller,
            ContactId(query.contact_id or ""),
            platform=query.platform,
            before=query.before_seq,
            limit=query.limit,
        )
    return Reply.page(*page)


async def of_conversation(ask: Ask[None, Page]) -> Reply:
    """List the messages of one conversation, newest first."""
    id = ConversationId(ask.id)
    return Reply.page(
        *await messages_of_conversation(ask.hub, ask.caller, id, before=ask.query.before_seq, limit=ask.query.limit)
    )


async def get(ask: Ask[None, NoQuery]) -> Reply:
    """Return one message."""
    return Reply(await read_message(ask.hub, ask.caller, ask.id))


async def edit(ask: Ask[MessageEdit, NoQuery]) -> Reply:
    """Change one message."""
    return Reply.done(await edit_message(ask.hub, ask.caller, ask.id, _edit(ask.body), ask.key))


async def edit_by_body(ask: Ask[MessageEditById, NoQuery]) -> Reply:
    """Change one message: the older form."""
    return Reply.done(await edit_message(ask.hub, ask.caller, ask.body.id, _edit(ask.body), ask.key))


def _edit(body: MessageEdit) -> Edit:
    return Edit(
        content=body.content,
        attachments=None if body.attachments is None else _attachments(body.attachments),
        read=body.read,
        delivered=body.delivered,
    )


async def delete(ask: Ask[None, NoQuery]) -> Reply:
    """Take one message back."""
    return Reply.done(await delete_message(ask.hub, ask.caller, ask.id, ask.key))


async def delete_by_body(ask: Ask[IdBody, NoQuery]) -> Reply:
    """Take one message back: the older form."""
    return Reply.done(await delete_message(ask.hub, ask.caller, ask.body.id, ask.key))


async def read(ask: Ask[ReadBody, NoQuery]) -> Reply:
    """Mark a conversation, or all of a contact's, as read."""
    body = ask.body
    views, replayed = await mark_read(
        ask.hub,
        ask.caller,
        conversation_id=ConversationId(body.conversation_id) if body.conversation_id else None,
        contact_id=ContactId(body.contact_id) if body.contact_id else None,
        up_to_seq=body.up_to_seq,
        client_key=ask.key,
    )
    return Reply({"conversations": views}, replayed=replayed)


async def instagram(ask: Ask[InstagramBody, NoQuery]) -> Reply:
    """List Instagram customers: the older form."""
    before = int(ask.body.before) if ask.body.before else None
    return Reply.page(
        *await list_contacts(ask.hub, ask.caller, platform=Platform.INSTAGRAM, before=before, limit=ask.body.limit)
    )
