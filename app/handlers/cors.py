"""CORS for the API: which pages may call it is asked of `Origins` at each request, as sockets do.

aiohttp-cors knows fixed origins alone, and in development those of every port of localhost are let in. Its router
adapter is where it looks an origin up. https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from typing import Any

from aiohttp import hdrs, web
from aiohttp_cors import CorsConfig, ResourceOptions
from aiohttp_cors.urldispatcher_router_adapter import ResourcesUrlDispatcherRouterAdapter

from app.outside.origins import Origins

OPTIONS = ResourceOptions(  # type: ignore[no-untyped-call]
    allow_credentials=True,
    expose_headers=("Idempotency-Replayed", "X-Request-Id", "Retry-After"),
    allow_headers="*",
    allow_methods="*",
    max_age=600,
)
NOBODY: dict[str, Any] = {}


class KnownPages(ResourcesUrlDispatcherRouterAdapter):
    """The origins of the pages that may call a route: that of the request, or none."""

    def __init__(self, router: web.UrlDispatcher, origins: Origins) -> None:
        super().__init__(router, NOBODY)
        self._origins = origins

    async def get_preflight_request_config(self, request: web.Request, origin: str, method: str) -> dict[str, Any]:
        """Return what a page may do; where that is nothing, the preflight is answered 403."""
        return self.get_non_preflight_request_config(request)

    def get_non_preflight_request_config(self, request: web.Request) -> dict[str, Any]:
        """Return what a page may do, by its origin."""
        origin = request.headers.get(hdrs.ORIGIN)
        return {origin: OPTIONS} if origin is not None and self._origins.allow(request) else NOBODY


def cors_for(app: web.Application, origins: Origins) -> CorsConfig:
    """Return what opens a route to the pages of known origins."""
    return CorsConfig(app, router_adapter=KnownPages(app.router, origins))
