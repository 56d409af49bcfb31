"""One company's log as this process hears it: strictly one seq after the other, whatever order it arrives in."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from loguru import logger
from pymongo.errors import PyMongoError

from app.journal.change import Recorded
from app.models.company import Stream
from app.models.entity import CompanyId

RING_BYTES = 1 << 20  # of recent events that a feed keeps for those who catch up
PATIENCE = 0.02  # seconds that an event waits for its predecessor before the gap is read from the log
PAGE_BYTES = 256 << 10  # of events that a reader is given at once
PAGE_EVENTS = 200  # an event is about 1.5 kB, so this fills a page; what were read beyond it would be read for nothing

Read = Callable[[CompanyId, int, int, str | None], Awaitable[list[Recorded]]]
Listener = Callable[[Recorded], None]


@dataclass(frozen=True, slots=True)
class Page:
    """Some events in order, and the seq up to which they are everything."""

    events: tuple[Recorded, ...]
    covered: int


class Feed:
    """`position` is the last seq that was given to the listeners; nothing at or below `floor` can be read any more."""

    def __init__(self, stream: Stream, read: Read) -> None:
        self.company_id = stream.id
        self.epoch = stream.epoch
        self.floor = stream.floor
        self.position = stream.head
        self.listeners: list[Listener] = []
        self.on_reset: list[Callable[[], None]] = []
        self._read = read
        self._ring: deque[Recorded] = deque()
        self._ring_bytes = 0
        self._ahead: dict[int, Recorded] = {}
        self._filling: asyncio.Task[None] | None = None
        self._target = stream.head

    def offer(self, events: Sequence[Recorded]) -> None:
        """Take events from wherever they come; each is heard once, in order."""
        for event in events:
            if event.seq == self.position + 1:
                self._hear(event)
            elif event.seq > self.position:
                self._ahead[event.seq] = event
        while self._ahead and (following := self._ahead.get(self.position + 1)):
            self._hear(following)
        if self._ahead:
            self.reach(max(self._ahead), PATIENCE)

    def _hear(self, event: Recorded) -> None:
        self.position = event.seq
        self._ahead.pop(event.seq, None)
        self._ring.append(event)
        self._ring_bytes += len(event.body)
        while self._ring_bytes > RING_BYTES:
            self._ring_bytes -= len(self._ring.popleft().body)
        for listener in self.listeners:
            listener(event)

    def reach(self, head: int, patience: float = 0.0) -> None:
        """See to it that the log is heard up to `head`."""
        self._target = max(self._target, head)
        if self.position < self._target and (self._filling is None or self._filling.done()):
            self._filling = asyncio.create_task(self._fill(patience), name="feed-fill")

    async def _fill(self, patience: float) -> None:
        await asyncio.sleep(patience)
        try:
            while self.position < self._target:
                before, epoch = self.position, self.epoch
                events = await self._read(self.company_id, self.position, self._target, None)
                self.offer(events if epoch == self.epoch else ())
                if self.position == before:
                    return  # what is missing is not in the log yet, or was pruned: the next poll decides
        except PyMongoError as error:
            logger.bind(error=type(error).__name__).warning("feed could not read the log")

    def poll(self, stream: Stream) -> None:
        """Compare with what the database says of the stream."""
        self.floor = stream.floor
        if stream.epoch != self.epoch or self.position < stream.floor:
            self._reset(stream)
        else:
            self.reach(stream.head)

    def _reset(self, stream: Stream) -> None:
        """Start anew: the stream was restored, or ran away from us."""
        self.epoch, self.position, self._target = stream.epoch, stream.head, stream.head
        self._ring.clear()
        self._ring_bytes = 0
        self._ahead.clear()
        for reset in self.on_reset:
            reset()

    def reaches(self, epoch: str | None, since: int) -> str | None:
        """Return why one cannot resume from here, None when one can."""
        if epoch is not None and epoch != self.epoch:
            return "epoch"
        if since > self.position:
            return "future"
        return "pruned" if since < self.floor else None

    async def reached(self, head: int) -> None:
        """Wait until the log is heard up to `head`, as far as it can be read."""
        before = -1
        while before < self.position < head:
            before = self.position
            self.reach(head)
            if self._filling is not None:
                await asyncio.shield(self._filling)

    def in_ring(self, since: int) -> bool:
        """Tell whether what follows `since` is still in memory."""
        return since >= self.position or bool(self._ring and self._ring[0].seq <= since + 1)

    def recent(self, since: int, conversation_id: str | None = None) -> Page:
        """Return what follows `since` from memory."""
        events = [e for e in self._ring if e.seq > since and conversation_id in (None, e.conversation_id)]
        return self._page_of(events, self.position)

    async def logged(self, since: int, conversation_id: str | None = None) -> Page:
        """Return what follows `since` from the log."""
        until = self.position
        events = await self._read(self.company_id, since, until, conversation_id)
        return self._page_of(events, until if len(events) < PAGE_EVENTS else events[-1].seq)

    @staticmethod
    def _page_of(events: list[Recorded], covered: int) -> Page:
        size = 0
        for index, event in enumerate(events):
            size += len(event.body)
            if (size > PAGE_BYTES or index == PAGE_EVENTS) and index:
                return Page(tuple(events[:index]), events[index - 1].seq)
        return Page(tuple(events), covered)
