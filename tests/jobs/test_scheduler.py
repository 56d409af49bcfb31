"""The scheduler: on time, alone, whatever happens, and closed in time."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from loguru import logger

from app.hub import Hub
from app.jobs.jobs import Job
from app.jobs.scheduler import Scheduler, next_turn
from app.models.job import Outcome
from tests.jobs.conftest import Scene
from tests.loglines import log_lines
from tests.waiting import until


def job(run: Callable[[], Coroutine[Any, Any, object]], **more: Any) -> Job:
    return Job(**{"name": "work", "every": 0.05, "first": 0.0, "run": run, **more})


class Counter:
    """Counts its runs, and how many there were at once."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.runs, self.inside, self.most = error, 0, 0, 0
        self.may_end = asyncio.Event()

    async def run(self) -> None:
        self.runs += 1
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            if self.error:
                raise self.error
            await self.may_end.wait()
        finally:
            self.inside -= 1


def outcome(hub: Hub) -> Outcome | None:
    last = hub.jobs["work"].last
    return last.outcome if last else None


@pytest.mark.parametrize("singleton", [False, True])
async def test_a_job_runs_again_and_again_and_its_state_is_shown(scene: Scene, singleton: bool) -> None:
    work = Counter()
    work.may_end.set()
    scheduler = Scheduler(scene.hub, [job(work.run, singleton=singleton)])
    scheduler.start()
    await until(lambda: work.runs >= 3)
    await scheduler.close()
    shown = next(each for each in (await scene.desk.ask("GET", "/jobs"))[1]["data"] if each["name"] == "work")
    assert (shown["last_outcome"], shown["last_error"], shown["running"]) == ("done", None, False)
    assert (shown["every_seconds"], shown["singleton"]) == (0.05, singleton)
    assert shown["last_run_at"].endswith("Z")


async def test_it_never_overlaps_itself(scene: Scene) -> None:
    work, other = Counter(), Counter()
    other.may_end.set()
    scheduler = Scheduler(scene.hub, [job(work.run), job(other.run, name="other")])
    scheduler.start()
    await until(lambda: work.runs == 1 and other.runs >= 4)
    assert scene.hub.jobs["work"].running
    work.may_end.set()
    await until(lambda: work.runs >= 2)
    await scheduler.close()
    assert work.most == 1


@pytest.mark.parametrize("singleton", [False, True])
async def test_an_exception_is_noted_and_the_job_goes_on(scene: Scene, singleton: bool) -> None:
    work = Counter(ZeroDivisionError("a customer's words"))
    scheduler = Scheduler(scene.hub, [job(work.run, singleton=singleton)])
    scheduler.start()
    await until(lambda: work.runs >= 3)
    await scheduler.close()
    shown = next(each for each in (await scene.desk.ask("GET", "/jobs"))[1]["data"] if each["name"] == "work")
    assert (shown["last_outcome"], shown["last_error"]) == ("failed", "ZeroDivisionError")


async def test_a_run_that_hangs_is_cut_off(scene: Scene) -> None:
    work = Counter()
    scheduler = Scheduler(scene.hub, [job(work.run, within=0.05)])
    scheduler.start()
    await until(lambda: work.runs >= 2)
    assert outcome(scene.hub) is Outcome.TIMED_OUT
    await scheduler.close(0)
    assert work.inside == 0


async def test_of_two_processes_one_runs_a_singleton(scene: Scene) -> None:
    other, ours, theirs = scene.another_process(), Counter(), Counter()
    both = [(scene.hub, ours), (other, theirs)]
    schedulers = [Scheduler(hub, [job(work.run, singleton=True)]) for hub, work in both]
    for scheduler in schedulers:
        scheduler.start()
    await until(lambda: ours.runs + theirs.runs == 1 and scene.hub.jobs["work"].next_run_at)
    for work in (ours, theirs):
        work.may_end.set()
    await until(lambda: ours.runs + theirs.runs >= 3)
    for scheduler in schedulers:
        await scheduler.close()
    assert max(ours.most, theirs.most) == 1


