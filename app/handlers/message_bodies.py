"""What requests about messages may carry: every field with its limits."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, field_validator

from app.handlers.bodies import Body, Page, Query
from app.models.contact import Platform
from app.models.fields import ClientKey, Cursor, ExternalId, Id, Limit, Moment, NoControls, Seq, Text, Url
from app.models.message import Direction, MessageRole


class AttachmentBody(Body):
    """A file that lies elsewhere."""

    type: Annotated[str, StringConstraints(min_length=1, max_length=50), NoControls]
    url: Url
    file_description: Annotated[str, StringConstraints(max_length=1000)] | None = None


Attachments = Annotated[list[AttachmentBody], Field(max_length=20)]


class MessageBody(Body):
    """A message to store.

    A rule about two fields is checked with the later one, so that one answer names everything that is wrong.
    """

    company_id: Id | None = None
    conversation_id: Id | None = None
    contact_id: Id | None = Field(None, validate_default=True)
    channel_id: Id | None = None
    role: MessageRole
    platform: Platform | None = Field(None, validate_default=True)
    direction: Direction | None = None
    attachments: Attachments = Field([])
    content: Text | None = Field(None, validate_default=True)
    reply_to: Id | None = None
    client_message_id: ClientKey | None = None
    external_message_id: ExternalId | None = None
    read: bool = False
    delivered: bool = False
    created_at: Moment | None = None

    @field_validator("contact_id")
    @classmethod
    def _belongs_somewhere(cls, contact_id: str | None, info: ValidationInfo) -> str | None:
        if contact_id is None and info.data.get("conversation_id", "") is None:
            raise ValueError("Send either conversation_id, or contact_id and platform.")
        return contact_id

    @field_validator("platform")
    @classmethod
    def _goes_with_the_contact(cls, platform: Platform | None, info: ValidationInfo) -> Platform | None:
        if platform is None and info.data.get("conversation_id", "") is None and info.data.get("contact_id"):
            raise ValueError("Send the platform beside contact_id.")
        return platform

    @field_validator("content")
    @classmethod
    def _says_something(cls, content: str | None, info: ValidationInfo) -> str | None:
        if not (content or "").strip() and info.data.get("attachments") == []:
            raise ValueError("content must not be empty where no attachment is sent.")
        return content


class MessageEdit(Body):
    """What shall change in a message."""

    content: Text | None = None
    attachments: Attachments | None = None
    read: Literal[True] | None = None
    delivered: bool | None = None


class MessageEditById(MessageEdit):
    """The older form, with the id in the body."""

    id: Id


class IdBody(Body):
    """An id."""

    id: Id


def either(contact_id: str | None, info: ValidationInfo) -> str | None:
    """Refuse both a contact and a conversation, and neither."""
    if "conversation_id" in info.data and (info.data["conversation_id"] is None) == (contact_id is None):
        raise ValueError("Send either contact_id or conversation_id.")
    return contact_id


class ReadBody(Body):
    """What was read: a conversation, or all of a contact's."""

    company_id: Id | None = None
    conversation_id: Id | None = None
    contact_id: Annotated[Id | None, AfterValidator(either)] = Field(None, validate_default=True)
    up_to_seq: Seq | None = None


class MessagesQuery(Page):
    """Which messages."""

    conversation_id: Id | None = None
    contact_id: Annotated[Id | None, AfterValidator(either)] = Field(None, validate_default=True)
    platform: Platform | None = None


class WaitQuery(Query):
    """Whether to wait for the delivery's outcome."""

    wait: bool = False


class InstagramBody(Body):
    """The older form of listing Instagram customers: the page's cursor in the body."""

    company_id: Id | None = None
    before: Cursor | None = None
    limit: Limit = 50
