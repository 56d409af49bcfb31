"""Find a person or a key as an operator names them, whichever company they belong to."""

from app.access import PREFIX
from app.errors import NotFound
from app.hub import Hub
from app.models.people import ApiKey, User


async def user_called(hub: Hub, named: str) -> User:
    """Return the person who signs in with this address, or who has this id. Raises NotFound."""
    user = await hub.store.users.with_email(named.strip().lower()) or await hub.store.identities.user(named)
    if user is None:
        raise NotFound("Nobody has this address or id.")
    return user


async def key_called(hub: Hub, named: str) -> ApiKey:
    """Return the key with this id, with this prefix, or the key itself, as it may have leaked. Raises NotFound."""
    key = await hub.store.api_keys.with_prefix(named[:PREFIX]) or await hub.store.identities.key(named)
    if key is None:
        raise NotFound("There is no key with this id or prefix.")
    return key
