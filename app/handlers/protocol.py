"""aiohttp's protocol for strangers: a deadline for all that a client owes, and no word of its own in an answer.

It leans on parts of aiohttp that are not promised to stay: `_waiter`, `_current_request`, `_request_count`,
`_drain_waiter`. `tests/handlers/test_contracts.py` fails by name when one of them changes.
"""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from aiohttp import StreamReader, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler, RequestPayloadError
from loguru import logger

from app.errors import RequestTimeout
from app.handlers.answers import Unrouted, refusal_of_status, refused
from app.handlers.reading import CutShort
from app.handlers.request_trace import request_id

if TYPE_CHECKING:
    from app.handlers.runner import Server


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds that a client has to send a request's header, then its body, and to take an answer."""

    header: float = 10.0
    body: float = 30.0
    answer: float = 60.0

    @property
    def pace(self) -> float:
        """Return the seconds between two looks: each deadline is kept to within two of them."""
        return min(1.0, self.header / 10)


class Protocol(RequestHandler):
    """One HTTP connection, and what its client owes.

    The deadlines cost no timer: the server looks at all connections once a second, and a debt is known by the very
    object that waits for it. A websocket is another protocol's from its handshake on, and owes nothing here.
    """

    __slots__ = ("_header_of", "_owed", "_owed_since", "_server", "_site")

    def __init__(self, server: "Server", **options: Any) -> None:
        super().__init__(server, **options)
        self._server = server
        self._site = ""  # the address that it is counted for
        self._header_of = 0  # the number of the request whose header has begun: a new connection owes its first
        self._owed: object = None
        self._owed_since = 0.0

    # What the transport tells us.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let a client in, or close at once where its address holds too many connections."""
        accepted = cast(asyncio.Transport, transport)
        site = self._server.crowd.enter(accepted)
        if site is None:
            return accepted.abort()
        self._site = site
        return super().connection_made(accepted)

    def data_received(self, data: bytes) -> None:
        """Note that a header has begun where the next request is awaited; the rest is aiohttp's."""
        if self._waiter is not None:
            self._header_of = self._request_count
        super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection; it is told so too when a websocket takes the transport over."""
        self._server.crowd.leave(self._site)
        self._site = ""
        super().connection_lost(exc)

    # Deadlines.

    def look(self, transport: asyncio.Transport, now: float, deadlines: Deadlines) -> None:
        """Cut off a client that has owed the same thing for too long."""
        owed, within = self._debt(transport, deadlines)
        if owed is not self._owed:
            self._owed, self._owed_since = owed, now - deadlines.pace  # it may be as old as the last look
        elif owed is not None and now - self._owed_since > within - deadlines.pace:
            self._collect(owed, transport, within)

    def _debt(self, transport: asyncio.Transport, deadlines: Deadlines) -> tuple[object, float]:
        """Return what waits for this client, None when nothing does, and how long it may."""
        if self._manager is None:  # aiohttp has no more to do with it
            return None, 0.0
        if transport.is_closing():
            return transport, deadlines.answer
        if self._drain_waiter is not None:
            return self._drain_waiter, deadlines.answer
        if self._waiter is not None:
            return (self._waiter if self._header_of == self._request_count else None), deadlines.header
        request = self._current_request
        if request is None or request.content.is_eof():
            return None, 0.0
        return request.content, deadlines.body

    def _collect(self, owed: object, transport: asyncio.Transport, within: float) -> None:
        if not isinstance(owed, StreamReader):
            transport.abort()
        elif owed.exception() is None:
            owed.set_exception(CutShort(RequestTimeout(f"The body did not come within {within:g} s.")))

    # Errors.

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what no route did: what cannot be read as a request, or a mistake of ours. Raises ConnectionError."""
        line = logger.bind(request_id=request_id(request), remote=request.remote)
        if isinstance(exc, ConnectionError):
            line.debug("client left within a request")
            raise exc
        if isinstance(exc, HttpProcessingError):  # its words repeat the request, with the secrets in it
            line.bind(error=type(exc).__name__).debug("unreadable request")
        else:
            line.opt(exception=exc or True).error("unexpected error")
        if request.writer.output_size > 0:
            raise ConnectionError("The answer has begun already.")
        response = refused(request, refusal_of_status(status), Unrouted)
        response.force_close()
        return response

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer, and drop what is left of the request's body.

        An answer that aiohttp made before any route was asked gets our words.
        """
        if isinstance(resp, web.HTTPException) and resp.status >= 400:
            resp = refused(request, refusal_of_status(resp.status))
        sent = await super().finish_response(request, resp, start_time)
        if not request.content.is_eof():
            await self._server.leftovers.drop(request.content, self)
        return sent

    def log_exception(self, *args: Any, **options: Any) -> None:
        """Log a mistake of ours; a body that ends in garbage, or in nothing, is none."""
        if not isinstance(options.get("exc_info"), RequestPayloadError | HttpProcessingError | ConnectionError):
            super().log_exception(*args, **options)
