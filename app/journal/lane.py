"""One company's queue of changes: what waits together is committed together."""

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bson.errors import BSONError
from loguru import logger
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError

from app.errors import Internal, OutcomeUnknown, Refusal, Unavailable
from app.journal.change import Change, Committed
from app.journal.faults import BatchRefused, WriteRefused, is_conflict, is_cut
from app.journal.ledger import Answer, Ledger
from app.journal.sharing import Sharing
from app.journal.writing import Probe, Writing

# What the driver raises for a value that BSON cannot hold.
UNENCODABLE = (BSONError, OverflowError, TypeError, ValueError)

MOST_CHANGES = 256  # in a batch
GIVE_UP = 30.0  # seconds after which a batch whose outcome stays unknown is let go; its callers left long ago
PATIENCE = 1.0  # seconds of conflicts after which a dead writer is suspected
CONFLICT_PAUSE = (0.001, 0.004)  # seconds; the driver's own back-off starts higher and costs p99
CUT_PAUSE = (0.05, 0.25)  # seconds


@dataclass(slots=True, eq=False)
class Pending:
    """A change that waits, and who waits for it."""

    change: Change
    done: "asyncio.Future[Committed]"
    deadline: float

    def answer(self, answer: Answer) -> None:
        """Tell the caller, if it still waits."""
        if self.done.done():
            return
        if isinstance(answer, Refusal):
            self.done.set_exception(answer)
        else:
            self.done.set_result(answer)


@dataclass(slots=True, eq=False)
class Lane:
    """The waiting changes of one company; `served` while a worker has it or it stands in line for one."""

    writing: Writing
    sharing: Sharing
    publish: Callable[[Ledger], None]
    waiting: deque[Pending] = field(default_factory=deque)
    begun: list[Pending] = field(default_factory=list)
    served: bool = False
    serving_ended: bool = False  # as it should, not because a worker fell over
    used: float = 0.0

    def release(self) -> None:
        """End a worker's turn; whoever it left without an answer, since it fell over, learns that nobody knows."""
        if not self.serving_ended:
            self.writing.forget()
            _answer_all(self.begun, OutcomeUnknown())
        self.begun, self.served, self.serving_ended, self.used = [], False, False, time.monotonic()

    async def serve(
        self, session: AsyncClientSession, free_dead_writers: Callable[[], Awaitable[None]], probe: Probe
    ) -> None:
        """Commit what waits, as far as it fits one batch, when it is this process's turn."""
        self.sharing.begin()
        await self.sharing.give_way()
        await self.settle(self.next_batch([]), session, Effort(free_dead_writers), probe)

    def next_batch(self, batch: list[Pending]) -> list[Pending]:
        """Take what can be committed together with a batch, which may be empty."""
        while self.waiting and len(batch) < MOST_CHANGES:
            batch.append(self.waiting.popleft())
        self.begun = batch
        return batch

    def expire(self, now: float) -> None:
        """Let go of callers whose time is up: what was not begun did not happen, the rest is not known yet."""
        while self.waiting and self.waiting[0].deadline <= now:
            self.waiting.popleft().answer(Unavailable())
        for pending in self.begun:
            if pending.deadline <= now:
                pending.answer(OutcomeUnknown())

    async def settle(self, batch: list[Pending], session: AsyncClientSession, effort: "Effort", probe: Probe) -> None:
        """Commit a batch, whatever it takes, and answer everyone in it once its outcome is known."""
        while batch:
            try:
                ledger = await self._commit(batch, session, probe, doubted=effort.doubted)
            except Refusal as refusal:
                return _answer_all(batch, refusal)
            except (WriteRefused, BatchRefused, PyMongoError, *UNENCODABLE) as error:
                if effort.spent:
                    self.writing.forget()
                    return _answer_all(batch, OutcomeUnknown())
                if isinstance(error, WriteRefused):
                    self.writing.forget()
                    batch = effort.without(error, batch)
                elif not await self._may_try_again(error, batch, effort):
                    return await self._halve(batch, session, effort, probe, error)
            else:
                self._tell(batch, ledger, effort, probe)
                batch = batch[len(ledger.answers) :]

    async def _commit(
        self, batch: list[Pending], session: AsyncClientSession, probe: Probe, *, doubted: bool
    ) -> Ledger:
        began, more = time.monotonic(), self.sharing.more()
        changes = [pending.change for pending in batch]
        ledger = await self.writing.commit(
            changes, session, probe, doubted=doubted, more=more, sure=self.sharing.is_sure
        )
        if self.writing.met_other:
            self.sharing.met()
        self.sharing.committed(self.writing.turn, more, time.monotonic() - began)
        return ledger

    async def _may_try_again(self, error: Exception, batch: list[Pending], effort: "Effort") -> bool:
        """Wait for a better moment; False when no other try can help."""
        if self.writing.holds_lock or not is_conflict(error):
            self.writing.forget()
            return await effort.pause(error, commit_was_sent=self.writing.commit_was_sent)
        # Another process has the lock. We wrote nothing: the next turn will say whether what we remember is still true.
        self.sharing.met()
        await effort.suspect()
        await self.sharing.until_free()
        if batch is self.begun and not effort.doubted:
            self.next_batch(batch)  # what came meanwhile comes along, unless the batch may be committed as it is
        return True

    def _tell(self, batch: list[Pending], ledger: Ledger, effort: "Effort", probe: Probe) -> None:
        probe("after_commit")
        self.publish(ledger)
        for pending, (_, answer) in zip(batch, ledger.answers, strict=False):  # the first of them, if not all fitted
            pending.answer(answer)
        if effort.is_long:
            self._answer_repeats(ledger)

    def _answer_repeats(self, ledger: Ledger) -> None:
        """Answer those who came again with their key meanwhile: while commits are slow, that is one less to wait for.

        What they ask for has just been committed; the next batch would tell them the same.
        """
        waiting, self.waiting = self.waiting, deque()
        for pending in waiting:
            answer = ledger.repeated(pending.change)
            if answer is None:
                self.waiting.append(pending)
            else:
                pending.answer(answer)

    async def _halve(
        self,
        batch: list[Pending],
        session: AsyncClientSession,
        effort: "Effort",
        probe: Probe,
        error: Exception,
    ) -> None:
        """Find out which change the database cannot take, when its error names none."""
        if len(batch) == 1:
            logger.bind(error=type(error).__name__).error("change refused by the database")
            return batch[0].answer(OutcomeUnknown() if effort.doubted else Internal())
        middle = len(batch) // 2
        await self.settle(batch[:middle], session, effort, probe)
        await self.settle(batch[middle:], session, effort, probe)


