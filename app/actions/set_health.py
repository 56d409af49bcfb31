"""Note how a channel is, and tell everyone once."""

from app.actions.amend_channel import amend_channel
from app.hub import Hub
from app.models.channel import Channel, Health


async def set_health(hub: Hub, channel: Channel, health: Health, reason: str | None = None) -> Channel | None:
    """Return the channel as it is now, None when it is gone.

    `channel` is what was found to be so. If its credentials were replaced since, what was found is about the old ones,
    and changes nothing; neither does what is known already.
    """
    return await amend_channel(hub, channel, "health", health=health, reason=reason)
