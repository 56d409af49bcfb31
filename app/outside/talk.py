"""Talk to platforms over HTTP: run an exchange, and tell what never left from what may have arrived."""

import asyncio
import contextlib
from collections.abc import Generator
from types import SimpleNamespace
from typing import Any, TypeVar

import aiohttp
from aiohttp import ClientTimeout, TraceConfig

from app.models.exchange import Reply, Request
from app.models.failure import Failure, FailureClass, Refused
from app.models.wire import to_json

T = TypeVar("T")

CONNECT_WITHIN = 5.0  # seconds
MOST_BYTES = 1 << 20  # of a reply; a platform's answers are a few kilobytes
SAFE = frozenset({"GET", "HEAD"})  # to ask again changes nothing, RFC 9110 section 9.2.1

UNREACHABLE = "The platform could not be reached."
TOO_SLOW = "The platform did not answer in time."
UNKNOWN = "The connection broke before the platform answered, so the message may have been sent."


class Talk:
    """One pool of connections for all platforms. Redirects are not followed: a token must not travel on."""

    def __init__(self, *, within: float = 10.0) -> None:
        self._within = within
        self._session: aiohttp.ClientSession | None = None

    async def run(self, exchange: Generator[Request, Reply, T]) -> T:
        """Give an exchange its replies, and return what it came to.

        Raises Refused: the exchange's own; `transient` when nothing was sent, or asking again is harmless; `uncertain`
        when a request had left and no whole reply came, in `within` seconds or at all. Cancelling ends the request.
        """
        with contextlib.closing(exchange):
            try:
                request = next(exchange)
                while True:
                    request = exchange.send(await self._ask(request))
            except StopIteration as done:
                result: T = done.value
                return result

    async def close(self) -> None:
        """End all connections."""
        if self._session is not None:
            await self._session.close()

    async def _ask(self, request: Request) -> Reply:
        progress = SimpleNamespace(left=False)
        try:
            async with asyncio.timeout(self._within):
                return await self._fetch(request, progress)
        except TimeoutError:
            raise _broken(request, progress, "timeout", TOO_SLOW) from None
        except (aiohttp.ClientError, OSError):
            raise _broken(request, progress, "connection", UNREACHABLE) from None

    async def _fetch(self, request: Request, progress: SimpleNamespace) -> Reply:
        async with self._pool().request(
            request.method,
            request.url,
            params=request.query or None,
            data=None if request.body is None else to_json(request.body),
            headers={**request.headers, **({} if request.body is None else {"content-type": "application/json"})},
            allow_redirects=False,
            trace_request_ctx=progress,
        ) as response:
            body = await response.content.read(MOST_BYTES)
            while len(body) < MOST_BYTES and (more := await response.content.read(MOST_BYTES - len(body))):
                body += more
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Reply(status=response.status, body=body, headers=headers)

    def _pool(self) -> aiohttp.ClientSession:
        """Return the session, made within the running loop."""
        if self._session is None:
            tracing = TraceConfig()
            tracing.on_request_headers_sent.append(_note_that_it_left)
            self._session = aiohttp.ClientSession(
                # No limit of its own: channels that hang must not take the connections of those that answer.
                connector=aiohttp.TCPConnector(limit=0),
                timeout=ClientTimeout(total=None, sock_connect=CONNECT_WITHIN),
                trace_configs=[tracing],
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


async def _note_that_it_left(_: aiohttp.ClientSession, context: SimpleNamespace, __: Any) -> None:
    """The headers are on their way and the body goes with them: from here on the platform may have it all."""
    context.trace_request_ctx.left = True


def _broken(request: Request, progress: SimpleNamespace, code: str, reason: str) -> Refused:
    if progress.left and request.method not in SAFE:
        return Refused(Failure(kind=FailureClass.UNCERTAIN, code=code, reason=UNKNOWN))
    return Refused(Failure(kind=FailureClass.TRANSIENT, code=code, reason=reason, outage=True))
