"""A company's latest events in memory: who comes back to where they reach costs the database nothing."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from app.journal.change import Recorded
from app.journal.log import PAGE_EVENTS

RING_BYTES = 1 << 20  # of recent events that a feed keeps for those who catch up
PAGE_BYTES = 256 << 10  # of events that a reader is given at once
MOST_PAGES = 8  # cut from the ring that are remembered


@dataclass(frozen=True, slots=True)
class Page:
    """The events that follow `since`, in order, and the seq up to which they are everything.

    `frames` is a place for those who say it to many: its bytes on the wire, by namespace.
    """

    since: int
    events: tuple[Recorded, ...]
    covered: int
    frames: dict[str, bytes] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, since: int, events: Sequence[Recorded], covered: int) -> "Page":
        """Return as many of these events as a page holds, one at least."""
        size = 0
        for index, event in enumerate(events):
            size += len(event.body)
            if (size > PAGE_BYTES or index == PAGE_EVENTS) and index:
                return cls(since, tuple(events[:index]), events[index - 1].seq)
        return cls(since, tuple(events), covered)

    def said(self) -> Iterator[tuple[str, bytes]]:
        """Yield each event's type and its JSON as clients read it: with the seq before it on this subscription."""
        prev = self.since
        for event in self.events:
            yield event.type, event.after(prev)
            prev = event.seq


class Ring:
    """All events of `(start, end]`, RING_BYTES at most; `full` when an older one had no room."""

    def __init__(self, end: int) -> None:
        self.end = end
        self.full = False
        self._events: deque[Recorded] = deque()
        self._bytes = 0
        self._pages: dict[tuple[int, str | None], Page] = {}

    @property
    def start(self) -> int:
        """Return the seq after which everything is here."""
        return self.end - len(self._events)

    def append(self, event: Recorded) -> None:
        """Take the event that follows `end`; the oldest make room."""
        self.end = event.seq
        self._events.append(event)
        self._bytes += len(event.body)
        while self._bytes > RING_BYTES:
            self._bytes -= len(self._events.popleft().body)
            self.full = True
        self._pages.clear()

    def prepend(self, events: Sequence[Recorded]) -> bool:
        """Take older events, the latest first, while they join on and there is room; tell whether any was taken."""
        before = self.start
        for event in reversed(events):
            if event.seq != self.start:
                break
            if self._bytes + len(event.body) > RING_BYTES:
                self.full = True
                break
            self._events.appendleft(event)
            self._bytes += len(event.body)
        return self.start < before

    def page(self, since: int, conversation_id: str | None) -> Page:
        """Return a page of what follows `since`, of the company or of one conversation; `since` is not before `start`.

        It is the same object for everyone who asks for the same, until an event comes or `forget_pages` is called.
        """
        known = self._pages.get((since, conversation_id))
        if known is not None:
            return known
        if len(self._pages) == MOST_PAGES:
            self._pages.clear()
        following = islice(self._events, max(0, since - self.start), None)
        events = [each for each in following if conversation_id in (None, each.conversation_id)]
        page = self._pages[since, conversation_id] = Page.of(since, events, self.end)
        return page

    def forget_pages(self) -> None:
        """Let go of what was remembered for a herd."""
        self._pages.clear()
