"""A finding of `doctor`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """How something was found."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check: a sentence, the command or setting that mends it, and the exact facts for programs."""

    check: str
    state: State
    says: str
    do: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def counted(count: int, one: str, many: str) -> str:
    """Write how many there are of something, in the right number."""
    return f"{count} {one if count == 1 else many}"
