"""A person's leave to use their pages, between their sign-in at the platform and the channels that come of it."""

from dataclasses import dataclass, field
from datetime import datetime

from app.models.entity import CompanyId, GrantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One sign-in, for whoever began it (`principal`) in their company alone, for some minutes.

    `state_hash` is there until the person comes back with the state, once; then `sealed` has the tokens that they gave,
    of which the person's own runs out at `token_expires_at`.
    """

    id: GrantId
    company_id: CompanyId
    principal: str
    redirect_uri: str
    state_hash: str | None = None
    sealed: bytes | None = field(default=None, repr=False)
    token_expires_at: datetime | None = None
    expires_at: datetime
