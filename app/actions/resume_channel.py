"""Let a channel send again that a person, or a failure, has stopped."""

from datetime import datetime

from app.access import access_channel
from app.actions.ask_account import failure_of
from app.actions.channel_warnings import good_health
from app.actions.connected import connected
from app.actions.keys import Done, commit_on
from app.actions.platform_limits import take_test
from app.actions.start_channel import start_channel
from app.errors import PlatformAway, SignInRefused
from app.events import ChannelUpdated
from app.hub import Hub
from app.journal.change import Decision, Seen
from app.models.caller import Caller
from app.models.channel import Channel, Health
from app.models.entity import ChannelId, evolve
from app.models.failure import FailureClass

CUT_OFF = (Health.NEEDS_REAUTH, Health.EXPIRED)


async def resume_channel(hub: Hub, caller: Caller, id: ChannelId, client_key: str | None = None) -> Done:
    """Return the channel as it is now; one that sends is left as it is.

    Raises NotFound, NotConnected, SignInRefused, and PlatformAway when a channel that was cut off cannot be checked,
    and RateLimited.
    """
    channel = await access_channel(hub, caller, id)
    if channel.is_connected and not channel.can_send:
        await _require_accepted(hub, channel)

    def decide(seen: Seen, now: datetime) -> Decision:
        before = connected(seen.get(Channel.ref(id)))
        if before.can_send:
            return Decision(answer=before.view())
        after = evolve(before, paused_by=None, **good_health(hub, before))
        return Decision(puts=(after,), events=(ChannelUpdated(channel=after),))

    done = await commit_on(hub, caller, "resume_channel", (Channel.ref(id),), decide, client_key)
    if channel.can_send or done.replayed:
        return done
    return Done(view=(await start_channel(hub, await access_channel(hub, caller, id))).view(), replayed=False)


async def _require_accepted(hub: Hub, channel: Channel) -> None:
    take_test(hub, channel.company_id, channel.id)
    failure = await failure_of(hub, channel)
    if failure is not None and failure.kind is FailureClass.AUTH:
        raise SignInRefused
    if failure is not None and channel.health in CUT_OFF:
        raise PlatformAway
