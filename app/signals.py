"""Everything the server says that passes: one class a signal. Said beside the log, to whoever is there."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Something that passes: it has no seq, is never stored, and may be dropped."""

    type: ClassVar[str]
    company_id: str

    def payload(self) -> dict[str, Any]:
        """Return the signal as clients see it."""
        raise TypeError(f"{type(self).__name__} carries nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typing(Signal):
    """Someone of the staff is writing in a conversation, or stopped."""

    type = "typing:indicator"
    conversation_id: str
    user_id: str
    name: str
    typing: bool
    origin: str  # the connection that it came from, which does not hear it

    def ended(self) -> "Typing":
        """Return what is said when it is over."""
        return replace(self, typing=False)

    def payload(self) -> dict[str, Any]:
        """Return the signal as clients see it."""
        return {
            "type": self.type,
            "company_id": self.company_id,
            "conversation_id": self.conversation_id,
            "user": {"id": self.user_id, "name": self.name},
            "typing": self.typing,
        }


class PresenceStatus(StrEnum):
    """Whether a member of staff is here."""

    ONLINE = "online"
    AWAY = "away"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence(Signal):
    """Someone of the staff came, went, or stepped away for a while."""

    type = "presence:update"
    user_id: str
    name: str
    status: PresenceStatus

    def payload(self) -> dict[str, Any]:
        """Return the signal as clients see it."""
        return {
            "type": self.type,
            "company_id": self.company_id,
            "user": {"id": self.user_id, "name": self.name},
            "status": self.status,
        }
