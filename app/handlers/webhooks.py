"""Where platforms tell us what happened: proven by a signature or a secret before a byte of it is believed.

https://developers.facebook.com/docs/graph-api/webhooks/getting-started
https://core.telegram.org/bots/api#setwebhook
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from aiohttp import web
from pydantic import SecretStr

from app.actions.find_account import channel_at
from app.actions.open_secrets import secret_of
from app.actions.receive_webhook import receive_webhook
from app.errors import Forbidden, Malformed, NotFound, Unauthenticated
from app.handlers.endpoint import ID, guarded
from app.handlers.routes import PREFIX
from app.hub import Hub
from app.models.channel import Channel
from app.models.contact import Platform

MOST_BYTES = 16 << 20  # a batch may hold a thousand things
PATH = PREFIX + "/webhooks/{platform}"
# One app of Meta's has one address; what a payload is of stands in it.
OBJECTS = {
    "page": Platform.FACEBOOK,
    "instagram": Platform.INSTAGRAM,
    "whatsapp_business_account": Platform.WHATSAPP,
}
META = frozenset(OBJECTS.values())

Handler = Callable[[web.Request], Awaitable[web.Response]]


def webhook_routes(hub: Hub) -> list[web.RouteDef]:
    """Return the addresses that platforms call; `/{channel_id}` is one channel's own."""

    async def verify(request: web.Request) -> web.Response:
        return await _verify(hub, request)

    async def receive(request: web.Request) -> web.Response:
        return await _receive(hub, request)

    paths = (PATH, PATH + "/{channel_id}")
    return [route for path in paths for route in (web.get(path, guarded(verify)), web.post(path, guarded(receive)))]


async def _verify(hub: Hub, request: web.Request) -> web.Response:
    """Answer Meta's challenge, if it knows what it must."""
    await _named(hub, request)
    token = hub.settings.meta_verify_token
    given = request.query.get("hub.verify_token", "")
    if request.query.get("hub.mode") != "subscribe" or token is None or not _same(given, token.get_secret_value()):
        raise Forbidden("This is not the verify token of this server.")
    return web.Response(text=request.query.get("hub.challenge", ""), content_type="text/plain")


async def _receive(hub: Hub, request: web.Request) -> web.Response:
    """Answer 200 only when everything in it is safe."""
    platform, channel = await _named(hub, request)
    raw = await request.clone(client_max_size=MOST_BYTES).read()
    if platform in META:
        _require_signature(hub.settings.facebook_app_secret, request, raw)
    else:
        _require_secret(hub, channel, request)
    payload = _payload(raw)
    if platform in META:
        platform = OBJECTS.get(str(payload.get("object")), platform)
    await receive_webhook(hub, platform, payload, channel)
    return web.json_response({"success": True})


async def _named(hub: Hub, request: web.Request) -> tuple[Platform, Channel | None]:
    """Return the platform and the channel that the address names. Raises NotFound."""
    name, id = request.match_info["platform"], request.match_info.get("channel_id", "")
    platform = next((each for each in (*META, Platform.TELEGRAM) if each == name), None)
    channel = await channel_at(hub, id.lower()) if ID.fullmatch(id) else None
    if platform is None or (id and (channel is None or channel.platform != platform)):
        raise NotFound
    if platform is Platform.TELEGRAM and channel is None:
        raise NotFound("Each Telegram bot has an address of its own: /webhooks/telegram/{channel_id}.")
    return platform, channel


def _require_signature(secret: SecretStr | None, request: web.Request, raw: bytes) -> None:
    """Let only Meta pass: over the bytes as they came, before they are parsed, in constant time."""
    if secret is None:
        raise Forbidden("This server has no FACEBOOK_APP_SECRET, so nobody can prove to be Meta.")
    digest = hmac.new(secret.get_secret_value().encode(), raw, hashlib.sha256).hexdigest()
    if not _same(request.headers.get("X-Hub-Signature-256", ""), f"sha256={digest}"):
        raise Unauthenticated("The signature is not that of this app's secret over this body.")


def _require_secret(hub: Hub, channel: Channel | None, request: web.Request) -> None:
    """Let only Telegram pass, which repeats the secret that this bot's address was registered with."""
    expected = secret_of(hub, channel, "secret_token") if channel else ""
    if not expected or not _same(request.headers.get("X-Telegram-Bot-Api-Secret-Token", ""), expected):
        raise Unauthenticated("The secret token is not this bot's.")


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="surrogateescape"), expected.encode())


def _payload(raw: bytes) -> Mapping[str, Any]:
    try:
        payload = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise Malformed from None
    if not isinstance(payload, dict):
        raise Malformed("The body is not a JSON object.")
    return payload
