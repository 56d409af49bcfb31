"""Take what a person came back from Facebook with, and tell which of their pages can be connected."""

from datetime import timedelta

from app.access import company_of, hash_of
from app.actions.begin_facebook_login import LASTS, login_of
from app.actions.credentials import Secrets
from app.actions.platform_limits import take_call
from app.errors import Invalid, PlatformAway, Refusal
from app.hub import Hub
from app.models.caller import Caller
from app.models.failure import Failure, FailureClass, Refused
from app.platforms.facebook_login import Signed

# The code is spent, too old, or of another app or address: https://developers.facebook.com/docs/graph-api/guides/error-handling
UNFIT = (FailureClass.AUTH, FailureClass.CONTENT)


async def finish_facebook_login(hub: Hub, caller: Caller, state: str, code: str) -> dict[str, object]:
    """Return the grant and its pages, never a token. Raises NotConfigured, Invalid, PlatformAway, RateLimited.

    A state is good for one try, by whoever began: after a refusal the person signs in again.
    """
    login, company_id = login_of(hub), company_of(caller)
    take_call(hub, company_id)
    grant = await hub.store.grants.spend(company_id, caller.principal, hash_of(state), hub.now())
    if grant is None:
        raise Invalid.of("state", "There is no such sign-in of yours, or its time is up; sign in again.")
    try:
        signed = await hub.talk.run(login.finish(code, grant.redirect_uri))
    except Refused as refused:
        raise _said(refused.failure) from None
    now = hub.now()
    ends = now + timedelta(seconds=signed.expires_in) if signed.expires_in is not None else None
    await hub.store.grants.fill(grant.id, hub.vault.seal(grant.id, _kept(signed)), ends, now + LASTS)
    return {"grant_id": grant.id, "pages": [page.view() for page in signed.pages]}


def _kept(signed: Signed) -> Secrets:
    """Return the tokens by their pages, and the pages of Instagram accounts."""
    kept = {"user_token": signed.token}
    for page in signed.pages:
        kept[f"page:{page.id}"] = page.token
        if page.instagram_id:
            kept[f"instagram:{page.instagram_id}"] = page.id
    return kept


def _said(failure: Failure) -> Refusal:
    if failure.kind in UNFIT:
        return Invalid.of("code", "Facebook does not accept this code; sign in again.")
    return PlatformAway("Facebook could not be asked; sign in again in a moment.")
