"""What requests about channels may carry. Credentials are checked where their network is known."""

from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints, model_validator

from app.handlers.bodies import Body
from app.models.contact import Platform
from app.models.fields import ClientKey, Name, Url

MOST_CREDENTIALS = 10

AccountId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]  # it goes into addresses
Credentials = Annotated[dict[str, SecretStr], Field(max_length=MOST_CREDENTIALS)]
Opaque = Annotated[str, StringConstraints(min_length=1, max_length=2048)]


class ChannelBody(Body):
    """An account to connect."""

    platform: Platform
    name: Name | None = None
    external_id: AccountId | None = None
    credentials: Credentials | None = None
    grant_id: Opaque | None = None
    client_message_id: ClientKey | None = None

    @model_validator(mode="after")
    def _has_one_way_in(self) -> "ChannelBody":
        if self.credentials is not None and self.grant_id is not None:
            raise ValueError("Give credentials or a grant_id, one of them.")
        return self


class ChannelEditBody(Body):
    """What shall change in a channel."""

    name: Name | None = None
    credentials: Credentials | None = None


class LoginBeginBody(Body):
    """Where a person comes back to from Facebook."""

    redirect_uri: Url


class LoginFinishBody(Body):
    """What a person came back with."""

    state: Opaque
    code: Opaque
