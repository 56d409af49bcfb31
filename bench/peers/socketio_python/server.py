"""python-socketio as shipped, on uvloop and aiohttp: the same small server as `socketio_node/server.js`.

Environment: PORT; JWT_ACCESS_SECRET (when set, the handshake must carry a valid token). Events: `echo`, `go`, `stats`.
"""

import asyncio
import itertools
import os
import time
from collections.abc import Mapping
from pathlib import Path

import jwt
import socketio
import uvloop
from aiohttp import web

ROOM = "company:bench"
SEQS = itertools.count(1)
SECRET = os.environ.get("JWT_ACCESS_SECRET", "")


def build_server() -> socketio.AsyncServer:
    """A Socket.IO server with every default of the library, except that it speaks websocket alone like its peers."""
    server = socketio.AsyncServer(async_mode="aiohttp", cors_allowed_origins="*", transports=["websocket"])

    async def connect(sid: str, environ: object, auth: Mapping[str, str] | None = None) -> None:
        if SECRET:
            check_token(auth or {})
        await server.enter_room(sid, ROOM)

    async def echo(sid: str, value: object) -> object:
        return value

    async def go(sid: str, order: Mapping[str, int]) -> dict[str, float]:
        started, cpu = time.monotonic(), time.process_time()
        await emit_all(server, order["n"], order["size"], order["burst"])
        spent = time.process_time() - cpu
        return {"events": order["n"], "seconds": time.monotonic() - started, "cpu_seconds": spent}

    async def stats(sid: str, nothing: object = None) -> dict[str, float]:
        cpu, memory = time.process_time(), resident_bytes()
        return {"connections": len(server.eio.sockets), "cpu_seconds": cpu, "rss_bytes": memory}

    for handler in (connect, echo, go, stats):
        server.on(handler.__name__, handler)
    return server


def check_token(auth: Mapping[str, str]) -> None:
    """Let a valid token pass, refuse every other."""
    try:
        jwt.decode(auth.get("token", ""), SECRET, algorithms=["HS256"])
    except jwt.InvalidTokenError as error:
        raise socketio.exceptions.ConnectionRefusedError("unauthenticated") from error


async def emit_all(server: socketio.AsyncServer, n: int, size: int, burst: int) -> None:
    """Emit `n` events of `size` characters to the room, `burst` of them in each turn of the loop."""
    data = "x" * size
    for sent in range(1, n + 1):
        await server.emit("message:new", {"type": "message:new", "seq": next(SEQS), "data": data}, room=ROOM)
        if sent % burst == 0:
            await asyncio.sleep(0)


def resident_bytes() -> int:
    """The memory of this process that is in RAM."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Serve until killed."""
    uvloop.install()
    app = web.Application()
    build_server().attach(app)
    port = int(os.environ.get("PORT", "4000"))
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None, backlog=4096)


if __name__ == "__main__":
    main()
