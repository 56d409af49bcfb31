"""Revoke an API key: whoever holds it is refused from now on, and their sockets are closed."""

from app.actions.end_access import end_access
from app.errors import NotFound
from app.hub import Hub
from app.models.entity import CompanyId, KeyId
from app.models.people import ApiKey
from app.outside.security_log import KEY_REVOKED


async def revoke_key(hub: Hub, company_id: CompanyId, key_id: KeyId) -> ApiKey:
    """Return the key as it is now; one that was revoked before keeps its time. Raises NotFound."""
    key = await hub.store.api_keys.revoke(company_id, key_id, hub.now())
    if key is None:
        raise NotFound("There is no such key in this company.")
    await end_access(hub, f"key:{key_id}")
    hub.security.say(KEY_REVOKED, key_id=key_id, company_id=company_id)
    return key
