"""Take a websocket over from aiohttp: once it has read the request, the connection is ours alone.

What aiohttp holds for a request (its protocol, parser, two tasks, headers) is worth 15 KB, and would be kept as long as
the connection lives. So the 101 is ours, the transport gets our protocol, and aiohttp is told that its connection was
lost. This leans on parts of aiohttp that are not promised to stay: `RequestHandler.transport`, `_message_tail`, and
that `connection_lost` forgets everything. `tests/sockets/test_contracts.py` fails by name when one of them changes.
"""

import asyncio
import base64
import binascii
import hashlib

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_request import BaseRequest

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
VERSION = "13"


def answer_to(request: web.Request) -> bytes:
    """Return the 101 that opens a websocket, RFC 6455 section 4.2.2. Raises HTTPBadRequest."""
    headers = request.headers
    if headers.get(hdrs.UPGRADE, "").strip().lower() != "websocket" or not _asks_upgrade(
        headers.getall(hdrs.CONNECTION, [])
    ):
        raise web.HTTPBadRequest(text="This address speaks WebSocket.")
    if headers.get(hdrs.SEC_WEBSOCKET_VERSION) != VERSION:
        raise web.HTTPBadRequest(text="This server speaks version 13 of WebSocket.")
    key = headers.get(hdrs.SEC_WEBSOCKET_KEY, "")
    if not _is_key(key):
        raise web.HTTPBadRequest(text="Sec-WebSocket-Key is not 16 bytes in base64.")
    accept = base64.b64encode(hashlib.sha1(key.encode() + GUID, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept
    )


def _asks_upgrade(connection: list[str]) -> bool:
    return any(word.strip().lower() == "upgrade" for line in connection for word in line.split(","))


def _is_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


def take_transport(request: web.Request) -> asyncio.Transport:
    """Return the transport of a request that aiohttp has no more to do with. Raises HTTPBadRequest, ConnectionError."""
    http = request.protocol
    transport = http.transport
    if transport is None:
        raise ConnectionResetError("The client went away.")
    if http._message_tail:  # a client waits for the 101 before it speaks, RFC 6455 section 4.1
        raise web.HTTPBadRequest(text="Frames came before the handshake was answered.")
    http.transport = None  # or aiohttp would close it
    http.connection_lost(None)
    return transport


class TakenOver(web.StreamResponse):
    """What aiohttp gets for an answer: everything has been written by us."""

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        """Write nothing."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Write nothing."""
