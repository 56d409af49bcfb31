"""What an account is connected with: the credentials that its network wants, complete and in their form."""

import secrets
from collections.abc import Mapping

from app.errors import Detail, Invalid
from app.hub import Hub
from app.models.channel import Channel
from app.models.contact import Platform
from app.models.fields import SENTENCES
from app.outside.vault import Unreadable
from app.platforms.network import Credential, Network

Secrets = dict[str, str]

MADE_BYTES = 32  # of a secret that nobody gave


def network_of(hub: Hub, platform: Platform) -> Network:
    """Return the network of a platform that accounts can be connected of. Raises Invalid."""
    network = hub.networks.get(platform)
    if network is None:
        raise Invalid.of("platform", f"Accounts of {platform} cannot be connected.")
    if platform is Platform.SANDBOX and hub.settings.is_production:
        raise Invalid.of("platform", "The sandbox is for trying things out, not for production.")
    return network


def complete(network: Network, given: Mapping[str, str]) -> Secrets:
    """Return the credentials with what we make up. Raises Invalid with every field that is wrong, never its value."""
    known = {each.name: each for each in network.credentials}
    mistakes = [Detail(_field(name), "This platform takes no such credential.") for name in given if name not in known]
    mistakes += [mistake for each in network.credentials if (mistake := _mistake_in(each, given))]
    if mistakes:
        raise Invalid(details=tuple(mistakes))
    made = {each.name: secrets.token_urlsafe(MADE_BYTES) for each in network.credentials if each.made}
    return {**made, **given}


def merged(hub: Hub, channel: Channel, given: Mapping[str, str]) -> Secrets:
    """Return a channel's credentials with newer ones among them; what no key opens is as good as none."""
    try:
        stored = hub.vault.open(channel.id, channel.sealed) if channel.sealed else {}
    except Unreadable:
        stored = {}
    network = hub.networks.get(channel.platform)
    if network is None:
        raise Invalid.of("credentials", "This channel takes no credentials.")
    return complete(network, {**stored, **given})


def _mistake_in(credential: Credential, given: Mapping[str, str]) -> Detail | None:
    value = given.get(credential.name)
    if value is None:
        return Detail(_field(credential.name), SENTENCES["missing"]) if credential.needed else None
    if credential.form.fullmatch(value):
        return None
    return Detail(_field(credential.name), credential.looks or "1 to 4096 visible ASCII characters, without spaces.")


def _field(name: str) -> str:
    """Name a field, unless what stands in place of its name may be a secret itself."""
    return f"credentials.{name}" if len(name) <= 20 and name.isidentifier() else "credentials"
