"""Tell platforms that are told for each account where this server is now: PUBLIC_URL may have changed."""

from collections.abc import AsyncIterator

from loguru import logger

from app.actions.channel_warnings import calls_elsewhere
from app.actions.start_channel import pointed
from app.hub import Hub
from app.models.channel import Channel
from app.models.failure import Refused

AT_ONCE = 50  # channels that are read at once; their platforms are asked one after the other


async def point_webhooks(hub: Hub) -> int:
    """Return how many were told; one that refuses is asked again the next time, and goes on as it was."""
    told = 0
    async for channel in _elsewhere(hub):
        try:
            await pointed(hub, channel)
            told += 1
        except Refused as refused:
            logger.bind(channel_id=channel.id, code=refused.failure.code).warning("a webhook could not be set")
    return told


async def _elsewhere(hub: Hub) -> AsyncIterator[Channel]:
    platforms = [each.key for each in hub.networks.values() if each.secret_header]
    after = None
    while page := await hub.store.credentials.of_platforms(platforms, after=after, limit=AT_ONCE):
        for channel in page:
            if calls_elsewhere(hub, channel):
                yield channel
        after = page[-1].id
