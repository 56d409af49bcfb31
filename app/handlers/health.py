"""Is it alive, is it ready, how does it stand."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from app import __version__
from app.actions.check_health import check_health
from app.errors import Refusal
from app.hub import Hub
from app.models.wire import to_json

Handler = Callable[[web.Request], Awaitable[web.Response]]


def health_routes(hub: Hub) -> list[web.RouteDef]:
    """Return the routes that probes ask: live (this process answers), ready (send it clients), and both in words."""
    began = time.monotonic()

    async def live(request: web.Request) -> web.Response:
        return _json({"status": "ok"}, 200)

    async def ready(request: web.Request) -> web.Response:
        problem = await _problem(hub)
        return _json({"status": problem or "ok"}, 503 if problem else 200)

    async def health(request: web.Request) -> web.Response:
        problem = await _problem(hub)
        body = {
            "status": problem or "ok",
            "version": __version__,
            "uptime_seconds": round(time.monotonic() - began, 1),
            "mongodb": "ok" if problem in (None, "draining") else "unavailable",
        }
        return _json(body, 503 if problem else 200)

    return [web.get("/health/live", live), web.get("/health/ready", ready), web.get("/health", health)]


async def _problem(hub: Hub) -> str | None:
    try:
        await check_health(hub)
    except Refusal as refusal:
        return refusal.code
    return None


def _json(body: dict[str, Any], status: int) -> web.Response:
    return web.Response(body=to_json(body), status=status, content_type="application/json")
