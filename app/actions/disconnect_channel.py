"""Give an account up: nothing is heard or sent there any more, what was said stays."""

from collections.abc import Iterable
from datetime import datetime

from app.access import access_channel
from app.actions.connected import require_optional
from app.actions.keys import Done, commit_on
from app.actions.wake_channel import wake_channel
from app.errors import NotFound
from app.events import ChannelUpdated
from app.hub import Hub
from app.journal.change import Change, Decision, Seen
from app.models.caller import Caller
from app.models.channel import Channel
from app.models.entity import ChannelId, evolve
from app.outside.security_log import CHANNEL_DISCONNECTED


async def disconnect_channel(hub: Hub, caller: Caller, id: ChannelId, client_key: str | None = None) -> Done:
    """Return the channel as it is now, without credentials; its account is free. Raises NotFound, BuiltIn.

    The oldest other channel of the platform becomes the main one. What is queued fails, as its channel is gone.
    """
    channel = await access_channel(hub, caller, id)
    others = await _others(hub, channel)

    def decide(seen: Seen, now: datetime) -> Decision:
        before = seen.get(Channel.ref(id))
        if before is None:
            raise NotFound
        require_optional(before)
        if not before.is_connected:
            return Decision(answer=before.view())
        changed = (_disconnected(before, now), *(_heir(seen, others) if before.main else ()))
        return Decision(puts=changed, events=tuple(ChannelUpdated(channel=each) for each in changed))

    done = await commit_on(hub, caller, "disconnect_channel", (Channel.ref(id),), decide, client_key)
    if not done.replayed:
        hub.security.say(CHANNEL_DISCONNECTED, channel_id=id, platform=channel.platform, **caller.facts())
    await _settle_main(hub, channel)
    await wake_channel(hub, channel)
    return done


async def _others(hub: Hub, channel: Channel) -> list[ChannelId]:
    found = await hub.store.channels.of_platform(channel.company_id, channel.platform)
    return [each.id for each in found if each.id != channel.id]


def _disconnected(channel: Channel, now: datetime) -> Channel:
    return evolve(
        channel,
        external_id=None,
        former_external_id=channel.external_id,
        sealed=None,
        expires_at=None,
        main=False,
        disconnected_at=now,
    )


def _heir(seen: Seen, others: Iterable[ChannelId]) -> tuple[Channel, ...]:
    """Return the oldest of these that is connected, as the main one."""
    found = (seen.get(Channel.ref(each)) for each in others)
    return next(((evolve(each, main=True),) for each in found if each and each.is_connected), ())


async def _settle_main(hub: Hub, gone: Channel) -> None:
    """Look again for an heir: one that was connected after the others were listed is not the main one yet."""
    others, main = await _others(hub, gone), Channel.main_of(gone.platform)

    def decide(seen: Seen, now: datetime) -> Decision:
        changed = _heir(seen, others) if seen.get(main) is None else ()
        return Decision(puts=changed, events=tuple(ChannelUpdated(channel=each) for each in changed))

    if others:
        key = f"heir:{gone.id}:{hub.new_id()}"
        await hub.journal.commit(Change(company_id=gone.company_id, key=key, needs=(main,), decide=decide))
