"""Let a channel that was connected, or may send again, hear and send."""

from loguru import logger

from app.actions.open_secrets import account_of
from app.actions.set_health import set_health
from app.actions.wake_channel import wake_channel
from app.hub import Hub
from app.models.channel import Channel, Health
from app.models.failure import FailureClass, Refused

WEBHOOKS = "/api/v1/webhooks"


def webhook_of(hub: Hub, channel: Channel) -> str | None:
    """Return where a channel's platform calls us, None for one that does not; without PUBLIC_URL the path alone."""
    network = hub.networks.get(channel.platform)
    if network is None or not (network.app_object or network.secret_header):
        return None
    own = f"/{channel.id}" if network.secret_header else ""  # what an app signs has one address for all its accounts
    return f"{hub.settings.public_url or ''}{WEBHOOKS}/{channel.platform}{own}"


async def start_channel(hub: Hub, channel: Channel) -> Channel:
    """Return the channel as it is then: a platform that will not call us leaves it paused, or to be connected again."""
    after = await _listening(hub, channel)
    await wake_channel(hub, after)
    return after


async def _listening(hub: Hub, channel: Channel) -> Channel:
    network = hub.networks.get(channel.platform)
    if network is None or not network.credentials or not hub.settings.public_url:
        return channel
    try:
        await hub.talk.run(network.listen(account_of(hub, channel), webhook_of(hub, channel) or ""))
    except Refused as refused:
        failure = refused.failure
        logger.bind(channel_id=channel.id, code=failure.code).warning("a webhook could not be set")
        lasting = failure.kind is FailureClass.AUTH
        health = Health.NEEDS_REAUTH if lasting else Health.PAUSED
        reason = failure.reason if lasting else f"Its webhook could not be set, resume the channel: {failure.reason}"
        return await set_health(hub, channel, health, reason) or channel
    return channel
