"""Stop a channel from sending, until a person resumes it."""

from datetime import datetime

from app.access import access_channel
from app.actions.connected import connected, require_optional
from app.actions.keys import Done, commit_on
from app.events import ChannelUpdated
from app.hub import Hub
from app.journal.change import Decision, Seen
from app.models.caller import Caller
from app.models.channel import Channel, Health
from app.models.entity import ChannelId, evolve


async def pause_channel(hub: Hub, caller: Caller, id: ChannelId, client_key: str | None = None) -> Done:
    """Return the channel as it is now; what is queued waits. Raises NotFound, NotConnected, BuiltIn."""
    await access_channel(hub, caller, id)

    def decide(seen: Seen, now: datetime) -> Decision:
        before = connected(seen.get(Channel.ref(id)))
        require_optional(before)
        if before.paused_by is not None:
            return Decision(answer=before.view())
        reason = f"Paused by {caller.name}."
        after = evolve(before, health=Health.PAUSED, reason=reason, paused_by=caller.principal)
        return Decision(puts=(after,), events=(ChannelUpdated(channel=after),))

    return await commit_on(hub, caller, "pause_channel", (Channel.ref(id),), decide, client_key)
