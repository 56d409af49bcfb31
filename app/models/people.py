"""Who can ask for something: staff, bots and services."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.models.entity import CompanyId, KeyId, SessionId, UserId


class Role(StrEnum):
    """What a member of staff is in the company."""

    OWNER = "owner"
    ADMIN = "admin"
    AGENT = "agent"


class KeyKind(StrEnum):
    """What holds an API key."""

    BOT = "bot"
    SERVICE = "service"


class Scope(StrEnum):
    """What an API key may do."""

    MESSAGES_READ = "messages:read"
    MESSAGES_WRITE = "messages:write"
    CONTACTS_READ = "contacts:read"
    CONTACTS_WRITE = "contacts:write"
    CONVERSATIONS_READ = "conversations:read"
    CONVERSATIONS_WRITE = "conversations:write"
    CHANNELS_READ = "channels:read"
    CHANNELS_WRITE = "channels:write"
    FEED_READ = "feed:read"  # every event, so texts and contacts too, whatever the other scopes are
    EVENTS_EMIT = "events:emit"
    ALL = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A member of staff who signs in."""

    id: UserId
    company_id: CompanyId
    email: str
    name: str
    role: Role
    password_hash: str
    active: bool = True
    sites: tuple[str, ...] = ()  # what tells the places from which this person signed in, the latest last
    created_at: datetime

    def card(self) -> dict[str, object]:
        """Return what colleagues, and keys that read conversations, see of the person."""
        return {"id": self.id, "name": self.name, "role": self.role, "active": self.active}

    def view(self) -> dict[str, object]:
        """Return the person without the password's hash."""
        return {
            "id": self.id,
            "company_id": self.company_id,
            "email": self.email,
            "name": self.name,
            "role": self.role,
            "created_at": self.created_at,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A bot's or a service's key: we keep its prefix, to find it, and a hash, to know it."""

    id: KeyId
    company_id: CompanyId
    name: str
    kind: KeyKind
    prefix: str
    hash: str
    scopes: tuple[Scope, ...]
    revoked_at: datetime | None = None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A sign-in. `n` is the number of its current refresh token, `key` the name of the key that made that one."""

    id: SessionId
    company_id: CompanyId
    user_id: UserId
    token_hash: str
    n: int = 0
    key: str = ""
    expires_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Span:
    """How long a sign-in lasts: without being used, at most, and for how long a spent token is a client's retry."""

    unused: timedelta
    most: timedelta
    grace: timedelta
