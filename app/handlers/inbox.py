"""Contacts, conversations and the log over REST."""

from app.access import company_of
from app.actions.create_contact import NewContact, create_contact
from app.actions.edit_contact import ContactEdit, edit_contact
from app.actions.read_changes import read_changes
from app.actions.read_inbox import list_contacts, list_conversations, list_users, read_contact, read_conversation
from app.actions.update_conversation import ConversationEdit, update_conversation
from app.handlers.bodies import (
    ChangesQuery,
    ContactBody,
    ContactEditBody,
    ContactsQuery,
    ConversationEditBody,
    ConversationsQuery,
    IdentityBody,
    NoQuery,
)
from app.handlers.endpoint import Ask, Reply
from app.models.contact import Identity
from app.models.entity import ChannelId, ContactId, ConversationId, UserId


async def create_one_contact(ask: Ask[ContactBody, NoQuery]) -> Reply:
    """Make a customer known."""
    body = ask.body
    new = NewContact(name=body.name, email=body.email, phone=body.phone, identities=_identities(body.identities))
    contact, replayed = await create_contact(ask.hub, ask.caller, new, ask.key)
    return Reply(contact, status=200 if replayed else 201, replayed=replayed)


def _identities(bodies: list[IdentityBody]) -> tuple[Identity, ...]:
    return tuple(
        Identity(
            platform=body.platform,
            channel_id=ChannelId(body.channel_id) if body.channel_id else None,
            external_id=body.external_id,
        )
        for body in bodies
    )


async def contacts(ask: Ask[None, ContactsQuery]) -> Reply:
    """List contacts, newest first."""
    query = ask.query
    return Reply.page(
        *await list_contacts(ask.hub, ask.caller, platform=query.platform, before=query.before_seq, limit=query.limit)
    )


async def contact(ask: Ask[None, NoQuery]) -> Reply:
    """Return one contact."""
    return Reply(await read_contact(ask.hub, ask.caller, ask.id))


async def edit_one_contact(ask: Ask[ContactEditBody, NoQuery]) -> Reply:
    """Change one contact."""
    fields = {name: getattr(ask.body, name) for name in ask.body.model_fields_set}
    if "identities" in fields:
        fields["identities"] = _identities(fields["identities"] or [])
    return Reply.done(await edit_contact(ask.hub, ask.caller, ContactId(ask.id), ContactEdit(fields=fields), ask.key))


async def conversations(ask: Ask[None, ConversationsQuery]) -> Reply:
    """List conversations, the latest spoken in first."""
    query = ask.query
    return Reply.page(
        *await list_conversations(
            ask.hub,
            ask.caller,
            contact_id=ContactId(query.contact_id) if query.contact_id else None,
            platform=query.platform,
            status=query.status,
            before=query.before_seq,
            limit=query.limit,
        )
    )


async def conversation(ask: Ask[None, NoQuery]) -> Reply:
    """Return one conversation."""
    return Reply(await read_conversation(ask.hub, ask.caller, ask.id))


async def edit_conversation(ask: Ask[ConversationEditBody, NoQuery]) -> Reply:
    """Close, reopen or assign one conversation."""
    body = ask.body
    edit = ConversationEdit(
        status=body.status,
        assign="assignee_id" in body.model_fields_set,
        assignee_id=UserId(body.assignee_id) if body.assignee_id else None,
    )
    return Reply.done(await update_conversation(ask.hub, ask.caller, ConversationId(ask.id), edit, ask.key))


async def users(ask: Ask[None, NoQuery]) -> Reply:
    """List the staff by name: who an `assignee_id` is."""
    return Reply.page(await list_users(ask.hub, ask.caller), None)


async def changes(ask: Ask[None, ChangesQuery]) -> Reply:
    """Return the events after a cursor, exactly as sockets got them."""
    page = await read_changes(ask.hub, company_of(ask.caller), epoch=ask.query.epoch, since=ask.query.since)
    return Reply(page.view())
