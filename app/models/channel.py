"""A connected account of one platform."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from app.models.contact import Platform
from app.models.entity import ChannelId, Entity, Ref


class Health(StrEnum):
    """Whether the channel can send."""

    HEALTHY = "healthy"
    EXPIRING_SOON = "expiring_soon"
    EXPIRED = "expired"
    NEEDS_REAUTH = "needs_reauth"
    PAUSED = "paused"


# Networks that need no call to the outside: a reply on one is sent by being stored.
IN_PROCESS = frozenset({Platform.WEB, Platform.SANDBOX})


@dataclass(frozen=True, kw_only=True)
class Channel(Entity):
    """Where a company meets its customers; every company is born with a web channel."""

    kind: ClassVar[str] = "channel"
    id: ChannelId
    platform: Platform
    name: str
    external_id: str | None = None
    health: Health = Health.HEALTHY
    main: bool = True
    created_at: datetime

    @classmethod
    def main_of(cls, platform: Platform) -> Ref["Channel"]:
        """Ask for the company's own channel of a platform."""
        return Ref(Channel, "main", platform)

    def names(self) -> tuple[Ref[Entity], ...]:
        """Return the platform whose main channel this is."""
        return (Channel.main_of(self.platform),) if self.main else ()

    def view(self) -> dict[str, object]:
        """Return the channel as clients see it, never a credential."""
        return {
            "id": self.id,
            "company_id": self.company_id,
            "seq": self.seq,
            "version": self.version,
            "platform": self.platform,
            "name": self.name,
            "external_id": self.external_id,
            "health": self.health,
            "created_at": self.created_at,
        }
