"""Run the table of jobs: each on its time, never overlapping itself, and whatever one does, the others go on."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger
from loguru import logger
from pymongo.errors import ConnectionFailure

from app.actions.hold_lease import LeaseLost, hold_lease, leave_lease, take_lease
from app.hub import Hub
from app.jobs.jobs import Job
from app.models.job import JobState, Outcome, Ran
from app.outside.away import log_trouble

# Of a period: what fires earlier than so long after the last run is another process's turn of the same period.
MOST_OF = 0.9
# Seconds: processes that start together run a singleton once; one that starts later runs it again.
TOGETHER = 60.0


class Scheduler:
    """This process's jobs. What must survive a restart is in the database: APScheduler only knows when."""

    def __init__(self, hub: Hub, jobs: Iterable[Job]) -> None:
        self.hub = hub
        self.jobs = tuple(jobs)
        # Without a zone of its own it asks the machine's, and a day then has 23 or 25 hours twice a year.
        self._clock = AsyncIOScheduler(timezone=UTC)
        self._runs: set[asyncio.Task[Any]] = set()
        self._fired: set[str] = set()

    def start(self) -> None:
        """Begin to run the table."""
        for job in self.jobs:
            self._clock.add_job(
                self._fire,
                IntervalTrigger(seconds=job.every, jitter=job.jitter or None, timezone=UTC),
                (job,),
                id=job.name,
                next_run_time=datetime.now(UTC) + timedelta(seconds=job.first),
                coalesce=True,
                max_instances=1,
                misfire_grace_time=None,  # by default, one second of a busy loop loses a run: a day's, for some
            )
        self._clock.start()
        for job in self.jobs:
            self._note(job)

    async def close(self, patience: float = 5.0) -> None:
        """Begin nothing new, wait for what runs, cut off what is still there after `patience` seconds."""
        if self._clock.running:
            self._clock.remove_all_jobs()
        if runs := tuple(self._runs):
            _, late = await asyncio.wait(runs, timeout=patience)
            for run in late:
                run.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._clock.running:
            self._clock.shutdown(wait=False)  # only now: it cancels what runs, whatever it is told

    async def _fire(self, job: Job) -> None:
        """Run one job, in a task that only `close` ends."""
        run = asyncio.create_task(self._noted(job), name=job.name)
        self._runs.add(run)
        run.add_done_callback(self._runs.discard)
        with suppress(asyncio.CancelledError):  # APScheduler, which ends with us, would log it as the job's failure
            await asyncio.wait((run,))

    async def _noted(self, job: Job) -> None:
        """Run one job, and write down how that went; nothing, when another process had this turn."""
        began = self.hub.now()
        ran: Ran | None = Ran(outcome=Outcome.STOPPED)
        self._note(job, running=True)
        try:
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

    def _note(self, job: Job, **changes: Any) -> None:
        known = self.hub.jobs.get(job.name) or JobState(name=job.name, every=job.every, singleton=job.singleton)
        planned = self._clock.get_job(job.name)
        self.hub.jobs[job.name] = replace(known, next_run_at=planned.next_run_time if planned else None, **changes)


def _failed(job: Job, error: Exception) -> Ran:
    if isinstance(error, ConnectionFailure):
        log_trouble(error, "a job failed", job=job.name)
    else:
        logger.bind(job=job.name).opt(exception=error).error("a job failed")
    return Ran(outcome=Outcome.FAILED, error=type(error).__name__)
