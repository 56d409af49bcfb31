"""Ask a platform whether it accepts an account's credentials, and whose they are: in bounded time."""

import asyncio
from dataclasses import replace

from app.actions.open_secrets import account_of
from app.errors import Detail, Invalid, NotConnectable, PlatformAway, Refusal
from app.hub import Hub
from app.models.channel import Channel
from app.models.failure import Failure, FailureClass, Refused
from app.platforms.network import Account, Checked, Network

CALLS = 2  # that may take as long as a platform may; what asks more often must be quicker
# The platform has not answered, or not to the question: what it would say is not known.
AWAY = (FailureClass.TRANSIENT, FailureClass.RATE, FailureClass.UNCERTAIN)

GARBLED = "The platform's answer could not be understood."
NOT_ACCEPTED = "The platform does not accept this; give one that is valid now."
NOT_ALLOWED = "The platform does not let this say which account it is for: {}"
NOT_THEIRS = "The credentials are not this account's: the platform says so."
NOT_ENOUGH = "Give this too: without it the platform does not say which accounts the credentials are for."
UNPROVEN = "The platform could not say whose account this is, so nothing was changed; try again in a moment."
LATE = Failure(kind=FailureClass.TRANSIENT, code="timeout", reason="The platform did not answer in time.")
OTHERS = Failure(kind=FailureClass.AUTH, code="other_account", reason="These credentials are another account's.")


async def require_owned(hub: Hub, network: Network, account: Account) -> Checked:
    """Return a platform's word on an account whose own the credentials are.

    Raises Invalid for credentials that it does not accept, NotConnectable for those of another account, and
    PlatformAway when it could not say: an account that is nobody's yet is not given to whoever asks first.
    """
    if not network.credentials:
        return Checked(account=account.external_id)
    try:
        checked = await _checked(hub, network, account)
    except Refused as refused:
        raise _said(network, refused.failure) from None
    if checked.missing:
        raise Invalid.of(f"credentials.{checked.missing}", NOT_ENOUGH)
    if checked.account != account.external_id:
        raise NotConnectable(details=(Detail("external_id", NOT_THEIRS),))
    return checked


async def failure_of(hub: Hub, channel: Channel) -> Failure | None:
    """Return why a channel's platform does not accept it, or could not be asked; None when all is well."""
    network = hub.networks.get(channel.platform)
    if network is None or not network.credentials:
        return None
    try:
        checked = await _checked(hub, network, account_of(hub, channel))
    except Refused as refused:
        if refused.failure.kind is FailureClass.UNCERTAIN:  # to ask again does no harm
            return replace(refused.failure, kind=FailureClass.TRANSIENT, reason=GARBLED)
        return refused.failure
    return None if checked.account == channel.external_id else OTHERS


async def _checked(hub: Hub, network: Network, account: Account) -> Checked:
    try:
        async with asyncio.timeout(CALLS * hub.settings.platform_timeout.total_seconds()):
            return await hub.talk.run(network.check(account))
    except TimeoutError:
        raise Refused(LATE) from None


def _said(network: Network, failure: Failure) -> Refusal:
    if failure.kind in AWAY:
        return PlatformAway(UNPROVEN)
    said = NOT_ACCEPTED if failure.kind is FailureClass.AUTH else NOT_ALLOWED.format(failure.reason)
    return Invalid.of(f"credentials.{network.credentials[0].name}", said)
