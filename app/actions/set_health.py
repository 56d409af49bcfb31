"""Note how a channel is, and tell everyone once."""

from datetime import datetime

from app.events import ChannelUpdated
from app.hub import Hub
from app.journal.change import Change, Decision, Seen
from app.models.channel import Channel, Health
from app.models.entity import evolve


async def set_health(hub: Hub, channel: Channel, health: Health, reason: str | None = None) -> Channel | None:
    """Return the channel as it is now, None when it is gone.

    `channel` is what was found to be so. If its credentials were replaced since, what was found is about the old ones,
    and changes nothing; neither does what is known already.
    """

    def decide(seen: Seen, now: datetime) -> Decision:
        known = seen.get(Channel.ref(channel.id))
        if known is None or not known.is_connected:
            return Decision()
        if known.sealed != channel.sealed or (known.health, known.reason) == (health, reason):
            return Decision(answer=known)
        after = evolve(known, health=health, reason=reason)
        return Decision(puts=(after,), events=(ChannelUpdated(channel=after),), answer=after)

    done = await hub.journal.commit(
        Change(
            company_id=channel.company_id,
            key=f"health:{channel.id}:{hub.new_id()}",
            needs=(Channel.ref(channel.id),),
            decide=decide,
        )
    )
    found: Channel | None = done.answer
    return found
