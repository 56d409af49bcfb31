"""Look into a channel's credentials, for as long as one exchange takes."""

from app.hub import Hub
from app.models.channel import Channel
from app.models.failure import Failure, FailureClass, Refused
from app.outside.vault import Unreadable
from app.platforms.network import Account

UNREADABLE = Failure(
    kind=FailureClass.AUTH,
    code="unreadable",
    reason="No key of this server opens the channel's credentials; connect the channel again.",
)


def account_of(hub: Hub, channel: Channel) -> Account:
    """Return a channel's account with its secrets in the clear. Raises Refused when no key of ours opens them."""
    try:
        secrets = hub.vault.open(channel.id, channel.sealed) if channel.sealed else {}
    except Unreadable:
        raise Refused(UNREADABLE) from None
    return Account(external_id=channel.external_id or "", secrets=secrets)


def secret_of(hub: Hub, channel: Channel, name: str) -> str:
    """Return one of a channel's secrets, empty when it has none of this name or no key opens them."""
    try:
        return account_of(hub, channel).secrets.get(name, "")
    except Refused:
        return ""
