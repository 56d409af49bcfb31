"""Let a channel that was connected, or may send again, hear and send."""

from loguru import logger

from app.actions.amend_channel import amend_channel
from app.actions.channel_warnings import good_health, webhook_of
from app.actions.open_secrets import account_of
from app.actions.set_health import set_health
from app.actions.wake_channel import wake_channel
from app.hub import Hub
from app.models.channel import WELL, Channel, Health
from app.models.entity import evolve
from app.models.failure import FailureClass, Refused


async def start_channel(hub: Hub, channel: Channel) -> Channel:
    """Return the channel as it is then: a platform that will not call us leaves it paused, or to be connected again."""
    after = await _listening(hub, channel)
    await wake_channel(hub, after)
    return after


async def _listening(hub: Hub, channel: Channel) -> Channel:
    try:
        return await pointed(hub, channel)
    except Refused as refused:
        failure = refused.failure
        logger.bind(channel_id=channel.id, code=failure.code).warning("a webhook could not be set")
        lasting = failure.kind is FailureClass.AUTH
        health = Health.NEEDS_REAUTH if lasting else Health.PAUSED
        reason = failure.reason if lasting else f"Its webhook could not be set, resume the channel: {failure.reason}"
        return await set_health(hub, channel, health, reason) or channel


async def pointed(hub: Hub, channel: Channel) -> Channel:
    """Have the platform call us where we are now, and return the channel as it is then. Raises Refused."""
    network = hub.networks.get(channel.platform)
    if network is None or not network.credentials or not hub.settings.public_url:
        return channel
    url = webhook_of(hub.settings, network, channel) or ""
    if not await hub.talk.run(network.listen(account_of(hub, channel), url)):
        return channel
    health = good_health(hub, evolve(channel, calls_at=url)) if channel.health in WELL else {}
    return await amend_channel(hub, channel, "listen", calls_at=url, **health) or channel
