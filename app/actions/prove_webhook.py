"""Let a webhook in only when it is proven to come from its platform: before a byte of it is believed.

https://developers.facebook.com/docs/graph-api/webhooks/getting-started
https://core.telegram.org/bots/api#setwebhook
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

from app.actions.find_account import channel_at
from app.actions.open_secrets import secret_of
from app.errors import Forbidden, NotFound, Unauthenticated
from app.hub import Hub
from app.models.channel import Channel
from app.models.contact import Platform
from app.platforms.network import Network

SIGNATURE = "X-Hub-Signature-256"
SIGNED = re.compile(r"sha256=[0-9a-f]{64}")
Headers = Mapping[str, str]


async def addressed(hub: Hub, name: str, channel_id: str | None) -> tuple[Platform, Channel | None]:
    """Return the platform and the channel that an address names. Raises NotFound.

    What an app signs has one address for all its accounts, and may have one for each; else each has its own.
    """
    network = next((each for each in hub.networks.values() if each.key == name and _has_webhooks(each)), None)
    channel = await channel_at(hub, channel_id) if channel_id else None
    if network is None or (channel_id is not None and (channel is None or channel.platform is not network.key)):
        raise NotFound
    if network.secret_header and channel is None:
        raise NotFound("Each account of this platform has an address of its own, which ends with its channel's id.")
    return network.key, channel


def require_provable(hub: Hub, platform: Platform, channel: Channel | None, headers: Headers) -> None:
    """Pass what may be its platform's before its body is read: a secret that is right, or a signature to be checked.

    Raises Unauthenticated, or Forbidden where nobody can prove anything.
    """
    header = hub.networks[platform].secret_header
    if header is None:
        _app_secret(hub)
        if not SIGNED.fullmatch(headers.get(SIGNATURE, "")):
            raise Unauthenticated("There is no signature of this app's in the header X-Hub-Signature-256.")
        return
    expected = secret_of(hub, channel, "secret_token") if channel else ""
    if not expected or not _same(headers.get(header, ""), expected):
        raise Unauthenticated("The secret token is not this channel's.")


def require_proof(hub: Hub, platform: Platform, headers: Headers, raw: bytes) -> None:
    """Pass a body that its platform signed, byte by byte as it came; what came with a secret has proven itself."""
    if hub.networks[platform].secret_header is None:
        digest = hmac.new(_app_secret(hub), raw, hashlib.sha256).hexdigest()
        if not _same(headers.get(SIGNATURE, ""), f"sha256={digest}"):
            raise Unauthenticated("The signature is not that of this app's secret over this body.")


def require_verify_token(hub: Hub, mode: str, token: str) -> None:
    """Pass whoever sets up our address at Meta and knows what was agreed. Raises Forbidden."""
    agreed = hub.settings.meta_verify_token
    if mode != "subscribe" or agreed is None or not _same(token, agreed.get_secret_value()):
        raise Forbidden("This is not the verify token of this server.")


def speaker_of(hub: Hub, platform: Platform, payload: Mapping[str, Any]) -> Platform:
    """Return whose payload it is: one address of an app may hear all of its products."""
    named = payload.get("object")
    return next((each.key for each in hub.networks.values() if each.app_object and each.app_object == named), platform)


def _has_webhooks(network: Network) -> bool:
    return network.app_object is not None or network.secret_header is not None


def _app_secret(hub: Hub) -> bytes:
    secret = hub.settings.facebook_app_secret
    if secret is None:
        raise Forbidden("This server has no FACEBOOK_APP_SECRET, so nobody can prove to be Meta.")
    return secret.get_secret_value().encode()


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="surrogateescape"), expected.encode())
