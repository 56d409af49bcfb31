"""The fake platforms' one HTTP server: routes to the platform plane and to the control plane."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.fake_platforms.answers import answer
from tests.fake_platforms.control import Control
from tests.fake_platforms.planes import Planes
from tests.fake_platforms.sending import Sending
from tests.fake_platforms.state import State
from tests.fake_platforms.webhooks import Webhooks


class FakePlatforms:
    """The platforms, and what they know; `base` is the address once it is served."""

    def __init__(self, *, webhooks: str | None = None, app_secret: str = "app-secret") -> None:
        self.state = State()
        self.webhooks = Webhooks(self.state, webhooks, app_secret)
        self.app_secret = app_secret
        self.base = ""

    def app(self) -> web.Application:
        """Return the application."""
        planes = Planes(self.state, Sending(self.state, self.webhooks), self.app_secret)
        app = web.Application(client_max_size=1 << 24)
        app.add_routes([*Control(self.state, self.webhooks).routes(), *planes.routes()])
        app.router.add_route("*", "/{rest:.*}", _unknown)
        return app


async def _unknown(request: web.Request) -> web.Response:
    body: dict[str, Any] = {
        "error": {"message": f"Unknown path {request.path}", "type": "GraphMethodException", "code": 100}
    }
    return answer(body, 404)


@asynccontextmanager
async def serving_platforms(
    *, port: int = 0, webhooks: str | None = None, app_secret: str = "app-secret"
) -> AsyncIterator[FakePlatforms]:
    """Serve them on loopback for as long as the block."""
    fake = FakePlatforms(webhooks=webhooks, app_secret=app_secret)
    runner = web.AppRunner(fake.app(), access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    fake.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield fake
    finally:
        await runner.cleanup()
