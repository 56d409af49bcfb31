"""Our engine as the official Socket.IO v5 protocol test-suite asks it to be: `python -m tests.conformance PORT`.

The suite (docs/socket.io-protocol/v5-test-suite of the socket.io monorepo, mocha) says what a server must do: take `/`
and `/custom`; on connect emit `auth` with what the CONNECT carried; answer `message` with `message-back`, and
`message-with-ack` with an ack, both with the arguments that came, binary ones too.
"""

import argparse
import asyncio
from collections.abc import Callable
from typing import Any

import uvloop
from aiohttp import web

from app.settings import Settings
from app.sockets.limits import Turnstile
from app.sockets.mount import limits_of
from app.sockets.server import SocketServer

NAMESPACES = ("/", "/custom")
MOST_FRAME = 1_000_000  # bytes; the suite looks for this `maxPayload`
BACKLOG = 1024
APART = 0.02  # seconds; the suite begins to listen for `auth` when it has heard that it is connected, not before


def conformant(*, ping_interval: float = 1.0, ping_timeout: float = 1.0, binary: bool = True) -> web.Application:
    """Return the application; the times are in seconds."""
    server = SocketServer(
        binary=binary,
        ping_interval=ping_interval,
        ping_timeout=ping_timeout,
        max_frame=MOST_FRAME,
        turnstile=Turnstile(limits_of(Settings())),  # the usual limits: no client that keeps to the protocol meets them
    )
    for namespace in NAMESPACES:
        _answer(server, namespace)
    app = web.Application()
    app.router.add_route("*", "/socket.io/", server.eio.handle_request)
    return app


def _answer(server: SocketServer, namespace: str) -> None:
    """Let one namespace do what the suite expects."""

    def connect(sid: str, _: object, auth: object = None) -> None:
        server.start_background_task(greet, sid, auth or {})

    async def greet(sid: str, auth: object) -> None:
        await asyncio.sleep(APART)
        await _emit("auth", sid, auth)

    async def message(sid: str, *said: object) -> None:
        await _emit("message-back", sid, *said)

    def message_with_ack(_: str, *said: object) -> tuple[object, ...]:
        return said

    async def _emit(event: str, sid: str, *said: object) -> None:
        await server.emit(event, said, to=sid, namespace=namespace)

    handlers: dict[str, Callable[..., Any]] = {
        "connect": connect,
        "message": message,
        "message-with-ack": message_with_ack,
    }
    for event, handler in handlers.items():
        server.on(event, handler, namespace=namespace)


async def serve(app: web.Application, port: int, listening: Callable[[int], None]) -> None:
    """Serve until cancelled; `listening` is told the port, which is a free one for 0."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, backlog=BACKLOG).start()
        listening(runner.addresses[0][1])
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def run(app: web.Application, port: int, listening: Callable[[int], None], *, plain_asyncio: bool) -> None:
    """Serve until interrupted, with uvloop or without."""
    with asyncio.Runner(loop_factory=None if plain_asyncio else uvloop.new_event_loop) as runner:
        runner.run(serve(app, port, listening))


def main() -> None:
    """Parse, serve, stop."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("port", type=int, help="0 takes a free one; it is said on standard output")
    parser.add_argument("--plain-asyncio", action="store_true", help="without uvloop")
    parser.add_argument("--ping-interval", type=float, default=1.0, help="seconds")
    parser.add_argument("--ping-timeout", type=float, default=1.0, help="seconds")
    chosen = parser.parse_args()
    app = conformant(ping_interval=chosen.ping_interval, ping_timeout=chosen.ping_timeout)
    run(app, chosen.port, lambda port: print(port, flush=True), plain_asyncio=chosen.plain_asyncio)


if __name__ == "__main__":
    main()
