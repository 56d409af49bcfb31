"""What requests may carry: every field with its limits. Unknown fields are refused."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app.models.contact import Platform
from app.models.conversation import Status
from app.models.fields import ClientKey, Cursor, Email, ExternalId, Id, Limit, Moment, Name, Phone, Seq, Text, Url
from app.models.message import Direction, MessageRole


class Body(BaseModel):
    """A JSON object with these fields and no others, of exactly these types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


class Query(BaseModel):
    """The query string, with these names and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Page(Query):
    """Where a page begins, and how long it is."""

    before: Cursor | None = None
    limit: Limit = 50

    @property
    def before_seq(self) -> int | None:
        """Return the cursor as the seq that it is."""
        return int(self.before) if self.before is not None else None


class NoQuery(Query):
    """Nothing in the query string."""


class AttachmentBody(Body):
    """A file that lies elsewhere."""

    type: Annotated[str, StringConstraints(min_length=1, max_length=50)]
    url: Url
    file_description: Annotated[str, StringConstraints(max_length=1000)] | None = None


Attachments = Annotated[list[AttachmentBody], Field(max_length=20)]


class MessageBody(Body):
    """A message to store."""

    company_id: Id | None = None
    contact_id: Id | None = None
    conversation_id: Id | None = None
    channel_id: Id | None = None
    role: MessageRole
    platform: Platform | None = None
    direction: Direction | None = None
    content: Text | None = None
    attachments: Attachments = []
    reply_to: Id | None = None
    client_message_id: ClientKey | None = None
    external_message_id: ExternalId | None = None
    read: bool = False
    delivered: bool = False
    created_at: Moment | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "MessageBody":
        if not (self.content or "").strip() and not self.attachments:
            raise ValueError("A message needs words or an attachment.")
        return self


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


class ReadBody(Body):
    """What was read: a conversation, or all of a contact's."""

    company_id: Id | None = None
    conversation_id: Id | None = None
    contact_id: Id | None = None
    up_to_seq: Seq | None = None

    @model_validator(mode="after")
    def _names_one(self) -> "ReadBody":
        if (self.conversation_id is None) == (self.contact_id is None):
            raise ValueError("Name a conversation_id or a contact_id, one of them.")
        return self


class IdentityBody(Body):
    """Who the customer is on a platform."""

    platform: Platform
    channel_id: Id | None = None
    external_id: ExternalId


class ContactBody(Body):
    """A new customer."""

    company_id: Id | None = None
    name: Name
    email: Email | None = None
    phone: Phone | None = None
    identities: Annotated[list[IdentityBody], Field(max_length=20)] = []
    client_message_id: ClientKey | None = None


class ContactEditBody(Body):
    """What shall change in a contact; null empties a field."""

    name: Name | None = None
    email: Email | None = None
    phone: Phone | None = None
    identities: Annotated[list[IdentityBody], Field(max_length=20)] | None = None

    @model_validator(mode="after")
    def _keeps_a_name(self) -> "ContactEditBody":
        if "name" in self.model_fields_set and self.name is None:
            raise ValueError("A contact keeps a name.")
        return self


class ConversationEditBody(Body):
    """What shall change in a conversation; a null assignee means nobody."""

    status: Status | None = None
    assignee_id: Id | None = None


class LoginBody(Body):
    """An address and its password."""

    email: Annotated[str, StringConstraints(min_length=3, max_length=254)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class RefreshBody(Body):
    """A refresh token."""

    refresh_token: Annotated[str, StringConstraints(min_length=1, max_length=512)]


class LogoutBody(Body):
    """The refresh token of the sign-in that shall end; the access token names one as well."""

    refresh_token: Annotated[str, StringConstraints(min_length=1, max_length=512)] | None = None


class MessagesQuery(Page):
    """Which messages."""

    contact_id: Id | None = None
    conversation_id: Id | None = None
    platform: Platform | None = None

    @model_validator(mode="after")
    def _names_one(self) -> "MessagesQuery":
        if (self.conversation_id is None) == (self.contact_id is None):
            raise ValueError("Name a contact_id or a conversation_id, one of them.")
        return self


class ContactsQuery(Page):
    """Which contacts."""

    platform: Platform | None = None


class ConversationsQuery(Page):
    """Which conversations."""

    contact_id: Id | None = None
    platform: Platform | None = None
    status: Status | None = None


class WaitQuery(Query):
    """Whether to wait for the delivery's outcome."""

    wait: bool = False


class ChangesQuery(Query):
    """A cursor in the log: a seq, and the epoch in which it counts."""

    since: Seq | None = None
    epoch: Annotated[str, StringConstraints(max_length=64)] | None = None


class InstagramBody(Body):
    """The older form of listing Instagram customers: the page's cursor in the body."""

    company_id: Id | None = None
    before: Cursor | None = None
    limit: Limit = 50


class AnnounceBody(Body):
    """A message that another service has stored, as that service spells it."""

    company_id: Any = Field(None, alias="companyId")
    conversation_id: Any = Field(None, alias="conversationId")
    message: Any = None


class AppointmentBody(Body):
    """An appointment of another service: an id, and whatever else that service says of it."""

    company_id: Id = Field(alias="companyId")
    appointment: dict[str, Any]