class Effort:
    """How a batch's tries have gone so far; `doubted` once one of them may have been committed."""

    def __init__(self, free_dead_writers: Callable[[], Awaitable[None]]) -> None:
        self.free_dead_writers = free_dead_writers
        self.began = time.monotonic()
        self.doubted = False

    @property
    def is_long(self) -> bool:
        """Tell whether callers may have asked again meanwhile."""
        return time.monotonic() - self.began > PATIENCE

    @property
    def spent(self) -> bool:
        """Tell whether it is time to let go."""
        return time.monotonic() - self.began > GIVE_UP

    def without(self, refused: WriteRefused, batch: list[Pending]) -> list[Pending]:
        """Return what is left to try after one operation was refused."""
        if refused.is_duplicate and not self.doubted:
            self.doubted = True  # perhaps it itself, from an earlier try: looked up, it is answered
            return batch
        if refused.is_stale:
            logger.bind(company_id=refused.change.company_id).critical("the log goes beyond its head; run new-epoch")
        for pending in batch:
            if pending.change is refused.change:
                pending.answer(refused.refusal())
        return [pending for pending in batch if pending.change is not refused.change]

    async def suspect(self) -> None:
        """After a while of conflicts, free what a dead writer may hold."""
        if time.monotonic() - self.began > PATIENCE:
            await self.free_dead_writers()

    async def pause(self, error: Exception, *, commit_was_sent: bool) -> bool:
        """Wait before the next try; False when no other try can help.

        A commit that was sent may be stored whatever interrupted it: only the database's own word that it has
        forgotten the transaction, which `is_conflict` reads, says that nothing happened.
        """
        if is_conflict(error):
            await self.suspect()
            await asyncio.sleep(random.uniform(*CONFLICT_PAUSE))
            return True
        if commit_was_sent or is_cut(error):
            self.doubted = True
            await asyncio.sleep(random.uniform(*CUT_PAUSE))
            return True
        return False


def _answer_all(batch: list[Pending], refusal: Refusal) -> None:
    for pending in batch:
        pending.answer(refusal)
