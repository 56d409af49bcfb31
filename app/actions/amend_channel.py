"""Change what is known of a channel, as long as it still has the credentials that this was found out with."""

from datetime import datetime
from typing import Any

from app.events import ChannelUpdated
from app.hub import Hub
from app.journal.change import Change, Decision, Seen
from app.models.channel import Channel
from app.models.entity import evolve


async def amend_channel(hub: Hub, channel: Channel, verb: str, **changes: Any) -> Channel | None:
    """Return the channel as it is now, None when it is gone; everyone is told of a change, once.

    `channel` is what was found to be so. If its credentials were replaced since, what was found is about the old ones,
    and changes nothing; neither does what is known already.
    """

    def decide(seen: Seen, now: datetime) -> Decision:
        known = seen.get(Channel.ref(channel.id))
        if known is None or not known.is_connected:
            return Decision(answer=(None, False))
        after = evolve(known, **changes)
        if known.sealed != channel.sealed or after == known:
            return Decision(answer=(known, False))
        return Decision(puts=(after,), events=(ChannelUpdated(channel=after),), answer=(after, True))

    done = await hub.journal.commit(
        Change(
            company_id=channel.company_id,
            key=f"{verb}:{channel.id}:{hub.new_id()}",
            needs=(Channel.ref(channel.id),),
            decide=decide,
        )
    )
    found: Channel | None
    found, changed = done.answer
    return found.stamped(done.seq) if found and changed else found
