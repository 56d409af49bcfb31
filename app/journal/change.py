"""What an action hands to the journal: a key and a pure function from what is true to what shall be true."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from app.events import Event
from app.models.entity import CompanyId, Entity, Ref
from app.models.outbox import LaneStep

E = TypeVar("E", bound=Entity)


class NotLoaded(Exception):
    """`decide` asked for something that the journal has not loaded yet; it loads it and asks again."""

    def __init__(self, ref: Ref[Entity]) -> None:
        super().__init__(ref)
        self.ref = ref


class Known(Protocol):
    """Things by their references; a KeyError for what is not loaded."""

    def __getitem__(self, ref: Ref[Entity], /) -> Entity | None:
        """Return the thing, None when there is none."""


class Seen:
    """The latest committed state, as far as it is loaded, with the changes of this batch on top."""

    __slots__ = ("_known",)

    def __init__(self, known: Known) -> None:
        self._known = known

    def get(self, ref: Ref[E]) -> E | None:
        """Return the thing, or None when the company has no such thing."""
        try:
            found = self._known[ref]
        except KeyError:
            raise NotLoaded(ref) from None
        return found  # type: ignore[return-value]  # a Ref[E] only ever names an E


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a change writes, says and moves in the outbox; `answer` is for changes that may say nothing."""

    puts: tuple[Entity, ...] = ()
    events: tuple[Event, ...] = ()
    lanes: tuple[LaneStep, ...] = ()
    answer: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that shall happen once.

    `key` makes it happen once: the client's own (`claimed`, looked up once the log knows it) or a generated
    one. `digest` is that of the parsed intent; the same key with another digest is a conflict. `needs` hints at what
    `decide` will see. `decide(seen, now)` may run several times, so it has no effect but its answer; it refuses by
    raising.
    """

    company_id: CompanyId
    key: str
    decide: Callable[[Seen, datetime], Decision]
    digest: str = ""
    needs: tuple[Ref[Entity], ...] = ()
    claimed: bool = False


@dataclass(frozen=True, slots=True)
class Recorded:
    """One event of the log: its place, its audience, and its JSON as it was said the first time.

    `body` is one JSON object in UTF-8 without `seq` and `prev`, which every reader puts in front.
    """

    company_id: CompanyId
    seq: int
    type: str
    conversation_id: str | None
    at: datetime
    body: bytes
    key: str | None = None
    digest: str | None = None

    def after(self, prev: int) -> bytes:
        """Return the event as JSON for a subscription that is complete up to `prev`."""
        return b'{"seq":%d,"prev":%d,' % (self.seq, prev) + self.body[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What became of a change: the payload of its first event, and whether an earlier try had done it."""

    seq: int
    payload: dict[str, Any] = field(default_factory=dict)
    answer: Any = None
    replayed: bool = False
