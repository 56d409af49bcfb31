"""Sign a person in: tokens for an address and its password."""

from dataclasses import dataclass
from typing import Any

from app.access import hash_of, issue_token
from app.errors import Unauthenticated
from app.hub import Hub
from app.models.entity import SessionId
from app.models.people import Session, User
from app.outside.limiter import Rate
from app.outside.peer import site_of
from app.outside.tokens import Claims

MINUTE = 60.0  # seconds
MANY = 10  # times as many tries from one place, as an office may share one, and for one account from everywhere


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
    session = _new_session(hub, user)
    await hub.store.sessions.create(session)
    # Whoever changes the password or lets this person go does that first, and ends all sign-ins then. So either they
    # end this one, or we see here what they did.
    if not _is_still(user, await hub.store.users.get(user.company_id, user.id)):
        await hub.store.sessions.end(session.id)
        raise Unauthenticated("This address and password do not go together.")
    return signed_in(hub, user, session)


def _new_session(hub: Hub, user: User) -> Session:
    id, now, key = SessionId(hub.new_id()), hub.now(), hub.refresh_tokens.key
    return Session(
        id=id,
        company_id=user.company_id,
        user_id=user.id,
        token_hash=hash_of(hub.refresh_tokens.make(id, 0, key)),
        key=key,
        expires_at=now + min(hub.settings.refresh_token_ttl, hub.settings.sign_in_lifetime),
        created_at=now,
    )


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


def signed_in(hub: Hub, user: User, session: Session) -> SignedIn:
    """Return the current tokens of a sign-in; no access token outlives it."""
    now = hub.now()
    ends = min(now + hub.tokens.lifetime, session.expires_at)
    return SignedIn(
        access_token=issue_token(hub, Claims(user.id, user.company_id, session.id, ends)),
        refresh_token=hub.refresh_tokens.make(session.id, session.n, session.key),
        expires_in=int((ends - now).total_seconds()),
        user=user,
    )
