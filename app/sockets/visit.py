"""One event of one client, and what its handlers ask of it before they note anything for it."""

from dataclasses import dataclass

from app.access import access_conversation
from app.errors import RateLimited, Unauthenticated
from app.hub import Hub
from app.models.caller import Caller
from app.sockets.limits import Turnstile
from app.sockets.live import Live
from app.sockets.rooms import Member


@dataclass(frozen=True, slots=True)
class Visit:
    """One event of one client: who sends it, from where."""

    hub: Hub
    live: Live
    turnstile: Turnstile
    member: Member
    caller: Caller


def require_member(member: Member) -> None:
    """Refuse a client that left, or went away: nothing may be noted for it any more, as nobody would take it out."""
    if member.connection.members.get(member.namespace) is not member:
        raise Unauthenticated


async def require_conversation(visit: Visit, id: str) -> None:
    """Refuse a conversation that the caller may not see, and a client that went away while it was looked up."""
    await access_conversation(visit.hub, visit.caller, id)
    require_member(visit.member)


def require_room(visit: Visit) -> None:
    """Refuse one who has joined as much as one connection may."""
    if not visit.turnstile.lets_join(len(visit.member.rooms)):
        raise RateLimited("This connection has joined as many conversations as it may; leave one first.")
