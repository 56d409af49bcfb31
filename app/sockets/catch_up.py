"""Bring a client up to date: pages of what it missed as ordinary events, then the room, with nothing between."""

from collections.abc import Callable
from dataclasses import dataclass

from app.actions.read_changes import page_of
from app.errors import ResyncRequired
from app.hub import Hub
from app.journal.feed import Feed
from app.sockets.connection import Connection
from app.sockets.frames import event_frame
from app.sockets.live import Audience

MOST_OWED = 256 << 10  # bytes that a client may owe us to read before its next page is fetched


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """Where a client stands now; `reason` says why it could not resume and must load its state anew."""

    head: int
    resumed: bool
    reason: str | None = None


async def catch_up(
    hub: Hub,
    connection: Connection,
    namespace: str,
    audience: Audience,
    *,
    epoch: str | None,
    since: int | None,
    conversation_id: str | None,
    join: Callable[[], None],
) -> CaughtUp | None:
    """Say what a client missed, and join it to its room; None when it went away meanwhile.

    The client joins in the same step in which its cursor equals the feed's position: no await between, so nothing is
    missed and nothing is said twice. What it needs in memory is a page.
    """
    feed, cursor = audience.feed, since
    while cursor is not None:
        reason = feed.reaches(epoch, cursor)
        if reason is not None:
            join()
            return CaughtUp(feed.position, resumed=False, reason=reason)
        if cursor == feed.position:
            break
        if not await connection.drained(MOST_OWED):
            return None
        cursor = await _say_page(hub, connection, namespace, feed, epoch, cursor, conversation_id)
    if connection.closed:
        return None
    join()
    return CaughtUp(feed.position, resumed=cursor is not None)


async def _say_page(
    hub: Hub,
    connection: Connection,
    namespace: str,
    feed: Feed,
    epoch: str | None,
    since: int,
    conversation_id: str | None,
) -> int:
    """Say one page and return the seq that it covers: the same one when the log does not reach back so far."""
    try:
        page = await page_of(hub, feed, epoch=epoch, since=since, conversation_id=conversation_id)
    except ResyncRequired:
        return since  # the next look at the feed's reach says why
    for kind, event in page.said:
        connection.push(event_frame(namespace, kind, event))
    return page.head
