"""A message, what became of it, and who wrote it."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Self

from app.models.contact import Platform
from app.models.delivery import Delivery, Marks, Part
from app.models.entity import ChannelId, ContactId, ConversationId, Entity, MessageId, Ref, evolve

NO_MARKS = Marks()


class MessageRole(StrEnum):
    """On whose behalf a message speaks."""

    USER = "user"
    OPERATOR = "operator"
    ASSISTANT = "assistant"


class Direction(StrEnum):
    """Towards the company, or away from it."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A file that lies elsewhere."""

    type: str
    url: str
    file_description: str | None = None

    def view(self) -> dict[str, object]:
        """Return the attachment as clients see it."""
        return {"type": self.type, "url": self.url, "file_description": self.file_description}


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who wrote it: a member of staff, a key, or the contact."""

    kind: str
    id: str
    name: str

    def view(self) -> dict[str, object]:
        """Return the author as clients see them."""
        return {"kind": self.kind, "id": self.id, "name": self.name}


@dataclass(frozen=True, kw_only=True)
class Reaction:
    """A sign that the customer put to a message."""

    by: str
    emoji: str

    def view(self) -> dict[str, object]:
        """Return the sign as clients see it."""
        return {"by": self.by, "emoji": self.emoji}


@dataclass(frozen=True, kw_only=True)
class Message(Entity):
    """One message of a conversation.

    `number` counts the conversation's inbound messages up to this one, so that an unread counter is a subtraction.
    """

    kind: ClassVar[str] = "message"
    remembered: ClassVar[bool] = False
    id: MessageId
    conversation_id: ConversationId
    contact_id: ContactId
    channel_id: ChannelId | None = None
    platform: Platform
    role: MessageRole
    direction: Direction
    content: str = ""
    attachments: tuple[Attachment, ...] = ()
    reply_to: MessageId | None = None
    postback: str | None = None
    reactions: tuple[Reaction, ...] = ()
    author: Author
    client_message_id: str | None = None
    external_message_id: str | None = None
    parts: tuple[Part, ...] = ()
    delivery: Delivery | None = None
    number: int = 0
    read: bool = False
    delivered: bool = False
    created_at: datetime
    edited_at: datetime | None = None
    deleted_at: datetime | None = None

    @classmethod
    def known_as(cls, channel_id: str, external_id: str) -> Ref["Message"]:
        """Ask for the message that this channel's platform knows by that id."""
        return Ref(Message, "external", (channel_id, external_id))

    def names(self) -> tuple[Ref[Entity], ...]:
        """Return the platform's names for the parts of this message."""
        return tuple(
            Message.known_as(self.channel_id, part.external_id)
            for part in self.parts
            if self.channel_id and part.external_id
        )

    @property
    def is_inbound(self) -> bool:
        """Tell whether a customer wrote it."""
        return self.direction is Direction.INBOUND

    @property
    def place(self) -> int:
        """Return its place in its conversation's queue, which went out in this order: the customer's marks count so."""
        return (self.delivery.queued_seq if self.delivery else None) or self.seq

    def stamped(self, seq: int) -> Self:
        """Return this as the event `seq` leaves it; put into the queue again by it, it has its place there."""
        delivery = self.delivery
        if delivery is not None and delivery.queued_seq == 0:
            delivery = evolve(delivery, queued_seq=seq)
        return evolve(self, version=seq, seq=self.seq or seq, delivery=delivery)

    def deleted(self, now: datetime) -> Self:
        """Return what is left of it: its place, not its words."""
        return replace(self, content="", attachments=(), postback=None, reactions=(), deleted_at=now)

    def reacted(self, by: str, emoji: str | None) -> Self:
        """Return it with this one's sign, or without any."""
        others = tuple(each for each in self.reactions if each.by != by)
        return replace(self, reactions=(*others, Reaction(by=by, emoji=emoji)) if emoji else others)

    def view(self, marks: Marks = NO_MARKS) -> dict[str, object]:
        """Return the message as clients see it, with what its conversation's marks say of it."""
        return {
            "id": self.id,
            "company_id": self.company_id,
            "seq": self.seq,
            "version": self.version,
            "conversation_id": self.conversation_id,
            "contact_id": self.contact_id,
            "channel_id": self.channel_id,
            "platform": self.platform,
            "role": self.role,
            "direction": self.direction,
            "content": self.content,
            "attachments": [attachment.view() for attachment in self.attachments],
            "reply_to": self.reply_to,
            "postback": self.postback,
            "reactions": [reaction.view() for reaction in self.reactions],
            "author": self.author.view(),
            "client_message_id": self.client_message_id,
            "external_message_id": self.external_message_id,
            "read": self.read or (self.is_inbound and self.seq <= marks.read),
            "delivered": self.delivered,
            "delivery": self.delivery_view(marks),
            "created_at": self.created_at,
            "edited_at": self.edited_at,
            "deleted_at": self.deleted_at,
        }

    def delivery_view(self, marks: Marks) -> dict[str, object] | None:
        """Return where it stands, or nothing for a message that goes nowhere."""
        if self.delivery is None:
            return None
        return self.delivery.view(self.delivery.as_seen(self.place, marks), self.parts)
