"""Send a person to Facebook, to let us use their pages."""

import secrets
from datetime import timedelta

from app.access import company_of, hash_of
from app.actions.platform_limits import take_call
from app.errors import Invalid, NotConfigured
from app.hub import Hub
from app.models.caller import Caller
from app.models.entity import GrantId
from app.models.grant import Grant
from app.outside.origins import THIS_MACHINE, is_below, origin_of
from app.platforms.facebook_login import FacebookLogin, facebook_login

LASTS = timedelta(minutes=15)  # to sign in, and then again to choose pages


async def begin_facebook_login(hub: Hub, caller: Caller, redirect_uri: str) -> dict[str, str]:
    """Return the address to go to, and the state that comes back. Raises NotConfigured, Invalid, RateLimited.

    They come back to a page below FRONTEND_URL, or outside production to one of this machine, and nowhere else: what
    they come back with opens their pages.
    """
    login, state = login_of(hub), secrets.token_urlsafe(32)
    _require_ours(hub, redirect_uri)
    take_call(hub, company_of(caller))
    await hub.store.grants.create(
        Grant(
            id=GrantId(secrets.token_urlsafe(24)),
            company_id=company_of(caller),
            principal=caller.principal,
            redirect_uri=redirect_uri,
            state_hash=hash_of(state),
            expires_at=hub.now() + LASTS,
        )
    )
    return {"url": login.url(redirect_uri, state), "state": state}


def _require_ours(hub: Hub, redirect_uri: str) -> None:
    base, strict = hub.settings.frontend_url, hub.settings.is_production
    if strict and base is None:
        raise NotConfigured("Set FRONTEND_URL: people come back from Facebook to a page below it.")
    if strict and not redirect_uri.lower().startswith("https://"):
        raise Invalid.of("redirect_uri", "This is not https, which what comes back needs.")
    if base is not None and is_below(base, redirect_uri):
        return
    if strict or not THIS_MACHINE.fullmatch(origin_of(redirect_uri)):
        raise Invalid.of(
            "redirect_uri", "This is no page of the front end; the setting FRONTEND_URL says where that is."
        )


def login_of(hub: Hub) -> FacebookLogin:
    """Return the sign-in of our app. Raises NotConfigured."""
    login = facebook_login(hub.settings)
    if not login.app.is_known:
        raise NotConfigured("Set FACEBOOK_APP_ID and FACEBOOK_APP_SECRET to connect pages by signing in.")
    return login
