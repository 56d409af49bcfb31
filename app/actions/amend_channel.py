"""Change what is known of a channel, as long as it still has the credentials that this was found out with."""

from datetime import datetime
from typing import Any

from app.events import ChannelUpdated
from app.hub import Hub
from app.journal.change import Change, Decision, Seen
from app.models.channel import Channel
from app.models.entity import evolve

OF_PAUSE = ("health", "reason")  # what a person's pause, or its end, has the last word on


async def amend_channel(hub: Hub, channel: Channel, verb: str, **changes: Any) -> Channel | None:
    """Return the channel as it is now, None when it is gone; everyone is told of a change, once.

    `channel` is what was found to be so. If its credentials were replaced since, what was found is about the old ones,
    and changes nothing; neither does what is known already. Nor is the health of one that a person has paused or
    resumed since.
    """

    def decide(seen: Seen, now: datetime) -> Decision:
        known = seen.get(Channel.ref(channel.id))
        if known is None or not known.is_connected:
            return Decision(answer=(None, False))
        found_so = known.paused_by == channel.paused_by
        after = evolve(known, **{name: value for name, value in changes.items() if found_so or name not in OF_PAUSE})
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
