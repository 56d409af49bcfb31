"""Find the channel that a webhook speaks of: it names an account, and no company."""

from collections.abc import Awaitable, Callable

from app.hub import Hub
from app.models.channel import Channel
from app.models.contact import Platform
from app.models.entity import ChannelId


async def channel_with(hub: Hub, platform: Platform, account: str) -> Channel | None:
    """Return the connected channel of an account, None when nobody here has it; true to some seconds."""
    return await _known(hub, key_of(platform, account), lambda: hub.store.credentials.with_account(platform, account))


async def channel_at(hub: Hub, channel_id: str) -> Channel | None:
    """Return the connected channel whose own address was called; true to some seconds."""
    return await _known(hub, channel_id, lambda: hub.store.credentials.with_id(ChannelId(channel_id)))


def forget_account(hub: Hub, channel: Channel) -> None:
    """Look anew next time: this channel is not what it was."""
    hub.known.accounts.forget(channel.id)
    hub.known.accounts.forget(key_of(channel.platform, channel.external_id or ""))


def key_of(platform: Platform, account: str) -> str:
    """Return the name under which an account's channel is remembered."""
    return f"{platform}:{account}"


async def _known(hub: Hub, key: str, ask: Callable[[], Awaitable[Channel | None]]) -> Channel | None:
    """Remember who has an account, never that nobody has: it may be connected the next moment."""
    found = await hub.known.accounts.get(key, ask)
    if found is None:
        hub.known.accounts.forget(key)
    return found
