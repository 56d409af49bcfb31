"""Find the channel that a webhook speaks of: it names an account, and no company."""

from app.hub import Hub
from app.models.channel import Channel
from app.models.contact import Platform
from app.models.entity import ChannelId


async def channel_with(hub: Hub, platform: Platform, account: str) -> Channel | None:
    """Return the connected channel of an account, None when nobody here has it; true to some seconds."""
    return await hub.known.accounts.get(
        f"{platform}:{account}", lambda: hub.store.credentials.with_account(platform, account)
    )


async def channel_at(hub: Hub, channel_id: str) -> Channel | None:
    """Return the connected channel whose own address was called."""
    return await hub.known.accounts.get(channel_id, lambda: hub.store.credentials.with_id(ChannelId(channel_id)))
