"""Everything durable that the server says: one class an event, its payload and its audience.

A durable event is one in the company's log: it has a `seq` and reaches the company's room and, when it belongs to a
conversation, the room of that. Sockets, the REST feed and the documents follow from this page.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, ClassVar

from app.models.channel import Channel
from app.models.contact import Contact
from app.models.conversation import Conversation
from app.models.delivery import DeliveryState
from app.models.entity import AppointmentId, ConversationId
from app.models.message import Message


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened, in the past tense."""

    type: ClassVar[str]

    @property
    def conversation_id(self) -> ConversationId | None:
        """Return the conversation whose followers hear it, besides the company."""
        return None

    def payload(self) -> dict[str, Any]:
        """Return what the event carries, as clients see it."""
        raise TypeError(f"{type(self).__name__} carries nothing")


@dataclass(frozen=True, kw_only=True)
class _OfMessage(Event):
    message: Message
    conversation: Conversation

    @property
    def conversation_id(self) -> ConversationId | None:
        return self.message.conversation_id

    def payload(self) -> dict[str, Any]:
        return {"message": self.message.view(self.conversation.marks), "conversation": self.conversation.view()}


class MessageNew(_OfMessage):
    """A message was stored; with it the conversation it moved, or made."""

    type = "message:new"


class MessageUpdated(_OfMessage):
    """A message's words or flags changed."""

    type = "message:updated"


class MessageDeleted(_OfMessage):
    """A message was taken back: its place stays, its words are gone."""

    type = "message:deleted"


class MessageStatus(_OfMessage):
    """An outbound message came further on its way, or to its end."""

    type = "message:status"


@dataclass(frozen=True, kw_only=True)
class MessagesReached(Event):
    """Everything that we sent up to a seq has reached the customer, or was read: one event, not one a message."""

    type = "message:status"
    conversation: Conversation
    state: DeliveryState
    up_to_seq: int

    @property
    def conversation_id(self) -> ConversationId | None:
        return ConversationId(self.conversation.id)

    def payload(self) -> dict[str, Any]:
        return {"state": self.state, "up_to_seq": self.up_to_seq, "conversation": self.conversation.view()}


@dataclass(frozen=True, kw_only=True)
class MessageRead(Event):
    """Someone of the staff has read a conversation up to a seq."""

    type = "message:read"
    conversation: Conversation
    reader_id: str
    up_to_seq: int
    read_at: datetime

    @property
    def conversation_id(self) -> ConversationId | None:
        return ConversationId(self.conversation.id)

    def payload(self) -> dict[str, Any]:
        return {
            "reader_id": self.reader_id,
            "up_to_seq": self.up_to_seq,
            "read_at": self.read_at,
            "conversation": self.conversation.view(),
        }


@dataclass(frozen=True, kw_only=True)
class _OfConversation(Event):
    conversation: Conversation

    @property
    def conversation_id(self) -> ConversationId | None:
        return ConversationId(self.conversation.id)

    def payload(self) -> dict[str, Any]:
        return {"conversation": self.conversation.view()}


class ConversationNew(_OfConversation):
    """A conversation was opened before anything was said in it."""

    type = "conversation:new"


class ConversationUpdated(_OfConversation):
    """A conversation changed without a message: closed, reopened, assigned."""

    type = "conversation:updated"


@dataclass(frozen=True, kw_only=True)
class ContactUpdated(Event):
    """A customer is new, or known better."""

    type = "contact:updated"
    contact: Contact

    def payload(self) -> dict[str, Any]:
        return {"contact": self.contact.view()}


@dataclass(frozen=True, kw_only=True)
class ChannelUpdated(Event):
    """A connected account is new, or its health changed."""

    type = "channel:updated"
    channel: Channel

    def payload(self) -> dict[str, Any]:
        return {"channel": self.channel.view()}


@dataclass(frozen=True, kw_only=True)
class MessageAnnounced(Event):
    """A message that another service stores; we only announce it."""

    type = "message:new"
    announced_in: ConversationId
    message: dict[str, Any]

    @property
    def conversation_id(self) -> ConversationId | None:
        return self.announced_in

    def payload(self) -> dict[str, Any]:
        return {"message": self.message, "conversation": {"id": self.announced_in}}


@dataclass(frozen=True, kw_only=True)
class _OfAppointment(Event):
    id: AppointmentId
    appointment: dict[str, Any]

    def payload(self) -> dict[str, Any]:
        return {"appointment": self.appointment}


class AppointmentCreated(_OfAppointment):
    """An appointment was made in another service."""

    type = "appointment:created"


class AppointmentUpdated(_OfAppointment):
    """An appointment changed in another service."""

    type = "appointment:updated"


class AppointmentCanceled(_OfAppointment):
    """An appointment was called off in another service."""

    type = "appointment:canceled"


DURABLE: tuple[type[Event], ...] = (
    MessageNew,
    MessageUpdated,
    MessageDeleted,
    MessageStatus,
    MessagesReached,
    MessageRead,
    ConversationNew,
    ConversationUpdated,
    ContactUpdated,
    ChannelUpdated,
    AppointmentCreated,
    AppointmentUpdated,
    AppointmentCanceled,
)

# The fields in which each event carries things that the journal stamps.
CARRIED = {
    kind: tuple(field.name for field in fields(kind) if field.name in ("message", "conversation", "contact", "channel"))
    for kind in DURABLE
} | {MessageAnnounced: ()}
