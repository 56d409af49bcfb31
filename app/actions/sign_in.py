"""Sign a person in, keep them signed in, sign them out.

A refresh token is worth one use: it buys an access token and the next refresh token. One that is used again after that
was stolen, so the whole sign-in ends; only a client that repeats its own last request within a few seconds is told
to sign in again without harm to the other tokens.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.access import hash_of, issue_token
from app.actions.end_sessions import end_session
from app.errors import Unauthenticated
from app.hub import Hub
from app.models.entity import CompanyId, SessionId
from app.models.people import Session, User
from app.outside.limiter import Rate
from app.outside.peer import site_of
from app.outside.tokens import Claims

MINUTE = 60.0  # seconds
MANY = 10  # times as many tries from one place, as an office may share one, and for one account from everywhere
GRACE = timedelta(seconds=10)  # in which a spent refresh token is a client's retry, not a thief


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """What a person signs their requests with: `expires_in` seconds for the access token."""

    access_token: str
    refresh_token: str
    expires_in: int
    user: User

    def view(self) -> dict[str, Any]:
        """Return it as clients see it."""
        return {
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "expires_in": self.expires_in,
            "token_type": "Bearer",
            "user": self.user.view(),
        }


async def sign_in(hub: Hub, email: str, password: str, *, address: str | None = None) -> SignedIn:
    """Return tokens for an e-mail address and its password.

    Raises Unauthenticated, without saying which was wrong; RateLimited for an account, or an `address` that it comes
    from, that is tried too often, whether or not it exists.
    """
    _hold_to_limit(hub, email.strip().lower(), address)
    user = await hub.store.users.with_email(email.strip().lower())
    if not await hub.passwords.match(password, user.password_hash if user else None) or user is None or not user.active:
        raise Unauthenticated("This address and password do not go together.")
    token = secrets.token_urlsafe(32)
    session = Session(
        id=SessionId(hub.new_id()),
        company_id=user.company_id,
        user_id=user.id,
        token_hash=hash_of(token),
        expires_at=hub.now() + hub.settings.refresh_token_ttl,
        created_at=hub.now(),
    )
    await hub.store.sessions.create(session)
    # Whoever changes the password or lets this person go does that first, and ends all sign-ins then. So either they
    # end this one, or we see here what they did.
    if not _is_still(user, await hub.store.users.get(user.company_id, user.id)):
        await hub.store.sessions.end(session.id)
        raise Unauthenticated("This address and password do not go together.")
    return _signed_in(hub, user, session.id, token)


def _is_still(user: User, now: User | None) -> bool:
    return now is not None and now.active and now.password_hash == user.password_hash


def _hold_to_limit(hub: Hub, email: str, address: str | None) -> None:
    """Each account from one place so often; one place, and one account, ten times as often.

    So whoever guesses an account's password from elsewhere does not keep its owner out.
    """
    most, site = hub.settings.sign_ins_per_minute, site_of(address or "")
    few, many = Rate(most, MINUTE, most), Rate(MANY * most, MINUTE, MANY * most)
    if address is not None:
        hub.limiter.take(f"sign-in from {site}", many)
    hub.limiter.take(f"sign-in to {email} from {site}", few)
    hub.limiter.take(f"sign-in to {email}", many)


async def refresh(hub: Hub, token: str) -> SignedIn:
    """Return the next tokens. Raises Unauthenticated; a stolen token ends the sign-in."""
    following, now = secrets.token_urlsafe(32), hub.now()
    session = await hub.store.sessions.rotate(
        hash_of(token), hash_of(following), now, now + hub.settings.refresh_token_ttl
    )
    if session is None:
        await _suspect(hub, token)
        raise Unauthenticated("This refresh token is not valid; sign in again.")
    user = await hub.store.users.get(session.company_id, session.user_id)
    if user is None or not user.active:
        raise Unauthenticated("This sign-in has ended.")
    return _signed_in(hub, user, session.id, following)


async def _suspect(hub: Hub, token: str) -> None:
    stolen = await hub.store.sessions.with_spent(hash_of(token))
    if stolen is not None and stolen.spent_at is not None and hub.now() - stolen.spent_at > GRACE:
        await end_session(hub, stolen.id)


async def sign_out(hub: Hub, *, session_id: SessionId | None, token: str | None) -> None:
    """End the sign-in of this caller, or of this refresh token; ending it twice is no mistake."""
    if session_id is not None:
        await end_session(hub, session_id)
    if token is not None:
        ended = await hub.store.sessions.end_with(hash_of(token))
        if ended is not None:
            await end_session(hub, ended.id)


def _signed_in(hub: Hub, user: User, session_id: SessionId, refresh_token: str) -> SignedIn:
    lifetime = hub.tokens.lifetime
    claims = Claims(user.id, CompanyId(user.company_id), session_id, hub.now() + lifetime)
    return SignedIn(
        access_token=issue_token(hub, claims),
        refresh_token=refresh_token,
        expires_in=int(lifetime.total_seconds()),
        user=user,
    )
