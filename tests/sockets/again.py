"""The same company on another server: what a restart, or a second process, is to its clients."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from aiohttp import web

from app.main import HUB, SOCKETS, build_app
from tests.desk import Desk


@asynccontextmanager
async def elsewhere(desk: Desk, port: int = 0) -> AsyncIterator[Desk]:
    """Serve the desk's database on another port; its memory is empty, so it reads the log."""
    app = await build_app(desk.hub.settings, desk.uri)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield replace(desk, app=app, hub=app[HUB], base=f"http://127.0.0.1:{runner.addresses[0][1]}")
    finally:
        await app[SOCKETS].drain()
        await runner.cleanup()
