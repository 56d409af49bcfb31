"""What requests may carry: every field with its limits. Unknown fields are refused."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app.models.contact import Platform
from app.models.conversation import Status
from app.models.fields import ClientKey, Cursor, Email, ExternalId, Id, Limit, Name, Phone, Seq


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


class ContactsQuery(Page):
    """Which contacts."""

    platform: Platform | None = None


class ConversationsQuery(Page):
    """Which conversations."""

    contact_id: Id | None = None
    platform: Platform | None = None
    status: Status | None = None


class ChangesQuery(Query):
    """A cursor in the log: a seq, and the epoch in which it counts."""

    since: Seq | None = None
    epoch: Annotated[str, StringConstraints(max_length=64)] | None = None


class AnnounceBody(Body):
    """A message that another service has stored, as that service spells it."""

    company_id: Any = Field(None, alias="companyId")
    conversation_id: Any = Field(None, alias="conversationId")
    message: Any = None


class AppointmentBody(Body):
    """An appointment of another service: an id, and whatever else that service says of it."""

    company_id: Id | None = Field(None, alias="companyId")
    appointment: dict[str, Any]
