"""aiohttp's middlewares around every route: the last answer of a drain, one shape for errors, a log line a request."""

import time

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from loguru import logger

from app.handlers.answers import address_of, refusal_of_status, refused
from app.hub import Drain, Hub
from app.settings import Settings


def middlewares(hub: Hub) -> list[Middleware]:
    """Return all of them, the outermost first."""
    return [_last_answers(hub.drain), _errors(), _access_log(hub.settings)]


def _last_answers(drain: Drain) -> Middleware:
    """Let each connection of a process on its way out end with its answer, so that none is cut in a request."""

    @web.middleware
    async def last_answers(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if drain.begun and not response.prepared:
            response.force_close()
        return response

    return last_answers


def _errors() -> Middleware:
    """Give an unknown path, method or size the shape of every other error."""

    @web.middleware
    async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            response = refused(request, refusal_of_status(error.status))
            if hdrs.ALLOW in error.headers:
                response.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
            return response

    return errors


def _access_log(settings: Settings) -> Middleware:
    """Log one line a request: what, how it ended, how long it took; never what was said."""

    @web.middleware
    async def access_log(request: web.Request, handler: Handler) -> web.StreamResponse:
        began = time.monotonic()
        response = await handler(request)
        if request.path.startswith("/api/"):
            logger.bind(
                method=request.method,
                path=request.match_info.route.resource.canonical if request.match_info.route.resource else "",
                status=response.status,
                milliseconds=round((time.monotonic() - began) * 1000, 1),
                remote=address_of(settings, request),
            ).info("request")
        return response

    return access_log
