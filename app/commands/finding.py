"""What a check of `doctor` found."""

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
    """What a check found, and what to do about it; `facts` are for whoever wants to know exactly."""

    check: str
    state: State
    says: str
    do: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
