"""What clients may send over a socket: every field with its limits. `conversationId` is taken for `conversation_id`."""

from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from app.models.fields import ClientKey, Id, Seq, Text

Token = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Epoch = Annotated[str, StringConstraints(max_length=64)]


class Payload(BaseModel):
    """An object with these fields and no others, of exactly these types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


class ConnectAuth(Payload):
    """What a client connects with: a token or a key, and where it left off.

    Other keys are ignored: a refused CONNECT is final, and a client may keep more beside its cursor.
    """

    model_config = ConfigDict(extra="ignore")

    token: Token | None = None
    api_key: Token | None = None
    epoch: Epoch | None = None
    seq: Seq | None = None

    @model_validator(mode="after")
    def _proves_one(self) -> "ConnectAuth":
        if (self.token is None) == (self.api_key is None):
            raise ValueError("Connect with auth {token} or {api_key}, one of them.")
        return self


class Nothing(Payload):
    """An empty object."""


class Declare(Payload):
    """Whether one is here or away."""

    status: Literal["online", "away"]


class OfConversation(Payload):
    """A conversation."""

    conversation_id: Id = Field(validation_alias=AliasChoices("conversation_id", "conversationId"))


class Join(OfConversation):
    """A conversation to follow, and where the client left off in it."""

    epoch: Epoch | None = None
    seq: Seq | None = None


class Say(OfConversation):
    """A message to send."""

    content: Text
    client_message_id: ClientKey | None = Field(
        None, validation_alias=AliasChoices("client_message_id", "clientMessageId")
    )
    reply_to: Id | None = Field(None, validation_alias=AliasChoices("reply_to", "replyTo"))
    role: Literal["operator", "assistant"] = "operator"

    @field_validator("content")
    @classmethod
    def _says_something(cls, content: str) -> str:
        if not content.strip():
            raise ValueError("content must not be empty.")
        return content


class Read(OfConversation):
    """How far a conversation was read; without a seq, all of it."""

    up_to_seq: Seq | None = Field(None, validation_alias=AliasChoices("up_to_seq", "upToSeq"))


class Sync(Payload):
    """A cursor from which to read the log."""

    epoch: Epoch
    since: Seq


class SyncThread(Sync):
    """From where to read one conversation's part of the log."""

    conversation_id: Id = Field(validation_alias=AliasChoices("conversation_id", "conversationId"))


class Renew(Payload):
    """A newer token of the same person."""

    token: Token
