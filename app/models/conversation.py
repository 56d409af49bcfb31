"""A conversation: the messages between a company and one customer on one channel, until it is closed."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Self

from app.models.contact import Contact, Platform
from app.models.delivery import DeliveryState, Marks
from app.models.entity import ChannelId, ContactId, ConversationId, Entity, MessageId, Ref, UserId, evolve
from app.models.message import Direction, Message
from app.models.outbox import Waiting

PREVIEW = 200  # characters of the last message that lists show


class Status(StrEnum):
    """Whether the conversation still takes messages."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, kw_only=True)
class LastMessage:
    """What an inbox shows under the customer's name."""

    id: MessageId
    seq: int
    direction: Direction
    preview: str
    created_at: datetime

    def view(self) -> dict[str, object]:
        """Return it as clients see it."""
        return {
            "id": self.id,
            "seq": self.seq,
            "direction": self.direction,
            "preview": self.preview,
            "created_at": self.created_at,
        }


@dataclass(frozen=True, kw_only=True)
class Conversation(Entity):
    """One thread.

    `peer` is the customer's id on the channel, else `contact:{id}`. `read_seq` is the furthest that anyone of the staff
    has read, `read_inbound` the number of the last inbound message up to there. `outbox` is what waits to be sent,
    in order. What we sent has reached the customer up to `customer_delivered_seq`, and was read up to
    `customer_read_seq`, by the places that messages had in the queue.
    `uncertain_at` is when a reply last ended as uncertain.
    """

    kind: ClassVar[str] = "conversation"
    id: ConversationId
    contact_id: ContactId
    channel_id: ChannelId | None = None
    platform: Platform
    peer: str
    status: Status = Status.OPEN
    assignee_id: UserId | None = None
    last_message: LastMessage | None = None
    message_count: int = 0
    inbound_count: int = 0
    read_seq: int = 0
    read_inbound: int = 0
    outbox: tuple[Waiting, ...] = ()
    customer_delivered_seq: int = 0
    customer_read_seq: int = 0
    uncertain_at: datetime | None = None
    created_at: datetime

    @classmethod
    def open_with(cls, channel_id: ChannelId | None, platform: Platform, peer: str) -> Ref["Conversation"]:
        """Ask for the open conversation with this peer on this channel."""
        return tuple.__new__(Ref, (Conversation, "open", (channel_id, platform, peer)))

    def names(self) -> tuple[Ref[Entity], ...]:
        """Return the one open conversation's name, while it is open."""
        return (Conversation.open_with(self.channel_id, self.platform, self.peer),) if self.is_open else ()

    @property
    def is_open(self) -> bool:
        """Tell whether it takes messages."""
        return self.status is Status.OPEN

    @property
    def marks(self) -> Marks:
        """Return how far it is read, here and there."""
        return Marks(self.read_seq, self.customer_delivered_seq, self.customer_read_seq)

    @property
    def unread_count(self) -> int:
        """Return how many inbound messages nobody of the staff has read."""
        return self.inbound_count - self.read_inbound

    @property
    def activity_seq(self) -> int:
        """Return the seq by which lists are sorted: that of the last message, else of the conversation itself."""
        return self.last_message.seq if self.last_message else self.seq

    def with_message(self, message: Message) -> Self:
        """Return the conversation after one more message; its seq is filled in when it is stamped."""
        last = LastMessage(
            id=message.id,
            seq=0,
            direction=message.direction,
            preview=message.content[:PREVIEW],
            created_at=message.created_at,
        )
        return evolve(
            self,
            last_message=last,
            message_count=self.message_count + 1,
            inbound_count=self.inbound_count + (message.is_inbound and not message.read),
        )

    def with_changed(self, message: Message) -> Self:
        """Return the conversation after one of its messages changed: the preview follows if it was the last."""
        if self.last_message is None or self.last_message.id != message.id:
            return self
        return replace(self, last_message=replace(self.last_message, preview=message.content[:PREVIEW]))

    def read_up_to(self, seq: int, number: int) -> Self:
        """Return the conversation as read up to `seq`, its inbound message `number`; marks never go back."""
        if seq <= self.read_seq:
            return self
        return replace(self, read_seq=seq, read_inbound=max(number, self.read_inbound))

    @property
    def head(self) -> Waiting | None:
        """Return what is sent next."""
        return self.outbox[0] if self.outbox else None

    def queueing(self, waiting: Waiting) -> Self:
        """Return the conversation with one more message that waits to be sent."""
        return evolve(self, outbox=(*self.outbox, waiting))

    def without(self, id: MessageId) -> Self:
        """Return the conversation with one message less that waits to be sent."""
        return evolve(self, outbox=tuple(each for each in self.outbox if each.id != id))

    def reached(self, state: DeliveryState, seq: int) -> Self:
        """Return the conversation after the customer got, or read, what we sent up to `seq`; marks never go back."""
        delivered = max(self.customer_delivered_seq, seq)
        read = max(self.customer_read_seq, seq) if state is DeliveryState.READ else self.customer_read_seq
        if (delivered, read) == (self.customer_delivered_seq, self.customer_read_seq):
            return self
        return evolve(self, customer_delivered_seq=delivered, customer_read_seq=read)

    def stamped(self, seq: int) -> Self:
        """Return this as the event `seq` leaves it; a message that came with the event takes its seq too."""
        last = self.last_message
        if last is not None and last.seq == 0:
            last = evolve(last, seq=seq)
        return evolve(self, version=seq, seq=self.seq or seq, last_message=last)

    def view(self) -> dict[str, object]:
        """Return the conversation as clients see it."""
        return {
            "id": self.id,
            "company_id": self.company_id,
            "seq": self.seq,
            "version": self.version,
            "contact_id": self.contact_id,
            "channel_id": self.channel_id,
            "platform": self.platform,
            "status": self.status,
            "assignee_id": self.assignee_id,
            "last_message": self.last_message.view() if self.last_message else None,
            "message_count": self.message_count,
            "unread_count": self.unread_count,
            "read_seq": self.read_seq,
            "customer_delivered_seq": self.customer_delivered_seq,
            "customer_read_seq": self.customer_read_seq,
            "queued_count": len(self.outbox),
            "created_at": self.created_at,
        }


def peer_of(contact: Contact, channel_id: ChannelId | None) -> str:
    """Return whom the conversation is with: the identity that the channel knows, else the contact itself."""
    identity = contact.identity_on(channel_id)
    return identity.external_id if identity else f"contact:{contact.id}"


@dataclass(frozen=True, kw_only=True)
class ReadMark(Entity):
    """How far one reader has read one conversation; its id is `{reader}:{conversation}`."""

    kind: ClassVar[str] = "read_mark"
    reader_id: str
    conversation_id: str
    up_to_seq: int

    @staticmethod
    def id_of(reader_id: str, conversation_id: str) -> str:
        """Return the id under which a reader's mark on a conversation is kept."""
        return f"{reader_id}:{conversation_id}"
