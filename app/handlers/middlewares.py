"""aiohttp's middlewares around every route: a trace and a log line a request, a drain's last answers, error shapes."""

import time

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from loguru import logger

from app.handlers.answers import address_of, refusal_of_status, refused
from app.handlers.request_trace import trace_of
from app.hub import Drain, Hub
from app.outside.trace import TRACE
from app.settings import Settings


def middlewares(hub: Hub) -> list[Middleware]:
    """Return all of them, the outermost first."""
    return [_traced(hub.settings), _last_answers(hub.drain), _errors()]


def _traced(settings: Settings) -> Middleware:
    """Let all that is logged within a request bear its id, and log one line of how it ended; never what was said."""

    @web.middleware
    async def traced(request: web.Request, handler: Handler) -> web.StreamResponse:
        began = time.monotonic()
        trace = trace_of(request, address_of(settings, request))
        token = TRACE.set(trace)
        try:
            response = await handler(request)
            if request.path.startswith("/api/"):
                _log(request, response.status, time.monotonic() - began)
            return response
        finally:
            trace.over = True
            TRACE.reset(token)

    return traced


def _log(request: web.Request, status: int, seconds: float) -> None:
    resource = request.match_info.route.resource
    logger.bind(
        method=request.method,
        path=resource.canonical if resource else "",
        status=status,
        milliseconds=round(seconds * 1000, 1),
    ).info("request")


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
