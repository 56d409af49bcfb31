"""Take what a person gave by signing in at the platform, for one of their accounts."""

from dataclasses import dataclass, field
from datetime import datetime

from app.access import company_of
from app.actions.credentials import Secrets
from app.errors import Invalid
from app.hub import Hub
from app.models.caller import Caller
from app.models.contact import Platform
from app.models.entity import GrantId
from app.outside.vault import Unreadable

PLATFORMS = (Platform.FACEBOOK, Platform.INSTAGRAM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The credentials of one account; the person's own run out at `expires_at`, if that is known."""

    secrets: Secrets = field(repr=False)
    expires_at: datetime | None


async def open_grant(hub: Hub, caller: Caller, id: GrantId, platform: Platform, external_id: str) -> Opened:
    """Return an account's credentials. Raises Invalid for a sign-in that is not this caller's, or lacks the account."""
    if platform not in PLATFORMS:
        raise Invalid.of("grant_id", f"A sign-in gives no account of {platform}.")
    grant = await hub.store.grants.get(company_of(caller), caller.principal, id, hub.now())
    try:
        kept = hub.vault.open(grant.id, grant.sealed) if grant and grant.sealed else {}
    except Unreadable:
        kept = {}
    if grant is None or not kept:
        raise Invalid.of("grant_id", "There is no such sign-in of yours, or its time is up; sign in again.")
    secrets = _secrets_in(kept, platform, external_id)
    if secrets is None:
        raise Invalid.of("external_id", "The sign-in gave no such account.")
    return Opened(secrets=secrets, expires_at=grant.token_expires_at)


def _secrets_in(kept: Secrets, platform: Platform, external_id: str) -> Secrets | None:
    if platform is Platform.FACEBOOK:
        page_id, more = external_id, {}
    else:
        page_id = kept.get(f"instagram:{external_id}", "")
        more = {"login": "page", "page_id": page_id}
    token = kept.get(f"page:{page_id}")
    return {"access_token": token, "user_token": kept["user_token"], **more} if token else None
