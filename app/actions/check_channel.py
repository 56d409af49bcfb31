"""Ask a channel's platform how the channel is, now, and note what it says."""

from app.access import access_channel
from app.actions.ask_account import failure_of
from app.actions.channel_warnings import calls_elsewhere, good_health, warnings_of
from app.actions.connected import connected
from app.actions.platform_limits import take_test
from app.actions.set_health import set_health
from app.actions.start_channel import start_channel
from app.hub import Hub
from app.models.caller import Caller
from app.models.channel import Channel, Health
from app.models.entity import ChannelId
from app.models.failure import Failure, FailureClass


async def check_channel(hub: Hub, caller: Caller, id: ChannelId) -> dict[str, object]:
    """Return whether all is well, else what the platform said; the channel's health, and what keeps it from working.

    Raises NotFound, NotConnected, RateLimited.

    A person's pause stands, whatever the platform says.
    """
    channel = connected(await access_channel(hub, caller, id))
    take_test(hub, channel.company_id, channel.id)
    failure = await failure_of(hub, channel)
    after = channel if channel.paused_by else await _noted(hub, channel, failure)
    state = {"health": after.health, "warnings": list(warnings_of(hub, after))}
    if failure is None:
        return {"ok": not state["warnings"], **state}
    said = {"class": failure.kind, "code": failure.code, "reason": failure.reason}
    return {"ok": False, **said, **state}


async def _noted(hub: Hub, channel: Channel, failure: Failure | None) -> Channel:
    if failure is None:
        return await _well(hub, channel)
    if failure.kind is FailureClass.AUTH:
        return await set_health(hub, channel, Health.NEEDS_REAUTH, failure.reason) or channel
    return channel


async def _well(hub: Hub, channel: Channel) -> Channel:
    """Return a channel that its platform accepts, after telling the platform where we are, if it was told otherwise."""
    well = channel
    if channel.health is not Health.EXPIRING_SOON:
        well = await set_health(hub, channel, **good_health(hub, channel)) or channel
    if well.can_send and (not channel.can_send or calls_elsewhere(hub, well)):
        return await start_channel(hub, well)
    return well
