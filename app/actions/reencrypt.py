"""Seal every stored credential with the newest key, so that an older one may go."""

from dataclasses import dataclass
from datetime import datetime

from app.hub import Hub
from app.journal.change import Change, Decision, Seen
from app.models.channel import Channel
from app.models.contact import Platform
from app.models.entity import evolve
from app.outside.security_log import REENCRYPTED
from app.outside.vault import Unreadable

AT_ONCE = 100  # channels


@dataclass(frozen=True, slots=True, kw_only=True)
class Reencrypted:
    """How many channels were sealed anew, and those that no key opens."""

    sealed: int
    unreadable: tuple[Channel, ...]


async def reencrypt(hub: Hub) -> Reencrypted:
    """Return what came of it. Nobody is told: to clients nothing has changed."""
    after, sealed, unreadable = None, 0, []
    while page := await hub.store.credentials.of_platforms(Platform, after=after, limit=AT_ONCE):
        for channel in page:
            if await _renewed(hub, channel):
                sealed += 1
            else:
                unreadable.append(channel)
        after = page[-1].id
    hub.security.say(REENCRYPTED, sealed=sealed, unreadable=len(unreadable))
    return Reencrypted(sealed=sealed, unreadable=tuple(unreadable))


async def _renewed(hub: Hub, channel: Channel) -> bool:
    """Tell whether a channel's credentials could be opened, as they are at the moment of the commit."""

    def decide(seen: Seen, now: datetime) -> Decision:
        known = seen.get(Channel.ref(channel.id))
        if known is None or known.sealed is None:
            return Decision(answer=True)
        try:
            after = evolve(known, sealed=hub.vault.renewed(known.sealed))
        except Unreadable:
            return Decision(answer=False)
        return Decision(puts=(after,), answer=True)

    done = await hub.journal.commit(
        Change(
            company_id=channel.company_id,
            key=f"reencrypt:{channel.id}:{hub.new_id()}",
            needs=(Channel.ref(channel.id),),
            decide=decide,
        )
    )
    return bool(done.answer)
