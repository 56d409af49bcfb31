"""Take a websocket over from aiohttp: its frames are fed to a callback, so that no task wakes for a message.

This leans on parts of aiohttp that are not promised to stay: `WebSocketResponse._post_start`, `WebSocketReader` and the
queue that it feeds. `tests/sockets/test_contracts.py` fails by name when one of them changes.
"""

from typing import Any

from aiohttp import WSMsgType, web
from aiohttp._websocket.models import WebSocketError
from aiohttp._websocket.reader import WebSocketDataQueue, WebSocketReader
from aiohttp.http_websocket import WebSocketWriter
from aiohttp.web_request import BaseRequest

from app.sockets.closing import CLIENT_LEFT, INVALID_TEXT, PROTOCOL_ERROR, TOO_LARGE, Closing
from app.sockets.connection import Connection

CLOSINGS: dict[int, Closing] = {closing.code: closing for closing in (INVALID_TEXT, PROTOCOL_ERROR, TOO_LARGE)}


class Inlet(WebSocketDataQueue):
    """Where aiohttp's frame reader puts what it read: straight into the connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connection: Connection | None = None
        self.receive: Any = None

    def feed_data(self, data: Any, size: int) -> None:
        """Hear one message."""
        connection = self.connection
        if connection is None or connection.closed:
            return
        if data.type is WSMsgType.TEXT:
            self.receive(connection, data.data)
        elif data.type is WSMsgType.PING:
            connection.pong(data.data)
        elif data.type is WSMsgType.BINARY:
            self.receive(connection, None)
        elif data.type is WSMsgType.CLOSE:
            connection.close(CLIENT_LEFT)  # a Close is answered with a Close, RFC 6455 section 5.5.1

    def feed_eof(self) -> None:
        """Hear that the connection is gone."""
        super().feed_eof()
        if self.connection is not None:
            self.connection.lost()

    def set_exception(self, exc: BaseException, *args: Any) -> None:
        """Hear that a frame could not be read."""
        super().set_exception(exc, *args)
        if self.connection is not None:
            code = exc.code if isinstance(exc, WebSocketError) else 1002
            self.connection.close(CLOSINGS.get(code, PROTOCOL_ERROR))


class Upgrade(web.WebSocketResponse):
    """The 101 answer, without deflate, without aiohttp's own reading, heartbeat and closing."""

    def __init__(self, max_frame: int) -> None:
        super().__init__(compress=False, max_msg_size=max_frame, autoping=False)
        self.max_frame = max_frame
        self.inlet: Inlet | None = None

    def _post_start(self, request: BaseRequest, protocol: str | None, writer: WebSocketWriter) -> None:
        self._writer = writer
        self.inlet = Inlet(request._protocol, 1 << 16, loop=request._loop)
        self._parser = WebSocketReader(self.inlet, self.max_frame, compress=False, decode_text=True)

    def start(self, request: web.Request, connection: Connection, receive: Any) -> None:
        """Begin to read; frames that came with the handshake are heard now."""
        assert self.inlet is not None
        assert self._parser is not None
        self.inlet.connection, self.inlet.receive = connection, receive
        request.protocol.set_parser(self._parser)
        request.protocol.keep_alive(False)

    async def write_eof(self, data: bytes = b"") -> None:
        """Leave the closing to the connection."""
        self._eof_sent = True
