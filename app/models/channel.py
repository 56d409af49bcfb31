"""A connected account of one platform."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from app.models.contact import Platform
from app.models.entity import ChannelId, Entity, Ref


class Health(StrEnum):
    """Whether the channel can send; one that is unchecked does, but something keeps it from hearing its customers."""

    UNCHECKED = "unchecked"
    HEALTHY = "healthy"
    EXPIRING_SOON = "expiring_soon"
    EXPIRED = "expired"
    NEEDS_REAUTH = "needs_reauth"
    PAUSED = "paused"


# Networks that need no call to the outside: a reply on one is sent by being stored.
IN_PROCESS = frozenset({Platform.WEB})
WELL = frozenset({Health.UNCHECKED, Health.HEALTHY})
CAN_SEND = WELL | {Health.EXPIRING_SOON}


@dataclass(frozen=True, kw_only=True)
class Channel(Entity):
    """Where a company meets its customers; every company is born with a web channel.

    `sealed` are its credentials as nobody without a key can read them; they run out at `expires_at`, if that is known.
    `calls_at` is where its platform was told to call us, where it is told so for each account. `reason` says in a
    sentence why it does not send, or what keeps it from hearing; `paused_by` is the person whose decision that is. A
    disconnected one stays, without credentials, for what was said there: its account is then `former_external_id`,
    free to be connected again, which makes it the channel that it was.
    """

    kind: ClassVar[str] = "channel"
    id: ChannelId
    platform: Platform
    name: str
    external_id: str | None = None
    former_external_id: str | None = None
    health: Health = Health.HEALTHY
    reason: str | None = None
    paused_by: str | None = None
    main: bool = True
    sealed: bytes | None = field(default=None, repr=False)
    expires_at: datetime | None = None
    calls_at: str | None = None
    created_at: datetime
    disconnected_at: datetime | None = None

    @classmethod
    def main_of(cls, platform: Platform) -> Ref["Channel"]:
        """Ask for the company's own channel of a platform."""
        return Ref(Channel, "main", platform)

    @classmethod
    def former_of(cls, platform: Platform, external_id: str) -> Ref["Channel"]:
        """Ask for the disconnected channel of an account that the company had."""
        return Ref(Channel, "former", (platform, external_id))

    def names(self) -> tuple[Ref[Entity], ...]:
        """Return the platform whose main channel this is; of a disconnected one, the account that it was."""
        if self.is_connected:
            return (Channel.main_of(self.platform),) if self.main else ()
        return (Channel.former_of(self.platform, self.former_external_id),) if self.former_external_id else ()

    @property
    def is_connected(self) -> bool:
        """Tell whether it is still the company's."""
        return self.disconnected_at is None

    @property
    def can_send(self) -> bool:
        """Tell whether anything may go out here."""
        return self.is_connected and self.health in CAN_SEND

    def view(self) -> dict[str, object]:
        """Return the channel as clients see it, never a credential."""
        return {
            "id": self.id,
            "company_id": self.company_id,
            "seq": self.seq,
            "version": self.version,
            "platform": self.platform,
            "name": self.name,
            "external_id": self.external_id or self.former_external_id,
            "main": self.main,
            "health": self.health,
            "health_reason": self.reason,
            "expires_at": self.expires_at,
            "created_at": self.created_at,
            "disconnected_at": self.disconnected_at,
        }
