"""Build the application: open what is outside, mount the doors, close in reverse order."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from uuid import uuid4

from aiohttp import web

from app.handlers.answers import address_of, sealed
from app.handlers.cors import cors_for
from app.handlers.endpoint import endpoint
from app.handlers.front import front_page
from app.handlers.health import health_routes
from app.handlers.middlewares import middlewares
from app.handlers.reading import MOST_BODY
from app.handlers.routes import PREFIX, ROUTES
from app.handlers.webhooks import webhook_routes
from app.hub import Hub
from app.jobs.jobs import jobs_of
from app.jobs.outbox import Outbox
from app.jobs.scheduler import Scheduler
from app.jobs.signs import Signs
from app.journal.journal import Journal, nothing
from app.journal.writing import Probe
from app.outside.away import MongoWatch
from app.outside.clock import Clock
from app.outside.derived import Derived
from app.outside.doorbell import Doorbell
from app.outside.guesses import Guesses
from app.outside.limiter import Limiter
from app.outside.line import AT_MOST, Pace
from app.outside.origins import Origins
from app.outside.passwords import Passwords
from app.outside.refresh_tokens import RefreshTokens
from app.outside.security_log import SecurityLog
from app.outside.talk import Talk
from app.outside.tokens import Tokens
from app.outside.vault import Vault
from app.platforms.all import networks_for
from app.settings import Settings
from app.sockets.mount import Sockets
from app.stores.codec import new_id
from app.stores.database import connect, stores_in

HUB = web.AppKey("hub", Hub)
SOCKETS = web.AppKey("sockets", Sockets)
DRAIN = web.AppKey[Callable[[], Awaitable[None]]]("drain")

LEASE_FACTOR = 3  # of a platform's time to answer: a call that began in the first third has ended before the last


@asynccontextmanager
async def open_hub(settings: Settings, uri: str, probe: Probe = nothing) -> AsyncIterator[Hub]:
    """Open the database and the journal, for a server or for one command."""
    async with connect(settings, uri, MongoWatch()) as client, Clock(client) as clock:
        within = settings.platform_timeout.total_seconds()
        stores = stores_in(client, settings.database, lease=LEASE_FACTOR * within)
        await stores.create_indexes()
        url = settings.redis_url.get_secret_value() if settings.redis_url else None
        doorbell = Doorbell(url, settings.database, uuid4().hex)
        journal = Journal(stores, clock.now, probe, doorbell)
        assert settings.jwt_access_secret is not None  # completed before anything is built
        tokens = Tokens(settings.jwt_access_secret.get_secret_value(), settings.access_token_ttl, clock.now)
        limiter = Limiter(doorbell, on=settings.rate_limits)
        derived = Derived(key.get_secret_value() for key in settings.encryption_keys)
        talk, security = Talk(within=within), SecurityLog()
        await journal.start()
        doorbell.start()
        try:
            yield Hub(
                settings=settings,
                store=stores,
                journal=journal,
                tokens=tokens,
                refresh_tokens=RefreshTokens(derived),
                derived=derived,
                passwords=Passwords(settings.bcrypt_salt_rounds, AT_MOST if settings.rate_limits else math.inf),
                talk=talk,
                vault=Vault(key.get_secret_value() for key in settings.encryption_keys),
                networks=networks_for(settings),
                doorbell=doorbell,
                limiter=limiter,
                pace=Pace(limiter),
                guesses=Guesses(limiter, doorbell, security),
                security=security,
                now=clock.now,
                new_id=new_id,
            )
        finally:
            security.close()
            await talk.close()
            await journal.close()
            await doorbell.close()


async def build_app(settings: Settings, uri: str, probe: Probe = nothing) -> web.Application:
    """Return the application with everything open; its clean-up closes all of it."""
    async with AsyncExitStack() as opened:
        hub = await opened.enter_async_context(open_hub(settings, uri, probe))
        app = web.Application(client_max_size=MOST_BODY, middlewares=middlewares(hub))
        app.on_response_prepare.append(sealed)
        app[HUB] = hub
        origins = Origins(settings)
        app[SOCKETS] = Sockets(hub, lambda request: address_of(settings, request), origins)
        app.router.add_get("/", front_page(settings))
        app.router.add_routes(health_routes(hub))
        app.router.add_routes(webhook_routes(hub))
        app.router.add_route("*", "/socket.io/", app[SOCKETS].engine.handle_request)
        _mount_api(app, hub, origins)
        app[SOCKETS].start()
        outbox = Outbox(hub)
        outbox.start()
        opened.push_async_callback(outbox.close)
        signs = Signs(hub)
        signs.start()
        opened.push_async_callback(signs.close)
        opened.push_async_callback(app[SOCKETS].close)
        scheduler = Scheduler(hub, jobs_of(hub, outbox))
        scheduler.start()
        opened.push_async_callback(scheduler.close)
        everything = opened.pop_all()  # from here on it is the application's to close

    async def close(_: web.Application) -> None:
        await everything.aclose()

    drain: Callable[[], Awaitable[None]] = partial(_drain, app, outbox, scheduler)
    app[DRAIN] = drain
    app.on_cleanup.append(close)
    return app


async def _drain(app: web.Application, outbox: Outbox, scheduler: Scheduler) -> None:
    """Begin nothing new, end what has begun, send the sockets away: all of it at once, within 12 s."""
    app[HUB].drain.begin()
    await asyncio.gather(outbox.close(), scheduler.close(), app[SOCKETS].drain())


def _mount_api(app: web.Application, hub: Hub, origins: Origins) -> None:
    """Mount every route, open to the pages of known origins."""
    cors = cors_for(app, origins)
    for route in ROUTES:
        cors.add(app.router.add_route(route.method, PREFIX + route.path, endpoint(hub, route)))
