"""Let go of events that are older than anybody may want to resume from."""

import asyncio
from datetime import timedelta

from loguru import logger

from app.hub import Hub
from app.models.entity import CompanyId

PIECE = 1000  # events: what one deletion holds up is a few milliseconds of the log's


async def prune_events(hub: Hub) -> int:
    """Delete what is older than EVENT_RETENTION_DAYS from every company's log, oldest first; return how much.

    A log that cannot be pruned keeps no other from it; what was wrong with the first of them is raised at the end.
    """
    kept, deleted, failed = timedelta(days=hub.settings.event_retention_days), 0, list[BaseException]()
    for company_id in await hub.store.streams.all_ids():
        (done,) = await asyncio.gather(_prune(hub, company_id, kept), return_exceptions=True)
        if isinstance(done, BaseException):  # the others' logs grow all the same
            logger.bind(company_id=company_id, error=type(done).__name__).warning("a log could not be pruned")
            failed.append(done)
        else:
            deleted += done
    if failed:
        raise failed[0]
    return deleted


async def _prune(hub: Hub, company_id: CompanyId, kept: timedelta) -> int:
    """Raise the floor before each deletion, so that whoever reads meanwhile knows what they may have missed."""
    stream = await hub.store.streams.get(company_id)
    if stream is None:
        return 0
    deleted = await hub.store.events.delete_up_to(company_id, stream.floor)  # what a run that was cut off left
    floor, more = stream.floor, True
    while more:
        old = await hub.store.events.older(company_id, floor, stream.head, kept, limit=PIECE)
        more = len(old) == PIECE
        if old:
            floor = old[-1]
            await hub.store.streams.raise_floor(company_id, floor)
            deleted += await hub.store.events.delete_up_to(company_id, floor)
        await asyncio.sleep(0)
    return deleted
