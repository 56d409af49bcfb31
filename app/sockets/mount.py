"""Put the sockets together: engine, server, namespaces, and the live feed behind them."""

from collections.abc import Callable

from aiohttp import web

from app.hub import Hub
from app.outside.origins import Origins
from app.settings import Settings
from app.sockets import company, conversation
from app.sockets.drain import send_away
from app.sockets.engine import Engine
from app.sockets.limits import Limits, Turnstile
from app.sockets.live import COMPANY, CONVERSATION, Live
from app.sockets.reviews import Reviews
from app.sockets.server import SocketServer


def limits_of(settings: Settings) -> Limits | None:
    """Return the limits of the settings; RATE_LIMITS=off lifts them all."""
    if not settings.rate_limits:
        return None
    return Limits(
        per_user=settings.sockets_per_user,
        per_address=settings.sockets_per_address,
        per_company=settings.sockets_per_company,
        rooms=settings.socket_rooms,
        events_per_second=settings.socket_events_per_second,
    )


class Sockets:
    """The Socket.IO door of this process."""

    def __init__(self, hub: Hub, address_of: Callable[[web.Request], str], origins: Origins) -> None:
        settings = hub.settings
        self.server = SocketServer(
            ping_interval=settings.ping_interval.total_seconds(),
            ping_timeout=settings.ping_timeout.total_seconds(),
            max_frame=settings.socket_max_frame_bytes,
            max_owed=settings.socket_max_owed_bytes,
            allows_origin=origins.allow,
            address_of=address_of,
            turnstile=Turnstile(limits_of(settings), hub.doorbell),
        )
        self.engine: Engine = self.server.eio
        self.live = Live(hub, self.server.manager, self.engine.connections)
        self.reviews = Reviews(hub, self.engine.connections)
        for namespace in (
            company.CompanyNamespace(COMPANY, hub, self.live, self.engine.turnstile, company.EVENTS),
            conversation.ConversationNamespace(
                CONVERSATION, hub, self.live, self.engine.turnstile, conversation.EVENTS
            ),
        ):
            self.server.register_namespace(namespace)

    def start(self) -> None:
        """Begin to beat, and to look whose access has ended."""
        self.live.start()
        self.reviews.start()

    async def drain(self) -> None:
        """Let nobody in, and send away who is here."""
        self.engine.draining = True
        await send_away(tuple(self.engine.connections.values()))

    async def close(self) -> None:
        """End what is left."""
        await self.drain()
        self.live.stop()
        self.reviews.stop()
        await self.engine.shutdown()
