"""Send a person to Facebook, to let us use their pages."""

import secrets
from datetime import timedelta

from app.access import company_of, hash_of
from app.errors import NotConfigured
from app.hub import Hub
from app.models.caller import Caller
from app.models.entity import GrantId
from app.models.grant import Grant
from app.platforms.facebook_login import FacebookLogin, facebook_login

LASTS = timedelta(minutes=15)  # to sign in, and then again to choose pages


async def begin_facebook_login(hub: Hub, caller: Caller, redirect_uri: str) -> dict[str, str]:
    """Return the address to go to, and the state that comes back from there. Raises NotConfigured."""
    login, state = login_of(hub), secrets.token_urlsafe(32)
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


def login_of(hub: Hub) -> FacebookLogin:
    """Return the sign-in of our app. Raises NotConfigured."""
    login = facebook_login(hub.settings)
    if not login.app.is_known:
        raise NotConfigured("Set FACEBOOK_APP_ID and FACEBOOK_APP_SECRET to connect pages by signing in.")
    return login
