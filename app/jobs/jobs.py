"""Everything that the server does by itself, on one screen."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from app.actions.adopt_echoes import adopt_echoes
from app.actions.check_tokens import check_tokens
from app.actions.mend_outbox import mend_outbox
from app.actions.point_webhooks import point_webhooks
from app.actions.prune_events import prune_events
from app.actions.refresh_tokens import refresh_tokens
from app.hub import Hub
from app.jobs.outbox import Outbox

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One row: what runs, `first` so many seconds after the start and then every so many, give or take `jitter`.

    A singleton runs in one process at a time, by a lease, and once in each period; any other runs in every process.
    A run that takes longer than `within` is cut off.
    """

    name: str
    every: float
    first: float
    run: Callable[[], Coroutine[Any, Any, object]]
    singleton: bool = False
    jitter: float = 0.0
    within: float = 30.0


def jobs_of(hub: Hub, outbox: Outbox) -> tuple[Job, ...]:
    """Return the table. What each process does for itself stands first, what one does for all below."""
    return (*_of_outbox(hub, outbox), *_of_channels(hub), _pruning(hub))


def _of_outbox(hub: Hub, outbox: Outbox) -> tuple[Job, ...]:
    return (
        Job(name="outbox-poll", every=1.0, first=0.1, run=outbox.poll),
        Job(name="outbox-reaper", every=5.0, first=1.0, run=outbox.reap),
        Job(name="adopt-echoes", every=30.0, first=30.0, run=partial(adopt_echoes, hub), singleton=True),
        Job(name="mend-outbox", every=HOUR, first=MINUTE, run=partial(mend_outbox, hub), singleton=True),
    )


def _of_channels(hub: Hub) -> tuple[Job, ...]:
    return (
        Job(
            name="point-webhooks",
            every=HOUR,
            first=MINUTE,
            run=partial(point_webhooks, hub),
            singleton=True,
            within=HOUR / 2,
        ),
        Job(
            name="token-refresh",
            every=DAY,
            first=10.0,
            run=partial(refresh_tokens, hub),
            singleton=True,
            jitter=HOUR / 2,
            within=HOUR,
        ),
        Job(
            name="token-check",
            every=DAY,
            first=2 * MINUTE,
            run=partial(check_tokens, hub),
            singleton=True,
            jitter=HOUR / 2,
            within=HOUR,
        ),
    )


def _pruning(hub: Hub) -> Job:
    return Job(
        name="prune-events",
        every=HOUR,
        first=MINUTE,
        run=partial(prune_events, hub),
        singleton=True,
        jitter=2 * MINUTE,
        within=HOUR / 2,
    )
