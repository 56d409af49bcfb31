"""Tell callers who they are."""

from typing import Any

from app.access import company_of
from app.errors import NotFound
from app.hub import Hub
from app.models.caller import Caller, CallerKind
from app.models.entity import UserId


async def describe_caller(hub: Hub, caller: Caller) -> dict[str, Any]:
    """Return the person or the key, with its scopes. Raises NotFound when the person is gone."""
    company_id = company_of(caller)
    scopes = sorted(caller.scopes)
    if caller.kind is CallerKind.KEY:
        return {"id": caller.id, "kind": caller.kind, "name": caller.name, "company_id": company_id, "scopes": scopes}
    user = await hub.store.users.get(company_id, UserId(caller.id))
    if user is None:
        raise NotFound
    return {**user.view(), "kind": caller.kind, "scopes": scopes}
