"""Who is asking, and what they may do."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.models.entity import CompanyId, SessionId
from app.models.message import Author
from app.models.people import Role, Scope


class CallerKind(StrEnum):
    """How the caller proved who they are."""

    USER = "user"
    KEY = "key"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A proven identity.

    An internal service belongs to no company (`company_id` is None). `expires_at` ends a socket's life; a key's never
    does. `session_id` is the sign-in that a token came from.
    """

    kind: CallerKind
    id: str
    name: str
    company_id: CompanyId | None
    role: Role | None = None
    scopes: frozenset[Scope] = frozenset()
    session_id: SessionId | None = None
    expires_at: datetime | None = None

    @property
    def principal(self) -> str:
        """Return the name that idempotency keys begin with."""
        return f"{self.kind}:{self.id}"

    @property
    def subjects(self) -> tuple[str, str]:
        """Return the names under which access can end: this principal's, and that of the sign-in."""
        return self.principal, f"session:{self.session_id}"

    def facts(self) -> dict[str, str]:
        """Return what log lines say of the caller; a name is personal, an id is not."""
        known = {"principal": self.principal}
        return known if self.company_id is None else {**known, "company_id": self.company_id}

    @property
    def author(self) -> Author:
        """Return the caller as the author of a message."""
        return Author(kind=self.kind, id=self.id, name=self.name)
