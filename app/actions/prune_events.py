"""Let go of events that are older than anybody may want to resume from."""

import asyncio
from datetime import datetime, timedelta

from app.hub import Hub
from app.models.entity import CompanyId

PIECE = 1000  # events: what one deletion holds up is a few milliseconds of the log's


async def prune_events(hub: Hub) -> int:
    """Delete what is older than EVENT_RETENTION_DAYS from every company's log, oldest first; return how much."""
    before = hub.now() - timedelta(days=hub.settings.event_retention_days)
    return sum([await _prune(hub, company_id, before) for company_id in await hub.store.streams.all_ids()])


async def _prune(hub: Hub, company_id: CompanyId, before: datetime) -> int:
    """Raise the floor before each deletion, so that whoever reads meanwhile knows what they may have missed."""
    stream = await hub.store.streams.get(company_id)
    if stream is None:
        return 0
    deleted = await hub.store.events.delete_up_to(company_id, stream.floor)  # what a run that was cut off left
    floor, more = stream.floor, True
    while more:
        old = await hub.store.events.older(company_id, floor, stream.head, before, limit=PIECE)
        more = len(old) == PIECE
        if old:
            floor = old[-1]
            await hub.store.streams.raise_floor(company_id, floor)
            deleted += await hub.store.events.delete_up_to(company_id, floor)
        await asyncio.sleep(0)
    return deleted
