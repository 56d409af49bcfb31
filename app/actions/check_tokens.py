"""Ask Meta how each channel's token is: it does not tell when one is taken back."""

import asyncio

from loguru import logger

from app.actions.amend_channel import amend_channel
from app.actions.channel_warnings import good_health
from app.actions.open_secrets import account_of
from app.hub import Hub
from app.models.channel import Channel, Health
from app.models.contact import Platform
from app.models.failure import Refused

META = (Platform.FACEBOOK, Platform.INSTAGRAM, Platform.WHATSAPP)
AT_ONCE = 8  # channels; nobody waits for this job
# What a person decided, and what only they can mend: a token that is valid does not lift it.
LASTING = (Health.PAUSED, Health.NEEDS_REAUTH)


async def check_tokens(hub: Hub) -> int:
    """Note the health and the end of every Meta channel's token, of all companies; return how many could be asked."""
    after, asked = None, 0
    while page := await hub.store.credentials.of_platforms(META, after=after, limit=AT_ONCE):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_check(hub, channel)) for channel in page]
        asked += sum(task.result() for task in tasks)
        after = page[-1].id
    return asked


async def _check(hub: Hub, channel: Channel) -> bool:
    """Tell whether the platform said how the token is; a question that failed changes nothing."""
    try:
        facts = await hub.talk.run(hub.networks[channel.platform].inspect(account_of(hub, channel)))
    except Refused as refused:
        logger.bind(channel_id=channel.id, code=refused.failure.code).warning("a token could not be asked about")
        return False
    if facts is None:
        return False
    health, reason = facts.health(hub.now())
    if channel.health in LASTING:
        health, reason = channel.health, channel.reason
    noted = good_health(hub, channel) if health is Health.HEALTHY else {"health": health, "reason": reason}
    await amend_channel(hub, channel, "check", expires_at=facts.expires_at, **noted)
    return True
