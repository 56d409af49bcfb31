"""Find out whether this process should be sent clients."""

import asyncio

from app.errors import Draining, Unavailable
from app.hub import Hub

PATIENCE = 2.0  # seconds that a probe waits for the database


async def check_health(hub: Hub) -> None:
    """Return if all is well. Raises Draining while stopping, Unavailable while the database is away."""
    if hub.drain.begun:
        raise Draining
    try:
        async with asyncio.timeout(PATIENCE):
            await hub.store.ping()
    except TimeoutError:
        raise Unavailable from None
