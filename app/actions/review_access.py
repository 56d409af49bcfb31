"""Find out who of those that are connected may not go on as they are."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from app.access import OF_ROLE
from app.hub import Hub
from app.models.caller import Caller, CallerKind
from app.models.entity import KeyId, UserId
from app.models.people import Scope

AT_ONCE = 1000  # identities that are asked about in one query


@dataclass(frozen=True, slots=True)
class Review:
    """Who is out: the sign-in ended, the person left, the key was revoked. And who may do other things than before."""

    ended: set[Caller] = field(default_factory=set)
    changed: set[Caller] = field(default_factory=set)


async def review_access(hub: Hub, callers: Collection[Caller]) -> Review:
    """Compare these callers with what the database says of them now."""
    review = Review()
    for some in _pages(callers):
        allowed = {**await _of_users(hub, some), **await _of_keys(hub, some)}
        review.ended.update(caller for caller in some if caller not in allowed)
        review.changed.update(caller for caller, scopes in allowed.items() if scopes != caller.scopes)
    return review


def _pages(callers: Collection[Caller]) -> Iterator[list[Caller]]:
    everyone = list(callers)
    for begins in range(0, len(everyone), AT_ONCE):
        yield everyone[begins : begins + AT_ONCE]


async def _of_users(hub: Hub, callers: list[Caller]) -> dict[Caller, frozenset[Scope]]:
    """Return the scopes of those people who are still signed in."""
    people = [caller for caller in callers if caller.kind is CallerKind.USER and caller.session_id]
    living = await hub.store.identities.living({caller.session_id for caller in people if caller.session_id})
    users = await hub.store.identities.users({UserId(caller.id) for caller in people})
    return {
        caller: OF_ROLE[users[UserId(caller.id)].role]
        for caller in people
        if caller.session_id in living and UserId(caller.id) in users and users[UserId(caller.id)].active
    }


async def _of_keys(hub: Hub, callers: list[Caller]) -> dict[Caller, frozenset[Scope]]:
    """Return the scopes of those keys that are not revoked."""
    holders = [caller for caller in callers if caller.kind is CallerKind.KEY]
    keys = await hub.store.identities.keys({KeyId(caller.id) for caller in holders})
    return {
        caller: frozenset(keys[KeyId(caller.id)].scopes)
        for caller in holders
        if KeyId(caller.id) in keys and keys[KeyId(caller.id)].revoked_at is None
    }
