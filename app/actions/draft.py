"""What a client asks to be said, and where that belongs."""

from dataclasses import dataclass
from datetime import datetime

from app.models.contact import Platform
from app.models.entity import ChannelId, CompanyId, ContactId, ConversationId, MessageId
from app.models.message import Attachment, Direction, MessageRole


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
class Place:
    """Where a message belongs, as far as the client has said.

    Without a `conversation_id`, no `channel_id` means the main channel of the platform, whichever that is by then.
    """

    company_id: CompanyId
    contact_id: ContactId
    channel_id: ChannelId | None
    platform: Platform
    conversation_id: ConversationId | None
