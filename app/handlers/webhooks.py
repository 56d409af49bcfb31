"""Where platforms tell us what happened: answered 200 only when everything in it is safe."""

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from app.actions.prove_webhook import addressed, require_proof, require_provable, require_verify_token, speaker_of
from app.actions.receive_webhook import receive_webhook
from app.errors import Malformed, NotFound
from app.handlers.endpoint import ID, guarded
from app.handlers.reading import Gathering
from app.handlers.routes import PREFIX
from app.hub import Hub
from app.models.channel import Channel
from app.models.contact import Platform
from app.models.wire import from_json

# https://developers.facebook.com/docs/whatsapp/cloud-api/guides/set-up-webhooks: "payloads can be up to 3MB".
MOST_BYTES = 3 << 20
# Bodies that may be on their way at once: 24 MiB at most of what nobody has proven yet. One that is here with its
# header, as nearly all are, needs no place.
PLACES = 8
PATH = PREFIX + "/webhooks/{platform}"


def webhook_routes(hub: Hub) -> list[web.RouteDef]:
    """Return the addresses that platforms call; `/{channel_id}` is one channel's own."""
    gathering = Gathering(PLACES)

    async def verify(request: web.Request) -> web.Response:
        return await _verify(hub, request)

    async def receive(request: web.Request) -> web.Response:
        return await _receive(hub, gathering, request)

    paths = (PATH, PATH + "/{channel_id}")
    return [route for path in paths for route in (web.get(path, guarded(verify)), web.post(path, guarded(receive)))]


async def _verify(hub: Hub, request: web.Request) -> web.Response:
    """Answer Meta's challenge, if it knows what it must."""
    await _addressed(hub, request)
    asked = request.query
    require_verify_token(hub, asked.get("hub.mode", ""), asked.get("hub.verify_token", ""))
    return web.Response(text=asked.get("hub.challenge", ""), content_type="text/plain")


async def _receive(hub: Hub, gathering: Gathering, request: web.Request) -> web.Response:
    """Take in what a platform tells; no body is waited for that nothing in its header could prove."""
    platform, channel = await _addressed(hub, request)
    require_provable(hub, platform, channel, request.headers)
    raw = await gathering.body_of(request, MOST_BYTES)
    require_proof(hub, platform, request.headers, raw)
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
