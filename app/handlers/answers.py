"""What goes back over HTTP: JSON, and every error in one shape."""

from typing import Any

from aiohttp import hdrs, web

from app.errors import Internal, NoMethod, NoRoute, OriginRefused, Refusal, TooLarge, Unreadable, UnsupportedType
from app.handlers.request_trace import REQUEST_ID, request_id
from app.models.wire import to_json
from app.outside.peer import real_address
from app.settings import Settings


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


class Unrouted(web.Response):
    """The answer to what never came as far as a route: aiohttp prepares it without asking the app."""

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        seal(self)


def seal(response: web.StreamResponse) -> None:
    """Make an answer safe wherever it is opened: read as what it is, kept nowhere, and silent about the server."""
    headers = response.headers
    headers.pop(hdrs.SERVER, None)
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers[hdrs.CACHE_CONTROL] = "no-store"


async def sealed(request: web.Request, response: web.StreamResponse) -> None:
    """Seal an answer that is about to be sent, and name its request; aiohttp calls this for each one of the app's."""
    seal(response)
    response.headers[REQUEST_ID] = request_id(request)


def refused(request: web.BaseRequest, refusal: Refusal, kind: type[web.Response] = web.Response) -> web.Response:
    """Return the error response of a refusal."""
    id = request_id(request)
    error = {**refusal.view(), "request_id": id}
    response = as_json({"success": False, "error": error}, refusal.status, kind)
    response.headers[REQUEST_ID] = id
    if refusal.status == 503:
        response.headers[hdrs.RETRY_AFTER] = "1"
    elif "retry_after" in refusal.facts:
        response.headers[hdrs.RETRY_AFTER] = str(refusal.facts["retry_after"])
    return response


def as_json(body: dict[str, Any], status: int, kind: type[web.Response] = web.Response) -> web.Response:
    """Return a JSON response."""
    return kind(body=to_json(body), status=status, content_type="application/json")


def address_of(settings: Settings, request: web.Request) -> str:
    """Return the address of whoever sent this, past our own proxies."""
    return real_address(
        request.remote, ",".join(request.headers.getall("X-Forwarded-For", ())), settings.trusted_proxies
    )
