"""What a webhook tells us, the same whichever platform says it. Ids are the platform's; times are of its clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.models.delivery import DeliveryState
from app.models.failure import Failure
from app.models.message import Attachment

# Characters. Our own limit of 5 000 is for what our clients write: a customer's words stay whole, and no platform lets
# them write a tenth of this.
MOST_TEXT = 100_000

YEAR_10000 = 253_402_300_800_000  # milliseconds since 1970; a datetime ends before


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One thing of a batch. `account` is the page, number or bot that it concerns, `peer` the customer."""

    account: str
    peer: str
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Worded(Heard):
    """Something with a text, of which no more than MOST_TEXT characters are heard."""

    text: str = ""

    def __post_init__(self) -> None:
        if len(self.text) > MOST_TEXT:
            object.__setattr__(self, "text", self.text[:MOST_TEXT])


@dataclass(frozen=True, kw_only=True)
class Said(Worded):
    """The customer wrote, or pressed a button (`pressed` is what it stands for)."""

    id: str
    attachments: tuple[Attachment, ...] = ()
    reply_to: str | None = None
    name: str | None = None
    pressed: str | None = None


@dataclass(frozen=True, kw_only=True)
class Echoed(Worded):
    """A message went out from our account: by us (`our_id`, or the id of our app), or by a person elsewhere."""

    id: str
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
class Rewrote(Worded):
    """The customer changed a message."""

    id: str


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
    """Return the time of a number of milliseconds since 1970; None for what is none or ends after our years."""
    if isinstance(milliseconds, str) and milliseconds.isdecimal() and len(milliseconds) <= len(str(YEAR_10000)):
        milliseconds = int(milliseconds)
    if not isinstance(milliseconds, int) or isinstance(milliseconds, bool) or not 0 < milliseconds < YEAR_10000:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
