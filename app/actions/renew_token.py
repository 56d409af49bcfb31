"""Get a channel a newer token, once, however many ask for it."""

import asyncio
from datetime import timedelta
from functools import partial

from app.actions.amend_channel import amend_channel
from app.actions.channel_warnings import good_health
from app.actions.hold_lease import LeaseLost, hold_lease, leave_lease, take_lease
from app.actions.open_secrets import account_of
from app.actions.set_health import set_health
from app.hub import Hub
from app.models.channel import Channel, Health
from app.models.failure import Failure, FailureClass, Refused
from app.models.token import ENDS_SOON, REVOKED
from app.platforms.network import no_way

CALLS = 2  # of the longest exchange: nobody waits for longer than these may take
LOOK = 0.1  # seconds between two looks at a lease that another process has
FINAL = (FailureClass.AUTH, FailureClass.PERMISSION)

LATER = Failure(kind=FailureClass.TRANSIENT, code="timeout", reason="The sign-in could not be renewed in time.")


class RenewalLater(Exception):
    """It cannot be renewed just now, but perhaps in a moment: nothing is wrong with the channel."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code, failure.reason)
        self.failure = failure


async def renew_token(hub: Hub, channel: Channel, refused: Health = Health.NEEDS_REAUTH) -> Channel | None:
    """Return the channel with credentials newer than these, None when there is no way to get any.

    However many ask at once, in however many processes, the platform is asked once, and all get its answer. When it
    refuses, the old credentials stay and the channel's health becomes `refused`. Raises RenewalLater.
    """
    lock = hub.renewals.locks.setdefault(channel.id, asyncio.Lock())
    try:
        async with asyncio.timeout(CALLS * hub.settings.platform_timeout.total_seconds()), lock:
            return await _renewed(hub, channel, refused)
    except TimeoutError:
        raise RenewalLater(LATER) from None


async def _renewed(hub: Hub, channel: Channel, refused: Health) -> Channel | None:
    """Look before asking: whoever had the lock before us may have what we want."""
    known = await hub.store.channels.get(channel.company_id, channel.id)
    if known is None or known.sealed is None or not known.is_connected:
        return None
    if known.sealed != channel.sealed:
        return known
    end = await hub.renewals.ended.get(known.sealed, partial(_under_lease, hub, known))
    if not isinstance(end, Failure):
        return end
    if end.kind not in FINAL:
        raise RenewalLater(end)
    if known.can_send and known.health is not refused:
        await set_health(hub, known, refused, ENDS_SOON if refused is Health.EXPIRING_SOON else REVOKED)
    return None


async def _under_lease(hub: Hub, channel: Channel) -> Channel | Failure | None:
    """Exchange these credentials, unless another process has done so while we waited for its lease."""
    while (lease := await take_lease(hub, f"renew:{channel.id}")) is None:  # noqa: ASYNC110 - another process rings no bell here
        await asyncio.sleep(LOOK)
    try:
        known = await hub.store.channels.get(channel.company_id, channel.id)
        if known is None or known.sealed != channel.sealed:
            return known
        return await hold_lease(hub, lease, partial(_exchanged, hub, known))
    except LeaseLost:
        return LATER
    finally:
        await leave_lease(hub, lease)


async def _exchanged(hub: Hub, channel: Channel) -> Channel | Failure | None:
    """Ask the platform, and put what it gives in place of the old, unless somebody connected the channel meanwhile."""
    network = hub.networks.get(channel.platform)
    try:
        if network is None:
            raise no_way()
        renewed = await hub.talk.run(network.renew(account_of(hub, channel)))
    except Refused as refused:
        return refused.failure
    lasts = renewed.expires_in
    after = await amend_channel(
        hub,
        channel,
        "renew",
        sealed=hub.vault.seal(channel.id, renewed.secrets),
        expires_at=hub.now() + timedelta(seconds=lasts) if lasts is not None else None,
        **({} if channel.health is Health.PAUSED else good_health(hub, channel)),
    )
    if not channel.can_send:
        await hub.store.lanes.wake(channel.id)  # what waited for somebody to connect it again
    return after
