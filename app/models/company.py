"""A company, and the stream that orders what happens in it."""

from dataclasses import dataclass
from datetime import datetime

from app.models.entity import CompanyId


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """One customer of ours; nothing of it is visible to another."""

    id: CompanyId
    name: str
    slug: str
    created_at: datetime

    def view(self) -> dict[str, object]:
        """Return the company as its own staff sees it."""
        return {"id": self.id, "name": self.name, "slug": self.slug, "created_at": self.created_at}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Where a company's log stands.

    Kept events are those in (floor, head]; `epoch` changes when the stream is restored from a backup; `turn` counts the
    transactions that took the company's lock; `more` is how many further ones the last writer means to take in a row.
    """

    id: CompanyId
    epoch: str
    head: int = 0
    floor: int = 0
    turn: int = 0
    more: int = 0
