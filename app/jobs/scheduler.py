"""Run the table of jobs: each on its time, never overlapping itself, and whatever one does, the others go on.

"In so many seconds" is counted on the loop's monotonic clock, which nobody can set: a wall clock that is put back by an
hour would let every job rest for an hour.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from loguru import logger
from pymongo.errors import ConnectionFailure

from app.actions.hold_lease import LeaseLost, hold_lease, leave_lease, take_lease
from app.hub import Hub
from app.jobs.jobs import Job
from app.models.job import JobState, Outcome, Ran
from app.outside.away import log_trouble
from app.outside.kept import cancelled_for_good, keep_running
from app.outside.trace import TRACE, Named

# Of a period: what fires earlier than so long after the last run is another process's turn of the same period.
MOST_OF = 0.9
# Seconds: processes that start together run a singleton once; one that starts later runs it again.
TOGETHER = 60.0


class Scheduler:
    """This process's jobs, a loop for each. What must survive a restart is in the database."""

    def __init__(self, hub: Hub, jobs: Iterable[Job]) -> None:
        self.hub = hub
        self.jobs = tuple(jobs)
        self._loops: set[asyncio.Task[None]] = set()
        self._runs: set[asyncio.Task[Any]] = set()
        self._fired: set[str] = set()

    def start(self) -> None:
        """Begin to run the table."""
        for job in self.jobs:
            self._plan(job, job.first)
            keep_running(self._loops, f"job {job.name}", partial(self._repeat, job))

    async def close(self, patience: float = 5.0) -> None:
        """Begin nothing new, wait for what runs, cut off what is still there after `patience` seconds."""
        await cancelled_for_good(self._loops)
        if runs := tuple(self._runs):
            _, late = await asyncio.wait(runs, timeout=patience)
            for run in late:
                run.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _repeat(self, job: Job) -> None:
        """Run one job again and again; turns that passed while it ran are one turn."""
        clock = asyncio.get_running_loop().time
        due, pause = clock() + job.first, job.first
        while True:
            await asyncio.sleep(pause)
            await self._fire(job)
            due = next_turn(due, job.every, clock())
            pause = max(0.0, due + random.uniform(-job.jitter, job.jitter) - clock())
            self._plan(job, pause)

    async def _fire(self, job: Job) -> None:
        """Run one job, in a task that outlives its loop: `close` lets it end in order."""
        run = asyncio.create_task(self._noted(job), name=job.name)
        self._runs.add(run)
        run.add_done_callback(self._runs.discard)
        await asyncio.wait((run,))

    async def _noted(self, job: Job) -> None:
        """Run one job, and write down how that went; nothing, when another process had this turn."""
        began = self.hub.now()
        ran: Ran | None = Ran(outcome=Outcome.STOPPED)
        self._note(job, running=True)
        try:
            TRACE.set(Named(job=job.name))  # for this run: it is a task of its own
            ran = await (self._alone(job) if job.singleton else self._outcome(job, job.run))
        except Exception as error:  # noqa: BLE001 - trouble with one job's lease must not become everyone's
            ran = _failed(job, error)
        finally:
            self._fired.add(job.name)
            self._note(job, running=False, **({"last_run_at": began, "last": ran} if ran else {}))

    async def _alone(self, job: Job) -> Ran | None:
        """Run a singleton under its lease; None when it is not this process's turn."""
        rested = MOST_OF * job.every if job.name in self._fired else min(TOGETHER, MOST_OF * job.every)
        lease = await take_lease(self.hub, job.name, rested=rested)
        if lease is None:
            return None
        ran = Ran(outcome=Outcome.STOPPED)
        try:
            ran = await self._outcome(job, partial(hold_lease, self.hub, lease, job.run))
        finally:
            await leave_lease(self.hub, lease, ran, every=job.every)
        return ran

    async def _outcome(self, job: Job, work: Callable[[], Coroutine[Any, Any, object]]) -> Ran:
        """Work for as long as this job may; whatever goes wrong is how the run ended."""
        bound = asyncio.timeout(job.within)
        try:
            async with bound:
                await work()
        except LeaseLost:
            logger.bind(job=job.name).warning("a job lost its lease")
            return Ran(outcome=Outcome.LOST)
        except Exception as error:  # noqa: BLE001 - one job's failure must not become everyone's
            if isinstance(error, TimeoutError) and bound.expired():
                logger.bind(job=job.name, seconds=job.within).warning("a job took too long")
                return Ran(outcome=Outcome.TIMED_OUT)
            return _failed(job, error)
        return Ran(outcome=Outcome.DONE)

    def _plan(self, job: Job, pause: float) -> None:
        self._note(job, next_run_at=self.hub.now() + timedelta(seconds=pause))

    def _note(self, job: Job, **changes: Any) -> None:
        known = self.hub.jobs.get(job.name) or JobState(name=job.name, every=job.every, singleton=job.singleton)
        self.hub.jobs[job.name] = replace(known, **changes)


def next_turn(due: float, every: float, now: float) -> float:
    """Return when the next turn is after the one that was due: the first of its rhythm that is not over yet."""
    missed = max(0.0, now - due) // every
    return due + (missed + 1) * every


def _failed(job: Job, error: Exception) -> Ran:
    if isinstance(error, ConnectionFailure):
        log_trouble(error, "a job failed", job=job.name)
    else:
        logger.bind(job=job.name).opt(exception=error).error("a job failed")
    return Ran(outcome=Outcome.FAILED, error=type(error).__name__)
