"""aiohttp's server and runner with our protocol: what serves the app in a process, and in each test."""

import asyncio

from aiohttp import web

from app.handlers.crowd import Crowd
from app.handlers.protocol import Deadlines, Protocol
from app.handlers.reading import Leftovers
from app.settings import Settings

# Longer than the usual proxies keep an idle connection (60 s): the side that sends must be the one that closes it.
KEEPALIVE = 75.0
READ = 64 << 10  # bytes of a body that may wait to be read: aiohttp would hold half a megabyte of each stranger's


class Server(web.Server):
    """Makes a protocol for each connection, and looks at all of them once a second."""

    def __init__(self, app_server: web.Server, settings: Settings, deadlines: Deadlines) -> None:
        super().__init__(app_server.request_handler, request_factory=app_server.request_factory)
        self.crowd = Crowd(settings)
        self.leftovers = Leftovers(deadlines.header)
        self._deadlines = deadlines
        self._looking: asyncio.TimerHandle | None = None

    def __call__(self) -> Protocol:
        """Return the protocol of a connection that is about to be accepted.

        A body stays as it came: aiohttp would inflate it in the loop, where nobody has asked for it too.
        """
        return Protocol(
            self,
            loop=self._loop,
            keepalive_timeout=KEEPALIVE,
            access_log=None,
            auto_decompress=False,
            lingering_time=0,  # our `leftovers` do that
            read_bufsize=READ,
        )

    def start(self) -> None:
        """Begin to look."""
        self._looking = self._loop.call_later(self._deadlines.pace, self._look)

    def stop(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()

    def _look(self) -> None:
        self.start()
        now = self._loop.time()
        self.crowd.tell(now)
        for protocol, transport in tuple(self._connections.items()):
            assert isinstance(protocol, Protocol)
            protocol.look(transport, now, self._deadlines)


class Runner(web.AppRunner):
    """Serves an app through such a server."""

    def __init__(
        self, app: web.Application, settings: Settings, *, shutdown_timeout: float, deadlines: Deadlines | None = None
    ) -> None:
        super().__init__(app, access_log=None, shutdown_timeout=shutdown_timeout)
        self._settings = settings
        self._deadlines = deadlines or Deadlines()

    async def _make_server(self) -> Server:
        server = Server(await super()._make_server(), self._settings, self._deadlines)
        server.start()
        return server

    async def _cleanup_server(self) -> None:
        if isinstance(self._server, Server):
            self._server.stop()
        await super()._cleanup_server()
