"""Read what was said."""

from typing import Any

from app.access import access_contact, access_conversation, access_message
from app.hub import Hub
from app.models.caller import Caller
from app.models.contact import Platform
from app.models.conversation import Conversation
from app.models.entity import ContactId, ConversationId
from app.models.message import Message

Views = list[dict[str, Any]]


async def read_message(hub: Hub, caller: Caller, id: str) -> dict[str, Any]:
    """Return one message. Raises NotFound."""
    message = await access_message(hub, caller, id)
    conversation = await access_conversation(hub, caller, message.conversation_id)
    return message.view(conversation.marks)


async def messages_of_conversation(
    hub: Hub, caller: Caller, id: ConversationId, *, before: int | None, limit: int
) -> tuple[Views, int | None]:
    """Return a page of a conversation, newest first, and where the next page begins. Raises NotFound."""
    conversation = await access_conversation(hub, caller, id)
    found = await hub.store.messages.of_conversation(conversation.company_id, id, before=before, limit=limit + 1)
    return _page(found, [conversation], limit)


async def messages_of_contact(
    hub: Hub, caller: Caller, id: ContactId, *, platform: Platform | None, before: int | None, limit: int
) -> tuple[Views, int | None]:
    """Return a page of all that was said with a contact, newest first. Raises NotFound."""
    contact = await access_contact(hub, caller, id)
    found = await hub.store.messages.of_contact(
        contact.company_id, id, platform=platform, before=before, limit=limit + 1
    )
    threads = {message.conversation_id for message in found}
    conversations = await hub.store.conversations.load(contact.company_id, [Conversation.ref(each) for each in threads])
    return _page(found, conversations, limit)


def _page(found: list[Message], conversations: list[Conversation], limit: int) -> tuple[Views, int | None]:
    """Return what was found, up to a limit, and where the next page begins if there was more."""
    marks = {conversation.id: conversation.marks for conversation in conversations}
    views = [message.view(marks[message.conversation_id]) for message in found[:limit]]
    return views, found[limit - 1].seq if len(found) > limit else None
