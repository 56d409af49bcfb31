"""Renew what runs out soon, before anybody notices."""

import asyncio

from loguru import logger
from tenacity import RetryCallState, retry, retry_if_exception_type, stop_after_attempt

from app.actions.renew_token import RenewalLater, renew_token
from app.hub import RENEWAL_SECONDS, Hub
from app.models.channel import Channel, Health
from app.models.token import SOON

AT_ONCE = 8  # channels; nobody waits for this job
TRIES = 3
LONGEST_WAIT = 60.0  # seconds; a platform that wants a longer pause is asked again tomorrow


async def refresh_tokens(hub: Hub) -> int:
    """Renew the credentials that run out within ten days, of every company; return how many could be."""
    before, after, renewed = hub.now() + SOON, None, 0
    while page := await hub.store.credentials.expiring(before, after=after, limit=AT_ONCE):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_refresh(hub, channel)) for channel in page]
        renewed += sum(task.result() for task in tasks)
        after = page[-1].id
    return renewed


async def _refresh(hub: Hub, channel: Channel) -> bool:
    """Tell whether one channel's credentials were renewed. While the old ones last, a refusal is a warning only."""
    try:
        return await patiently(hub, channel) is not None
    except RenewalLater as later:
        logger.bind(channel_id=channel.id, code=later.failure.code).warning("a token could not be renewed")
        return False


def _pause(state: RetryCallState) -> float:
    """Return the seconds that the platform asked for, else more with each try: 6, 12."""
    error = state.outcome.exception() if state.outcome else None
    named = error.failure.wait if isinstance(error, RenewalLater) else None
    return min(LONGEST_WAIT, max(named or 0.0, (RENEWAL_SECONDS + 1) * state.attempt_number))


@retry(retry=retry_if_exception_type(RenewalLater), stop=stop_after_attempt(TRIES), wait=_pause, reraise=True)
async def patiently(hub: Hub, channel: Channel) -> Channel | None:
    """Renew one channel's credentials, in three tries. Raises RenewalLater."""
    return await renew_token(hub, channel, refused=Health.EXPIRING_SOON)
