"""Sign a person in: tokens for an address and its password."""

from dataclasses import dataclass
from typing import Any

from app.access import hash_of, issue_token
from app.actions.sign_in_limits import knows, remember, take_a_try, wait_for_a_try
from app.errors import RateLimited, Unauthenticated
from app.hub import Hub
from app.models.entity import SessionId
from app.models.people import Session, User
from app.outside.security_log import SIGN_IN_LIMITED, SIGN_IN_REFUSED, SIGNED_IN
from app.outside.tokens import Claims


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

    Raises Unauthenticated, without saying which was wrong; RateLimited for an account that is tried too often, whether
    or not it exists, or an `address` from which it is. A place that the account knows is refused for its own tries.
    """
    email = email.strip().lower()
    try:
        user = await _proven(hub, email, password, address)
    except RateLimited:
        hub.security.say(SIGN_IN_LIMITED, of_account=_account(hub, email))
        raise
    if user is None:
        raise _wrong()
    session = _new_session(hub, user)
    await hub.store.sessions.create(session)
    # Whoever changes the password or lets this person go does that first, and ends all sign-ins then. So either they
    # end this one, or we see here what they did.
    if not _is_still(user, await hub.store.users.get(user.company_id, user.id)):
        await hub.store.sessions.end(session.id)
        hub.security.say(SIGN_IN_REFUSED, account=_account(hub, email), user_id=user.id)
        raise _wrong()
    await remember(hub, user, address)
    hub.security.say(SIGNED_IN, user_id=user.id, company_id=user.company_id, session_id=session.id)
    return signed_in(hub, user, session)


async def _proven(hub: Hub, email: str, password: str, address: str | None) -> User | None:
    """Return whose address and password this is, None when it is nobody's who may sign in. Raises RateLimited."""
    rank = take_a_try(hub, email, address)
    user = await hub.store.users.with_email(email)
    if knows(hub, user, address):
        rank = 0.0
    else:
        rank = await wait_for_a_try(hub, email, address, rank)
    stored = user.password_hash if user else None
    if await hub.passwords.match(password, stored, rank) and user is not None and user.active:
        return user
    of_user = {"user_id": user.id, "company_id": user.company_id} if user is not None else {}
    hub.security.say(SIGN_IN_REFUSED, account=_account(hub, email), **of_user)
    return None


def _account(hub: Hub, email: str) -> str:
    """Return what the log calls an account that may not exist: the same each time, and no address."""
    return hub.derived.proof("account in the log", email)[:22]


def _wrong() -> Unauthenticated:
    return Unauthenticated("This address and password do not go together.")


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
