"""One try to commit one batch of one company."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TypeAlias

from pymongo import WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.read_concern import ReadConcern

from app.errors import BeingSent, Fenced, NotFound
from app.journal.change import Change, NotLoaded, Recorded
from app.journal.faults import BatchRefused, WriteRefused, naming
from app.journal.ledger import Ledger
from app.journal.memory import Memory
from app.journal.parcels import parcels_of
from app.journal.records import event_document, recorded
from app.models.entity import CompanyId, Entity, Ref
from app.stores.bulk import write
from app.stores.database import Stores
from app.stores.lanes import StepRefused

SNAPSHOT = ReadConcern("snapshot")
MAJORITY_JOURNALED = WriteConcern("majority", j=True)

MOST_BYTES = 1 << 20  # in a transaction, unless one change alone has more
MOST_LOOKS = 16  # for what a decision turns out to need, one after the other

Probe: TypeAlias = Callable[[str], None]


class Writing:
    """How one company's batches are written, and what is remembered between them.

    The memory is valid iff nobody else took a turn of this epoch since ours: `turn` is of our last commit, None when
    unknown. `holds_lock` and `commit_was_sent` say how far the last try came; `met_other` whether it found that another
    process had written.
    """

    def __init__(
        self, company_id: CompanyId, stores: Stores, now: Callable[[], datetime], report: Callable[[Change], None]
    ) -> None:
        self.company_id = company_id
        self.stores = stores
        self.now = now
        self.report = report
        self.memory = Memory()
        self.turn: int | None = None
        self.epoch = ""
        self.head = 0
        self.holds_lock = False
        self.commit_was_sent = False
        self.met_other = False

    def forget(self) -> None:
        """Drop what is remembered: a try failed, so it may not be true."""
        self.turn = None
        self.memory.forget()

    async def commit(
        self,
        batch: Sequence[Change],
        session: AsyncClientSession,
        probe: Probe,
        *,
        doubted: bool,
        sure: bool = True,
        more: int = 0,
    ) -> Ledger:
        """Decide and write a batch in one transaction; `doubted` when an earlier try may have been committed.

        Of what is too much for one transaction the first changes are written: the ledger answers as many.

        `more` tells other processes how many batches shall follow at once.

        What was decided on a memory that proves valid was decided on the truth: then one compare-and-set takes the lock
        and moves the head. Otherwise the lock comes first, and the state is read under it.
        """
        self.holds_lock = self.commit_was_sent = self.met_other = False
        try:
            ledger = await self._tried(batch, session, probe, doubted=doubted, sure=sure, more=more)
        except StepRefused:  # one of several: now they are done one by one, and that one has a name
            self.forget()
            ledger = await self._tried(batch, session, probe, doubted=doubted, sure=False, more=more, one_by_one=True)
        self.head = ledger.head
        self.memory.keep(ledger.draft)
        return ledger

    async def _tried(
        self,
        batch: Sequence[Change],
        session: AsyncClientSession,
        probe: Probe,
        *,
        doubted: bool,
        sure: bool,
        more: int,
        one_by_one: bool = False,
    ) -> Ledger:
        async with await session.start_transaction(SNAPSHOT, MAJORITY_JOURNALED):
            ledger = self._decided_on_memory(batch) if sure and not doubted else None
            if ledger is None or not await self._take_turn(ledger, session, more):
                ledger = await self._decided_under_lock(batch, session, doubted=doubted, more=more)
            await self._write(ledger, session, one_by_one=one_by_one)
            probe("before_commit")
            self.commit_was_sent = True
        return ledger

    def _decided_on_memory(self, batch: Sequence[Change]) -> Ledger | None:
        if self.turn is None:
            return None
        try:
            ledger = self._decide(batch, self.head, {})
        except NotLoaded:
            return None
        return ledger if ledger.spends_every_key() else None

    async def _take_turn(self, ledger: Ledger, session: AsyncClientSession, more: int) -> bool:
        assert self.turn is not None
        if not await self.stores.streams.take_turn(
            self.company_id, after=self.turn, epoch=self.epoch, head=ledger.head, more=more, session=session
        ):
            return False
        self.holds_lock = True
        self.turn += 1
        return True

    async def _decided_under_lock(
        self, batch: Sequence[Change], session: AsyncClientSession, *, doubted: bool, more: int
    ) -> Ledger:
        stream = await self.stores.streams.lock(self.company_id, session, more=more)
        if stream is None:
            raise NotFound("There is no such company.")
        self.holds_lock = True
        if self.turn is None or (stream.turn, stream.epoch) != (self.turn + 1, self.epoch):
            self.met_other = self.turn is not None
            self.memory.forget()
        self.turn, self.epoch = stream.turn, stream.epoch
        if self.met_other and more:  # one query a collection fetches what the batches of this stint are likely to need
            await self._load(self.memory.lately(), session)
        await self._load([ref for change in batch for ref in change.needs], session)
        ledger = None if doubted else await self._decided(batch, stream.head, {}, session)
        if ledger is None or not ledger.spends_every_key():
            known = await self._known_keys([c.key for c in batch if c.claimed or doubted], session)
            ledger = await self._decided(batch, stream.head, known, session)
        await self.stores.streams.set_head(self.company_id, ledger.head, session)
        return ledger

    async def _decided(
        self, batch: Sequence[Change], head: int, known: dict[str, Recorded], session: AsyncClientSession
    ) -> Ledger:
        """Decide, and load what decisions turn out to need, until nothing is missing."""
        for _ in range(MOST_LOOKS * len(batch)):
            try:
                return self._decide(batch, head, known)
            except NotLoaded as unknown:
                await self._load([unknown.ref, *self._also_unknown(batch, head, known)], session)
        raise BatchRefused("decisions ask without end")

    def _also_unknown(self, batch: Sequence[Change], head: int, known: dict[str, Recorded]) -> Iterator[Ref[Entity]]:
        """Yield what each change of the batch would ask for next, so that one query answers them all."""
        scratch = Ledger(self.company_id, head, self.memory.draft(), self.now())
        for change in batch:
            try:
                scratch.record(change, known, _nobody)
            except NotLoaded as unknown:
                yield unknown.ref
            if scratch.said > MOST_BYTES // 2:
                return

    def _decide(self, batch: Sequence[Change], head: int, known: dict[str, Recorded]) -> Ledger:
        """Decide as many of the changes as fit one transaction, at least one."""
        while True:  # with at most half as many each time
            ledger = self._recorded(batch, head, known)
            ledger.parcels = parcels_of(
                ledger.puts.values(), self.stores.journaled, handed_over=ledger.draft.handed_over()
            )
            size, decided = ledger.size, len(ledger.answers)
            if size <= MOST_BYTES or decided == 1:
                return ledger
            batch = batch[: max(1, min(decided // 2, decided * MOST_BYTES // size))]

    def _recorded(self, batch: Sequence[Change], head: int, known: dict[str, Recorded]) -> Ledger:
        ledger = Ledger(self.company_id, head, self.memory.draft(), self.now())
        for change in batch:
            ledger.record(change, known, self.report)
            if ledger.said > MOST_BYTES // 2:  # a thing is about as large as what is said of it
                break
        return ledger

    async def _known_keys(self, keys: list[str], session: AsyncClientSession) -> dict[str, Recorded]:
        if not keys:
            return {}
        found = await self.stores.events.of_keys(self.company_id, keys, session)
        return {event["key"]: recorded(self.company_id, event) for event in found}

    async def _load(self, refs: Sequence[Ref[Entity]], session: AsyncClientSession) -> None:
        missing = self.memory.missing(refs)
        for kind, store in self.stores.journaled.items():
            asked = [ref for ref in missing if ref.kind is kind]
            if asked:
                self.memory.learn(asked, await store.load(self.company_id, asked, session))

    async def _write(self, ledger: Ledger, session: AsyncClientSession, *, one_by_one: bool) -> None:
        database = self.stores.database
        for parcel in ledger.parcels:
            with naming(parcel.owners):
                await write(database, parcel.collection, parcel.inserts, parcel.updates, session)
        await self._move(ledger, session, one_by_one=one_by_one)
        if ledger.events:
            with naming(ledger.owners):
                documents = [event_document(event) for event in ledger.events]
                await write(database, self.stores.events.name, documents, (), session)

    async def _move(self, ledger: Ledger, session: AsyncClientSession, *, one_by_one: bool) -> None:
        """Take the outbox along: whoever lost its turn meanwhile is refused, the others are not."""
        owners = {step.id: (step, change) for step, change in ledger.moves()}
        if not owners:
            return
        try:
            await self.stores.lanes.take([step for step, _ in owners.values()], session, one_by_one=one_by_one)
        except StepRefused as refused:
            if refused.step is None:
                raise
            step, change = owners[refused.step.id]
            raise WriteRefused(change, {}, BeingSent() if step.fence is None else Fenced()) from refused


def _nobody(change: Change) -> None:
    """Report a mistake to nobody: it is met again, and reported, when it counts."""
