"""What a webhook tells us, the same whichever platform says it. Ids are the platform's; times are of its clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.models.delivery import DeliveryState
from app.models.failure import Failure
from app.models.message import Attachment


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One thing of a batch. `account` is the page, number or bot that it concerns, `peer` the customer."""

    account: str
    peer: str
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Said(Heard):
    """The customer wrote, or pressed a button (`pressed` is what it stands for)."""

    id: str
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    reply_to: str | None = None
    name: str | None = None
    pressed: str | None = None


@dataclass(frozen=True, kw_only=True)
class Echoed(Heard):
    """A message went out from our account: by us (`our_id`, or the id of our app), or by a person elsewhere."""

    id: str
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    app_id: str | None = None
    our_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Receipt(Heard):
    """Messages of ours were sent, delivered, read or refused: those named, or all up to a time."""

    state: DeliveryState
    ids: tuple[str, ...] = ()
    up_to: datetime | None = None
    our_id: str | None = None
    failure: Failure | None = None


@dataclass(frozen=True, kw_only=True)
class Reacted(Heard):
    """The customer put a sign to a message, or took it back (None)."""

    id: str
    emoji: str | None


@dataclass(frozen=True, kw_only=True)
class Rewrote(Heard):
    """The customer changed a message."""

    id: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Withdrew(Heard):
    """The customer deleted a message: its content must go."""

    id: str


@dataclass(frozen=True, kw_only=True)
class Left(Heard):
    """The customer blocked us."""


@dataclass(frozen=True, kw_only=True)
class Unknown(Heard):
    """Something that we do not understand (yet): kept as it came, and counted."""

    kind: str
    raw: Mapping[str, Any]


def moment(milliseconds: object) -> datetime | None:
    """Return the time of a number of milliseconds since 1970; None for what is none."""
    if isinstance(milliseconds, str) and milliseconds.isdecimal():
        milliseconds = int(milliseconds)
    if not isinstance(milliseconds, int) or isinstance(milliseconds, bool) or not 0 < milliseconds < 1 << 48:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
