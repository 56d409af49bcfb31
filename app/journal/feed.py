"""One company's log as this process hears it: strictly one seq after the other, whatever order it arrives in."""

import asyncio
from collections.abc import Callable, Sequence

from pymongo.errors import PyMongoError

from app.journal.change import Recorded
from app.journal.log import PAGE_EVENTS, Log
from app.journal.ring import Page, Ring
from app.journal.shared import Shared
from app.models.company import Stream
from app.outside.away import log_trouble
from app.outside.trace import untraced

PATIENCE = 0.02  # seconds that an event waits for its predecessor before the gap is read from the log
MOST_AHEAD = 4 * PAGE_EVENTS  # events that wait for their predecessors
LOOK_BACK = 4 * PAGE_EVENTS  # events: of the usual 1.5 kB, about as many fit into the ring

Listener = Callable[[Recorded], None]


class Feed:
    """`position` is the last seq that was given to the listeners; nothing at or below `floor` can be read any more."""

    def __init__(self, stream: Stream, log: Log) -> None:
        self.company_id = stream.id
        self.epoch = stream.epoch
        self.floor = stream.floor
        self.listeners: list[Listener] = []
        self.on_reset: list[Callable[[], None]] = []
        self.resets = 0  # how often the stream began anew
        self._log = log
        self._ring = Ring(stream.head)
        self._ahead: dict[int, Recorded] = {}
        self._filling: asyncio.Task[None] | None = None
        self._target = stream.head
        self._wanted = stream.head
        self._looking_back: Shared[None, None] = Shared()
        self._paging: Shared[tuple[str, int, str | None], Page] = Shared()

    @property
    def position(self) -> int:
        """Return the last seq that was heard."""
        return self._ring.end

    def offer(self, events: Sequence[Recorded]) -> None:
        """Take events from wherever they come; each is heard once, in order."""
        for event in events:
            if event.seq == self.position + 1:
                self._hear(event)
            elif event.seq > self.position and len(self._ahead) < MOST_AHEAD:
                self._ahead[event.seq] = event  # what finds no room is in the log
        while self._ahead and (following := self._ahead.get(self.position + 1)):
            self._hear(following)
        if self._ahead:
            self.reach(max(self._ahead), PATIENCE)

    def _hear(self, event: Recorded) -> None:
        self._ahead.pop(event.seq, None)
        self._ring.append(event)
        for listener in self.listeners:
            listener(event)

    def reach(self, head: int, patience: float = 0.0) -> None:
        """See to it that the log is heard up to `head`."""
        self._target = max(self._target, head)
        if self.position < self._target and (self._filling is None or self._filling.done()):
            self._filling = asyncio.create_task(self._fill(patience), name="feed-fill", context=untraced())

    async def _fill(self, patience: float) -> None:
        await asyncio.sleep(patience)
        try:
            while self.position < self._target:
                before, epoch = self.position, self.epoch
                events = await self._log.after(self.position, self._target)
                self.offer(events if epoch == self.epoch else ())
                if self.position == before:
                    return  # what is missing is not in the log yet, or was pruned: the next poll decides
        except PyMongoError as error:
            log_trouble(error, "feed could not read the log")

    def poll(self, stream: Stream, resets: int | None = None) -> None:
        """Compare with what the database says of the stream; `resets` is what the feed's were when it was asked.

        An answer that was under way while the stream began anew may still be of the epoch before. It is not believed,
        or the feed would go back and forth, and tell its listeners each time; the next look decides.
        """
        if stream.epoch != self.epoch and resets not in (None, self.resets):
            return
        self.floor = stream.floor if stream.epoch != self.epoch else max(self.floor, stream.floor)
        self._target = stream.head
        self._ahead = {seq: event for seq, event in self._ahead.items() if seq <= stream.head + MOST_AHEAD}
        self._ring.forget_pages()
        if stream.epoch != self.epoch or self.position < stream.floor:
            self._reset(stream)
        else:
            self.reach(stream.head)

    def _reset(self, stream: Stream) -> None:
        """Start anew: the stream was restored, or ran away from us."""
        self.resets += 1
        self.epoch, self._target = stream.epoch, stream.head
        self._ring = Ring(stream.head)
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
        """Tell whether what follows `since` is in memory."""
        return since >= self._ring.start

    def recent(self, since: int, conversation_id: str | None = None) -> Page:
        """Return what follows `since` from memory."""
        return self._ring.page(since, conversation_id)

    async def look_back(self, since: int) -> None:
        """Fill the ring backwards from the log until it holds what follows `since`, if there is room for so much.

        Whoever asks meanwhile waits for the same reads: a process that has just started knows nothing of what its
        clients missed, and all of them ask at once. Raises PyMongoError.
        """
        if self._ring.full or since < self._ring.start - LOOK_BACK:
            return
        self._wanted = min(self._wanted, since)
        await self._looking_back.once(None, self._look_back)

    async def _look_back(self) -> None:
        """Read whole pages, as those who come back are seldom all at the same place."""
        try:
            while self._wanted < self._ring.start and not self._ring.full:
                ring = self._ring
                events = await self._log.last(self.floor, ring.start)
                if ring is not self._ring or not ring.prepend(events):
                    return  # the stream began anew meanwhile, or what is older was pruned
        finally:
            self._wanted = self._ring.end

    async def logged(self, since: int, conversation_id: str | None = None) -> Page:
        """Return what follows `since` from the log, and hear how far the log is pruned by then.

        Whoever asks for the same meanwhile is given the same page. Raises PyMongoError, Unavailable.
        """
        key = (self.epoch, since, conversation_id)
        return await self._paging.once(key, lambda: self._logged(since, self.position, conversation_id))

    async def _logged(self, since: int, until: int, conversation_id: str | None) -> Page:
        events = await self._log.after(since, until, conversation_id)
        # After the events were read, for the pruner raises the floor before it deletes.
        self.floor = max(self.floor, (await self._log.stream()).floor)
        return Page.of(since, events, until if len(events) < PAGE_EVENTS else events[-1].seq)
