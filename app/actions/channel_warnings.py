"""Why a channel cannot work on this server: settings that are missing, in sentences for people, as they are now."""

from typing import Any

from app.access import access_channel
from app.actions.keys import Done
from app.hub import Hub
from app.models.caller import Caller
from app.models.channel import Channel, Health
from app.platforms.network import Network
from app.settings import Settings

WEBHOOKS = "/api/v1/webhooks"

NO_ADDRESS = "Set PUBLIC_URL: until then the platform is not told where to call, and no message comes in."
NO_TLS = "Let PUBLIC_URL begin with https://: the platform calls no other address, so no message comes in."
CALLS_ELSEWHERE = "The platform was not told to call here yet, so no message may come in: test the channel."
NO_SECRET = "Set FACEBOOK_APP_SECRET: until then each webhook of Meta's is refused, and no message comes in."
NO_VERIFY_TOKEN = "Set META_VERIFY_TOKEN: until then Meta cannot verify the webhook's address."


def webhook_of(settings: Settings, network: Network | None, channel: Channel) -> str | None:
    """Return where a channel's platform calls us, None for one that does not; without PUBLIC_URL the path alone."""
    if network is None or not (network.app_object or network.secret_header):
        return None
    own = f"/{channel.id}" if network.secret_header else ""  # what an app signs has one address for all its accounts
    return f"{settings.public_url or ''}{WEBHOOKS}/{channel.platform}{own}"


def channel_warnings(settings: Settings, network: Network | None, channel: Channel) -> tuple[str, ...]:
    """Return what keeps a channel from working, the worst first; nothing when its messages can come in."""
    if network is None or not channel.is_connected:
        return ()
    if network.app_object:
        missing = ((settings.facebook_app_secret, NO_SECRET), (settings.meta_verify_token, NO_VERIFY_TOKEN))
        return tuple(sentence for value, sentence in missing if value is None)
    if network.secret_header is None:
        return ()
    if settings.public_url is None:
        return (NO_ADDRESS,)
    if not settings.public_url.startswith("https://"):
        return (NO_TLS,)
    return (CALLS_ELSEWHERE,) if channel.calls_at != webhook_of(settings, network, channel) else ()


def warnings_of(hub: Hub, channel: Channel) -> tuple[str, ...]:
    """Return a channel's warnings on this server."""
    return channel_warnings(hub.settings, hub.networks.get(channel.platform), channel)


def good_health(hub: Hub, channel: Channel) -> dict[str, Any]:
    """Return the health of a channel whose platform accepts it: healthy, unless something keeps it from working."""
    warnings = warnings_of(hub, channel)
    if warnings:
        return {"health": Health.UNCHECKED, "reason": warnings[0]}
    return {"health": Health.HEALTHY, "reason": None}


def calls_elsewhere(hub: Hub, channel: Channel) -> bool:
    """Tell whether a platform that is told for each account where to call must be told anew."""
    network = hub.networks.get(channel.platform)
    if network is None or network.secret_header is None or not hub.settings.public_url:
        return False
    return channel.is_connected and channel.calls_at != webhook_of(hub.settings, network, channel)


def shown(hub: Hub, channel: Channel) -> dict[str, object]:
    """Return a channel as REST shows it: with what follows from the settings, which the log cannot know."""
    webhook_url = webhook_of(hub.settings, hub.networks.get(channel.platform), channel)
    return {**channel.view(), "webhook_url": webhook_url, "warnings": list(warnings_of(hub, channel))}


async def shown_after(hub: Hub, caller: Caller, done: Done) -> Done:
    """Return a channel as a change left it, as REST shows it."""
    now = shown(hub, await access_channel(hub, caller, done.view["id"]))
    return Done(view={**now, **done.view}, replayed=done.replayed)
