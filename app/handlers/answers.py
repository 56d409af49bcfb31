"""What goes back over HTTP: JSON, and every error in one shape."""

import re
from typing import Any
from uuid import uuid4

from aiohttp import hdrs, web

from app.errors import Internal, NoMethod, NoRoute, OriginRefused, Refusal, TooLarge, Unreadable, UnsupportedType
from app.models.wire import to_json
from app.outside.peer import real_address
from app.settings import Settings

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def refusal_of_status(status: int) -> Refusal:
    """Return our refusal for one that aiohttp made: no such route, a body too large."""
    known: dict[int, type[Refusal]] = {
        403: OriginRefused,  # a preflight's: nothing else here is refused by the library with it
        404: NoRoute,
        405: NoMethod,
        413: TooLarge,
        415: UnsupportedType,
    }
    return known.get(status, Unreadable if status < 500 else Internal)()


def refused(request: web.Request, refusal: Refusal) -> web.Response:
    """Return the error response of a refusal."""
    id = request_id(request)
    response = as_json({"success": False, "error": {**refusal.view(), "request_id": id}}, refusal.status)
    response.headers["X-Request-Id"] = id
    if refusal.status == 503:
        response.headers[hdrs.RETRY_AFTER] = "1"
    elif "retry_after" in refusal.facts:
        response.headers[hdrs.RETRY_AFTER] = str(refusal.facts["retry_after"])
    return response


def request_id(request: web.Request) -> str:
    """Return the id that the client gave its request, else a new one."""
    given = request.headers.get("X-Request-Id", "")
    return given if REQUEST_ID.fullmatch(given) else uuid4().hex


def as_json(body: dict[str, Any], status: int) -> web.Response:
    """Return a JSON response."""
    return web.Response(body=to_json(body), status=status, content_type="application/json")


def address_of(settings: Settings, request: web.Request) -> str:
    """Return the address of whoever sent this, past our own proxies."""
    return real_address(
        request.remote, ",".join(request.headers.getall("X-Forwarded-For", ())), settings.trusted_proxies
    )
