"""What a server does by itself: how a job stands, and who may run it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Outcome(StrEnum):
    """How a run ended."""

    DONE = "done"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    LOST = "lost"  # another process had taken the lease, so this run was cut off
    STOPPED = "stopped"  # the server stopped first


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """One run's end; `error` names the kind of error, never its words, which may be another company's."""

    outcome: Outcome
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState:
    """How a job stands in this process."""

    name: str
    every: float  # seconds
    singleton: bool
    next_run_at: datetime | None = None
    running: bool = False
    last_run_at: datetime | None = None
    last: Ran | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to do something alone, until it runs out. Each acquisition has a higher `fence` than the one before."""

    name: str
    owner: str
    fence: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseState:
    """How a lease stands: whether somebody works under it now, and what became of the last run."""

    id: str
    running: bool = False
    last_run_at: datetime | None = None
    last_outcome: Outcome | None = None
    last_error: str | None = None
    next_run_at: datetime | None = None
    runs: int = 0
