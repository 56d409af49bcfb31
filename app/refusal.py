"""How the product says no: the shape of every error that a client can get. The errors are in `app/errors.py`."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing that is wrong, and in which field."""

    field: str
    message: str


class Refusal(Exception):
    """The product says no, in words that a door can hand to its client."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    sentence: ClassVar[str] = "Something went wrong on our side."
    retryable: ClassVar[bool] = False

    def __init__(self, sentence: str | None = None, *, details: tuple[Detail, ...] = (), **facts: object) -> None:
        super().__init__(sentence or self.sentence)
        self.details = details
        self.facts = facts

    def view(self) -> dict[str, object]:
        """Return the error as clients read it, over REST and in acks alike."""
        return {
            "code": self.code,
            "message": str(self),
            "details": [{"field": detail.field, "message": detail.message} for detail in self.details],
            "retryable": self.retryable,
            **self.facts,
        }