async def test_closing_waits_for_what_runs(scene: Scene) -> None:
    work = Counter()
    scheduler = Scheduler(scene.hub, [job(work.run, singleton=True)])
    scheduler.start()
    await until(lambda: work.runs == 1)
    closing = asyncio.create_task(scheduler.close())
    await asyncio.sleep(0)
    work.may_end.set()
    await closing
    assert outcome(scene.hub) is Outcome.DONE
    assert work.runs == 1


async def test_closing_cuts_off_what_does_not_end_and_gives_its_lease_back(scene: Scene) -> None:
    work = Counter()
    scheduler = Scheduler(scene.hub, [job(work.run, singleton=True)])
    scheduler.start()
    await until(lambda: work.runs == 1)
    await scheduler.close(0)
    assert (work.inside, outcome(scene.hub)) == (0, Outcome.STOPPED)
    row = await scene.hub.store.leases.collection.find_one({"_id": "work"})
    assert row is not None
    assert "until" not in row
    assert row["last_outcome"] == "stopped"


async def test_the_table_is_shown_to_admins_alone(scene: Scene) -> None:
    status, answer = await scene.desk.ask("GET", "/jobs")
    assert status == 200
    assert {each["name"] for each in answer["data"]} >= {"token-refresh", "token-check", "prune-events"}
    assert all(each["next_run_at"] for each in answer["data"])
    key = await scene.desk.new_key("messages:read", "channels:read")
    assert (await scene.desk.ask("GET", "/jobs", key=key))[0] == 403


@pytest.mark.parametrize("step", [timedelta(hours=-1), timedelta(seconds=2), timedelta(hours=25)])
async def test_a_clock_that_is_set_changes_no_jobs_time(scene: Scene, step: timedelta) -> None:
    work, set_by = Counter(), [timedelta()]
    work.may_end.set()
    hub = replace(scene.hub, now=lambda: scene.hub.now() + set_by[0])
    scheduler = Scheduler(hub, [job(work.run, every=0.2)])
    scheduler.start()
    await until(lambda: work.runs >= 2)
    set_by[0] = step
    began, before = time.monotonic(), work.runs
    await until(lambda: work.runs >= before + 5, within=20)
    assert work.runs - before <= (time.monotonic() - began) / 0.2 + 2  # nothing rests, and nothing is made up for
    await scheduler.close()


def test_turns_that_passed_while_a_run_took_long_are_one() -> None:
    assert next_turn(10.0, 1.0, now=10.0) == 11.0
    assert next_turn(10.0, 1.0, now=10.9) == 11.0
    assert next_turn(10.0, 1.0, now=11.0) == 12.0
    assert next_turn(10.0, 1.0, now=1000.5) == 1001.0
    assert next_turn(10.0, 1.0, now=9.9) == 11.0


async def test_a_jitter_moves_each_turn_and_not_the_rhythm(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = list[tuple[float, float]]()

    def latest(least: float, most: float) -> float:
        moved.extend([(least, most)] if most else [])
        return most

    monkeypatch.setattr("app.jobs.scheduler.random.uniform", latest)
    work = Counter()
    work.may_end.set()
    scheduler = Scheduler(scene.hub, [job(work.run, every=0.2, jitter=0.1)])
    began = time.monotonic()
    scheduler.start()
    await until(lambda: work.runs >= 4, within=20)
    assert time.monotonic() - began >= 3 * 0.2 + 0.1 - 0.01
    assert moved[:3] == [(-0.1, 0.1)] * 3
    await scheduler.close()


async def test_the_next_run_is_shown(scene: Scene) -> None:
    work = Counter()
    scheduler = Scheduler(scene.hub, [job(work.run, every=60.0, first=30.0)])
    scheduler.start()
    planned = scene.hub.jobs["work"].next_run_at
    assert planned is not None
    assert abs(planned - scene.hub.now() - timedelta(seconds=30)) < timedelta(seconds=10)
    await scheduler.close()


async def test_the_lines_of_a_run_name_its_job_and_no_other(scene: Scene) -> None:
    async def work() -> None:
        logger.info("at work")

    scheduler = Scheduler(scene.hub, [job(work, name=name) for name in ("one", "other")])
    with log_lines() as lines:
        scheduler.start()
        await until(lambda: {line.get("job") for line in lines if line["event"] == "at work"} == {"one", "other"})
        await scheduler.close()
        logger.info("closed")
    assert "job" not in lines[-1]
