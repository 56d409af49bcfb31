"""Send everyone away, to come back to another process: told first, then closed a batch at a time.

Closing the transport is what makes an official client come back by itself, after a pause of its own with jitter. Who
listens to `server:drain {reconnect_in}` knows it beforehand, and when to come.
"""

import asyncio
import random
from collections.abc import Collection, Iterable

from app.models.wire import to_json
from app.sockets.closing import RESTARTING
from app.sockets.connection import Connection
from app.sockets.frames import event_frame

BATCH = 100  # connections at least, and
PAUSE = 0.05  # seconds between two: 2 000 a second, which is what one process lets in again
MOST_BATCHES = 80  # with more than 8 000 connections they are larger: all must be told within 4 s
BUSY = 5.0  # seconds that a client's own requests have to end
AT_MOST = 5000  # ms to which the returns of many are spread


async def send_away(connections: Collection[Connection]) -> None:
    """Tell these connections, then close them; those with something under way last, once it has ended."""
    for connection in connections:
        _tell(connection, spread=min(AT_MOST, len(connections)))
    await _close([each for each in connections if not each.busy])
    loop = asyncio.get_running_loop()
    patience = loop.time() + BUSY
    while any(each.busy for each in connections) and loop.time() < patience:
        await asyncio.sleep(PAUSE)
        await _close([each for each in connections if not each.busy])
    await _close(connections)


def _tell(connection: Connection, *, spread: int) -> None:
    """Say in how many milliseconds after the end it should come back: any within the spread."""
    said = to_json({"type": "server:drain", "reconnect_in": random.randint(0, spread)})
    for namespace, member in connection.members.items():
        if member.joined:
            connection.push(event_frame(namespace, "server:drain", said))


async def _close(connections: Iterable[Connection]) -> None:
    open_still = [each for each in connections if not each.closed]
    batch = max(BATCH, len(open_still) // MOST_BATCHES)
    for place, connection in enumerate(open_still, 1):
        connection.close(RESTARTING)
        if place % batch == 0:
            await asyncio.sleep(PAUSE)
