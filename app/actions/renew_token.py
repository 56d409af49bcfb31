"""Get a channel a newer token, once, however many ask for it."""

from app.hub import Hub
from app.models.channel import Channel


async def renew_token(hub: Hub, channel: Channel) -> Channel | None:
    """Return the channel with credentials newer than these, None when there is no way to get any."""
    return None
