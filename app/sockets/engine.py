"""An Engine.IO v4 server of websockets alone: accept, send, and one sweep for every deadline.

It stands where python-socketio expects an `engineio.AsyncServer`, and has the parts of it that python-socketio uses.
https://github.com/socketio/engine.io-protocol
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any

from aiohttp import hdrs, web

from app.models.wire import to_json
from app.outside.trace import untraced
from app.sockets.closing import EXPIRED, NO_CONNECT, PING_TIMEOUT, TRY_LATER, UNFINISHED
from app.sockets.connection import Connection
from app.sockets.frames import BINARY_FRAME, MESSAGE, OPEN, frame
from app.sockets.incoming import FINISH_WITHIN
from app.sockets.limits import Turnstile, names_of
from app.sockets.outgoing import Outgoing
from app.sockets.upgrade import TakenOver, answer_to, take_transport

SWEEP = 1.0  # seconds between two looks at the deadlines
CONNECT_WITHIN = 10.0 - SWEEP  # seconds from the handshake to the first namespace: 10 at the last look

# https://github.com/socketio/engine.io, lib/server.ts: what its clients know.
UNKNOWN_TRANSPORT = {"code": 0, "message": "This server speaks WebSocket only: connect with transports: ['websocket']."}
BAD_REQUEST = {"code": 3, "message": "Bad request"}
FORBIDDEN = {"code": 4, "message": "Forbidden"}
TOO_MANY = {"code": 4, "message": "Too many connections"}
UNSUPPORTED_VERSION = {"code": 5, "message": "Unsupported protocol version"}

_running: set["asyncio.Task[Any]"] = set()

Receive = Callable[[Connection, str | bytes], None]


class Engine(Outgoing):
    """Every connection of this process."""

    async_mode = "aiohttp"

    def __init__(
        self,
        *,
        ping_interval: float = 25.0,
        ping_timeout: float = 60.0,
        max_frame: int = 64_000,
        max_owed: int = 1 << 20,
        allows_origin: Callable[[web.Request], bool] = lambda request: True,
        address_of: Callable[[web.Request], str] = lambda request: request.remote or "unknown",
        turnstile: Turnstile | None = None,
        **_: Any,
    ) -> None:
        super().__init__()
        self.ping_interval = ping_interval
        self.ping_timeout = ping_timeout
        self.max_frame = max_frame
        self.max_owed = max_owed
        self.allows_origin = allows_origin
        self.address_of = address_of
        self.connections: dict[str, Connection] = {}
        self.handlers: dict[str, Any] = {}
        self.receive: Receive = _ignore
        self.ended: Callable[[Connection, str], None] = _ignore
        self.turnstile = turnstile or Turnstile(None)
        self.draining = False
        self.closed_for: dict[str, int] = {}
        self._sweeping: asyncio.Task[None] | None = None

    # What python-socketio asks of its engine.

    def on(self, event: str, handler: Any) -> None:
        """Take a handler of `connect`, `message` or `disconnect`."""
        self.handlers[event] = handler

    @staticmethod
    def generate_id() -> str:
        """Return a new session id."""
        return secrets.token_urlsafe(15)

    async def send(self, sid: str, data: str | bytes) -> None:
        """Send one Socket.IO packet to one connection."""
        connection = self.connections.get(sid)
        if connection is not None:
            connection.push(
                frame(data, BINARY_FRAME) if isinstance(data, bytes) else frame(f"{MESSAGE}{data}".encode())
            )

    async def send_packet(self, sid: str, packet: Any) -> None:
        """Send one Engine.IO packet to one connection."""
        connection = self.connections.get(sid)
        if connection is not None:
            connection.push(frame(packet.encode().encode()))

    async def disconnect(self, sid: str | None = None) -> None:
        """End one connection, or all."""
        for each in tuple(self.connections.values()) if sid is None else (self.connections.get(sid),):
            if each is not None:
                each.close(TRY_LATER)

    def transport(self, sid: str) -> str:
        """Return the name of the transport."""
        return "websocket"

    @staticmethod
    def start_background_task(target: Any, *args: Any) -> "asyncio.Task[Any]":
        """Run a coroutine beside everything else."""
        task: asyncio.Task[Any] = asyncio.ensure_future(target(*args))
        _running.add(task)
        task.add_done_callback(_running.discard)
        return task

    @staticmethod
    def create_event() -> asyncio.Event:
        """Return an event of this loop."""
        return asyncio.Event()

    # Accepting.

    async def handle_request(self, request: web.Request) -> web.StreamResponse:
        """Answer a handshake; the connection lives on without this request."""
        refusal = self._refusal_of(request)
        if refusal is not None:
            status, error = refusal
            return web.Response(status=status, body=to_json(error), content_type="application/json")
        answer = answer_to(request)
        remote = self.address_of(request)
        connection = self._accept(take_transport(request), remote)
        connection.push(answer + self._hello(connection))
        return TakenOver(status=101)

    def _refusal_of(self, request: web.Request) -> tuple[int, dict[str, Any]] | None:
        query = request.query
        if self.draining:
            return 503, BAD_REQUEST
        if query.get("EIO") != "4":
            return 400, UNSUPPORTED_VERSION
        if query.get("transport") != "websocket":
            return 400, UNKNOWN_TRANSPORT
        if "sid" in query or request.method != hdrs.METH_GET:
            return 400, BAD_REQUEST
        if not self.allows_origin(request):
            return 403, FORBIDDEN
        return None if self.turnstile.admits_address(self.address_of(request)) else (429, TOO_MANY)

    def _accept(self, transport: asyncio.Transport, remote: str) -> Connection:
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = asyncio.create_task(self._sweep_on(), name="socket-sweep", context=untraced())
        now = asyncio.get_running_loop().time()
        connection = Connection(self.generate_id(), transport, remote, self, now)
        connection.due = now + min(CONNECT_WITHIN, self.ping_interval)
        self.connections[connection.sid] = connection
        self.turnstile.count(connection, *names_of(connection.remote))
        transport.set_protocol(connection)
        return connection

    def _hello(self, connection: Connection) -> bytes:
        hello = {
            "sid": connection.sid,
            "upgrades": [],
            "pingInterval": int(self.ping_interval * 1000),
            "pingTimeout": int(self.ping_timeout * 1000),
            "maxPayload": self.max_frame,
        }
        return frame(OPEN.encode() + to_json(hello))

    # Deadlines.

    async def _sweep_on(self) -> None:
        pace = min(SWEEP, self.ping_interval / 4)
        while self.connections or not self.draining:
            await asyncio.sleep(pace)
            self._sweep(asyncio.get_running_loop().time())

    def _sweep(self, now: float) -> None:
        """Look after all that are due; a step of its own, so that nothing holds the last of them while we sleep."""
        for connection in [each for each in self.connections.values() if each.due <= now]:
            self._look_after(connection, now)

    def _look_after(self, connection: Connection, now: float) -> None:
        if connection.expires is not None and now >= connection.expires:
            return connection.close(EXPIRED)
        if not connection.members and now - connection.opened >= CONNECT_WITHIN:
            return connection.close(NO_CONNECT)
        if connection.begun is not None and now - connection.begun >= FINISH_WITHIN:
            return connection.close(UNFINISHED)
        if connection.asked and now - connection.pinged >= self.ping_timeout:
            return connection.close(PING_TIMEOUT)
        if not connection.asked and now - connection.pinged >= self.ping_interval:
            connection.ping(now)
        connection.due = self._next_due(connection)

    def _next_due(self, connection: Connection) -> float:
        due = connection.pinged + (self.ping_timeout if connection.asked else self.ping_interval)
        if not connection.members:
            due = min(due, connection.opened + CONNECT_WITHIN)
        if connection.begun is not None:
            due = min(due, connection.begun + FINISH_WITHIN)
        return due if connection.expires is None else min(due, connection.expires)

    def forget(self, connection: Connection, reason: str) -> None:
        """Hear that a connection is over."""
        self.connections.pop(connection.sid, None)
        self.turnstile.leave(connection)
        self.closed_for[reason] = self.closed_for.get(reason, 0) + 1
        self.ended(connection, reason)

    async def shutdown(self) -> None:
        """Stop looking after deadlines."""
        if self._sweeping is not None:
            self._sweeping.cancel()


def _ignore(connection: Connection, said: str | bytes) -> None:
    """Hear nothing."""
