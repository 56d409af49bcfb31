"""Signing in over REST."""

from app.actions.describe_caller import describe_caller
from app.actions.refresh_sign_in import refresh
from app.actions.sign_in import sign_in
from app.actions.sign_out import sign_out
from app.handlers.bodies import LoginBody, LogoutBody, NoQuery, RefreshBody
from app.handlers.endpoint import Ask, Reply


async def login(ask: Ask[LoginBody, NoQuery]) -> Reply:
    """Return tokens for an address and a password."""
    return Reply((await sign_in(ask.hub, ask.body.email, ask.body.password, address=ask.address)).view())


async def renew(ask: Ask[RefreshBody, NoQuery]) -> Reply:
    """Return the next tokens for a refresh token."""
    return Reply((await refresh(ask.hub, ask.body.refresh_token, address=ask.address)).view())


async def logout(ask: Ask[LogoutBody, NoQuery]) -> Reply:
    """End this sign-in."""
    await sign_out(ask.hub, session_id=ask.caller.session_id, token=ask.body.refresh_token, address=ask.address)
    return Reply({"signed_out": True})


async def me(ask: Ask[None, NoQuery]) -> Reply:
    """Return who is asking."""
    return Reply(await describe_caller(ask.hub, ask.caller))
