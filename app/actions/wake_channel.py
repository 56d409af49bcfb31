"""Have everything that waits on a channel looked at again, now that the channel has changed."""

from app.hub import Hub
from app.models.channel import Channel


async def wake_channel(hub: Hub, channel: Channel) -> None:
    """Forget what is remembered of the channel, open its gate, and let its queue be due."""
    for account in (channel.external_id, channel.former_external_id):
        hub.known.accounts.forget(f"{channel.platform}:{account}")
    hub.known.accounts.forget(channel.id)
    await hub.store.gates.forget(channel.id)
    hub.known.gates.pop(channel.id, None)
    await hub.store.lanes.wake(channel.id)
