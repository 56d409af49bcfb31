"""Ask a platform whether it accepts an account's credentials: once, and in bounded time."""

from dataclasses import replace

from app.actions.open_secrets import account_of
from app.errors import Invalid
from app.hub import Hub
from app.models.channel import Channel
from app.models.failure import Failure, FailureClass, Refused
from app.platforms.network import Account, Checked, Network

GARBLED = "The platform's answer could not be understood."


async def require_accepted(hub: Hub, network: Network, account: Account) -> Checked:
    """Return what the platform tells of an account, nothing if it could not be asked.

    Raises Invalid for credentials that it does not accept.
    """
    try:
        return await hub.talk.run(network.check(account))
    except Refused as refused:
        if refused.failure.kind is FailureClass.AUTH:
            field = f"credentials.{network.credentials[0].name}"
            raise Invalid.of(field, "The platform does not accept this; give one that is valid now.") from None
        return Checked()


async def failure_of(hub: Hub, channel: Channel) -> Failure | None:
    """Return why a channel's platform does not accept it, or could not be asked; None when all is well."""
    network = hub.networks.get(channel.platform)
    if network is None or not network.credentials:
        return None
    try:
        await hub.talk.run(network.check(account_of(hub, channel)))
    except Refused as refused:
        if refused.failure.kind is FailureClass.UNCERTAIN:  # to ask again does no harm
            return replace(refused.failure, kind=FailureClass.TRANSIENT, reason=GARBLED)
        return refused.failure
    return None
