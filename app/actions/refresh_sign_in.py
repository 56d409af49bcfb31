"""Keep a person signed in: the next tokens for a refresh token, which is worth one use.

Tabs that share a token spend it at once, and a client may lose the answer: so a token that was spent a moment ago gets
the tokens that took its place, once more. One that was spent longer ago is in two hands, so the sign-in ends.
"""

from datetime import timedelta

from app.access import numbered
from app.actions.end_access import end_access
from app.actions.sign_in import SignedIn, signed_in
from app.errors import Unauthenticated
from app.hub import Hub
from app.models.people import Session, Span
from app.outside.refresh_tokens import Numbered
from app.outside.security_log import REFRESH_REFUSED, REFRESH_REUSED

GRACE = timedelta(seconds=10)  # in which a spent refresh token is a client's retry, not a thief


async def refresh(hub: Hub, token: str, *, address: str | None = None) -> SignedIn:
    """Return the tokens that follow. Raises Unauthenticated, RateLimited; a stolen token ends the sign-in."""
    spent = await numbered(hub, token, address)
    session = await _after(hub, spent)
    if session is None:
        await _suspect(hub, spent)
        raise _not_valid()
    user = await hub.store.users.get(session.company_id, session.user_id)
    if user is None or not user.active:
        hub.security.say(REFRESH_REFUSED, user_id=session.user_id, session_id=session.id)
        raise Unauthenticated("This sign-in has ended.")
    return signed_in(hub, user, session)


def _not_valid() -> Unauthenticated:
    return Unauthenticated("This refresh token is not valid; sign in again.")


async def _after(hub: Hub, spent: Numbered) -> Session | None:
    sessions, settings = hub.store.sessions, hub.settings
    span = Span(unused=settings.refresh_token_ttl, most=settings.sign_in_lifetime, grace=GRACE)
    renewed = await sessions.rotate(spent.session_id, spent.n, hub.refresh_tokens.key, span)
    return renewed or await sessions.retried(spent.session_id, spent.n, span)


async def _suspect(hub: Hub, spent: Numbered) -> None:
    reused = await hub.store.sessions.end_spent(spent.session_id, spent.n)
    hub.security.say(REFRESH_REUSED if reused else REFRESH_REFUSED, session_id=spent.session_id)
    if reused:
        await end_access(hub, f"session:{spent.session_id}")
