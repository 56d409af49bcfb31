"""Have everything that waits on a channel looked at again, now that the channel has changed."""

from app.actions.find_account import forget_account
from app.hub import Hub
from app.models.channel import Channel


async def wake_channel(hub: Hub, channel: Channel) -> None:
    """Forget what is remembered of the channel, open its gate, and let its queue be due."""
    forget_account(hub, channel)
    await hub.store.gates.forget(channel.id)
    hub.known.gates.pop(channel.id, None)
    await hub.store.lanes.wake(channel.id)
