"""A customer, wherever they write from."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Self

from app.models.entity import ChannelId, ContactId, Entity, Ref

MINUTE = timedelta(minutes=1)


class Platform(StrEnum):
    """Where a message comes from or goes to."""

    INSTAGRAM = "instagram"
    FACEBOOK = "facebook"
    TELEGRAM = "telegram"
    WHATSAPP = "whatsapp"
    WEB = "web"
    OTHER = "other"
    SANDBOX = "sandbox"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who the customer is on one platform: an opaque id, unique within the channel that knows it.

    `heard_at` is when they wrote last there, to the minute: platforms take replies only so long after it.
    """

    platform: Platform
    channel_id: ChannelId | None = None
    external_id: str
    heard_at: datetime | None = None

    def view(self) -> dict[str, object]:
        """Return the identity as clients see it."""
        return {"platform": self.platform, "channel_id": self.channel_id, "external_id": self.external_id}


@dataclass(frozen=True, kw_only=True)
class Contact(Entity):
    """One customer; `seen_on` remembers the platforms they wrote from, for look-ups alone."""

    kind: ClassVar[str] = "contact"
    id: ContactId
    name: str
    email: str | None = None
    phone: str | None = None
    identities: tuple[Identity, ...] = ()
    seen_on: tuple[Platform, ...] = ()
    created_at: datetime

    @classmethod
    def known_as(cls, channel_id: str, external_id: str) -> Ref["Contact"]:
        """Ask for the customer whom this channel knows by that id."""
        return Ref(Contact, "identity", (channel_id, external_id))

    def names(self) -> tuple[Ref[Entity], ...]:
        """Return one name for each identity on a channel."""
        return tuple(Contact.known_as(i.channel_id, i.external_id) for i in self.identities if i.channel_id)

    def seen(self, platform: Platform) -> Self:
        """Return the contact as one who wrote from here too."""
        return self if platform in self.seen_on else replace(self, seen_on=(*self.seen_on, platform))

    def heard(self, channel_id: ChannelId, at: datetime) -> Self:
        """Return the contact as one who wrote there at a time; what moves it by less than a minute is let go."""
        known = self.identity_on(channel_id)
        if known is None or (known.heard_at and at - known.heard_at < MINUTE):
            return self
        after = tuple(replace(each, heard_at=at) if each is known else each for each in self.identities)
        return replace(self, identities=after)

    def remembering(self, before: "Contact") -> Self:
        """Return the contact with what was heard from its identities before they were written anew."""
        heard = {(i.platform, i.channel_id, i.external_id): i.heard_at for i in before.identities}
        known = (
            replace(i, heard_at=i.heard_at or heard.get((i.platform, i.channel_id, i.external_id)))
            for i in self.identities
        )
        return replace(self, identities=tuple(known))

    def identity_on(self, channel_id: ChannelId | None) -> Identity | None:
        """Return who the customer is on this channel, if the channel knows them."""
        return next((i for i in self.identities if channel_id and i.channel_id == channel_id), None)

    def view(self) -> dict[str, object]:
        """Return the contact as clients see it."""
        return {
            "id": self.id,
            "company_id": self.company_id,
            "seq": self.seq,
            "version": self.version,
            "name": self.name,
            "email": self.email,
            "phone": self.phone,
            "identities": [identity.view() for identity in self.identities],
            "created_at": self.created_at,
        }
