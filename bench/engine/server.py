"""Our engine alone, with the events of `bench/peers/socketio_node`: `python -m bench.engine.server PORT`.

Environment: JWT_ACCESS_SECRET (when set, each CONNECT must carry a valid token).
    echo <anything>       → ack with the same
    go {n, size, burst}   → `message:new` n times to the room, `burst` of them a tick;
                            ack {events, seconds, cpu_seconds}
    stats                 → ack {connections, cpu_seconds, rss_bytes, owed_bytes}
"""

import argparse
import asyncio
import itertools
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import jwt
import socketio
from aiohttp import web

from app.models.wire import to_json
from app.sockets.frames import event_frame
from app.sockets.server import SocketServer
from bench.process import PAGE_BYTES, allow_many_files, resident_pages

ROOM = "company:bench"
SEQS = itertools.count(1)
Numbers = Mapping[str, int]


class BareServer:
    """One room that everybody joins."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.server = SocketServer()
        events: dict[str, Callable[..., Any]] = {
            "connect": self.connect, "echo": self.echo, "go": self.go, "stats": self.stats,
        }  # fmt: skip
        for name, handler in events.items():
            self.server.on(name, handler)

    def app(self) -> web.Application:
        """The application with nothing but our door."""
        app = web.Application()
        app.router.add_route("*", "/socket.io/", self.server.eio.handle_request)
        return app

    def connect(self, sid: str, _: object, auth: Mapping[str, str] | None = None) -> None:
        """Let a valid token in, refuse every other."""
        if self.secret:
            self.check((auth or {}).get("token", ""))
        self.server.manager.enter(sid, ROOM)

    def check(self, token: str) -> None:
        """Raise when the token is not ours."""
        try:
            jwt.decode(token, self.secret, algorithms=["HS256"])
        except jwt.InvalidTokenError as error:
            raise socketio.exceptions.ConnectionRefusedError("unauthenticated") from error

    def echo(self, _: str, value: object) -> object:
        """The same back."""
        return value

    async def go(self, _: str, order: Numbers) -> dict[str, float]:
        """Fan out, and say what it cost."""
        started, cpu = time.monotonic(), time.process_time()
        await self.emit_all(order["n"], "x" * order["size"], order["burst"])
        spent = time.process_time() - cpu
        return {"events": order["n"], "seconds": time.monotonic() - started, "cpu_seconds": spent}

    async def emit_all(self, n: int, data: str, burst: int) -> None:
        """Say `n` events as app/sockets/live.py does: the body is encoded once an event."""
        rooms = self.server.manager
        for sent in range(1, n + 1):
            body = to_json({"type": "message:new", "seq": next(SEQS), "data": data})
            rooms.say("/", ROOM, event_frame("/", "message:new", body))
            if sent % burst == 0:
                await asyncio.sleep(0)

    def stats(self, _: str, __: object = None) -> dict[str, float]:
        """What this process holds and has used."""
        connections = self.server.eio.connections
        return {
            "connections": len(connections),
            "cpu_seconds": time.process_time(),
            "rss_bytes": resident_pages(os.getpid()) * PAGE_BYTES,
            "owed_bytes": sum(each.owed for each in connections.values()),
        }


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(prog="python -m bench.engine.server", description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--plain-asyncio", action="store_true", help="without uvloop")
    chosen = parser.parse_args()
    if not chosen.plain_asyncio:
        import uvloop

        uvloop.install()
    allow_many_files()
    app = BareServer(os.environ.get("JWT_ACCESS_SECRET", "")).app()
    web.run_app(app, host="127.0.0.1", port=chosen.port, print=None, access_log=None, backlog=4096)


if __name__ == "__main__":
    main()
