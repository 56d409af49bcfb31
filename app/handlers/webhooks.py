"""Where platforms tell us what happened: answered 200 only when everything in it is safe."""

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from app.actions.prove_webhook import addressed, require_proof, require_verify_token, speaker_of
from app.actions.receive_webhook import receive_webhook
from app.errors import Malformed, NotFound
from app.handlers.endpoint import ID, guarded
from app.handlers.routes import PREFIX
from app.hub import Hub
from app.models.channel import Channel
from app.models.contact import Platform
from app.models.wire import from_json

MOST_BYTES = 16 << 20  # a batch may hold a thousand things
PATH = PREFIX + "/webhooks/{platform}"


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
    await _addressed(hub, request)
    asked = request.query
    require_verify_token(hub, asked.get("hub.mode", ""), asked.get("hub.verify_token", ""))
    return web.Response(text=asked.get("hub.challenge", ""), content_type="text/plain")


async def _receive(hub: Hub, request: web.Request) -> web.Response:
    platform, channel = await _addressed(hub, request)
    raw = await request.clone(client_max_size=MOST_BYTES).read()
    require_proof(hub, platform, channel, request.headers, raw)
    payload = _payload(raw)
    await receive_webhook(hub, speaker_of(hub, platform, payload), payload, channel)
    return web.json_response({"success": True})


async def _addressed(hub: Hub, request: web.Request) -> tuple[Platform, Channel | None]:
    id = request.match_info.get("channel_id")
    if id is not None and not ID.fullmatch(id):
        raise NotFound
    return await addressed(hub, request.match_info["platform"], id.lower() if id else None)


def _payload(raw: bytes) -> Mapping[str, Any]:
    try:
        payload = from_json(raw)
    except orjson.JSONDecodeError:
        raise Malformed from None
    if not isinstance(payload, dict):
        raise Malformed("The body is not a JSON object.")
    return payload
