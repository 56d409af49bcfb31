"""Read the log from where a reader left off: the same pages over REST and over sockets."""

from dataclasses import dataclass

from app.errors import ResyncRequired
from app.hub import Hub
from app.journal.feed import Feed
from app.journal.ring import Page
from app.models.entity import CompanyId


@dataclass(frozen=True, slots=True)
class Changes:
    """Events in order, each with its type and its JSON.

    `head` is the last seq that they cover; `more` says to ask again from there.
    """

    epoch: str
    said: tuple[tuple[str, bytes], ...]
    head: int
    more: bool


async def read_changes(
    hub: Hub,
    company_id: CompanyId,
    *,
    epoch: str | None,
    since: int | None,
    conversation_id: str | None = None,
) -> Changes:
    """Return the page that follows `since`; without it nothing but the head. Raises ResyncRequired."""
    feed = await hub.journal.follow(company_id)
    if since is None:
        return Changes(feed.epoch, (), feed.position, more=False)
    # Without an epoch of its own the reader is taken to mean the present one, not one that comes meanwhile.
    page = await page_of(hub, feed, epoch=epoch or feed.epoch, since=since, conversation_id=conversation_id)
    return Changes(feed.epoch, tuple(page.said()), page.covered, more=page.covered < feed.position)


async def page_of(hub: Hub, feed: Feed, *, epoch: str, since: int, conversation_id: str | None) -> Page:
    """Return a page of a feed, once it is sure that nothing of it was pruned meanwhile. Raises ResyncRequired.

    What is in memory is whole; what comes from the log is judged by how far that is pruned after it was read.
    """
    await require_reach(hub, feed, epoch, since)
    if not feed.in_ring(since):
        await feed.look_back(since)
        await require_reach(hub, feed, epoch, since)
    if feed.in_ring(since):
        return feed.recent(since, conversation_id)
    page = await feed.logged(since, conversation_id)
    await require_reach(hub, feed, epoch, since)
    if conversation_id is None and (not page.events or page.events[0].seq != since + 1):
        raise _resync(feed, "pruned")
    return page


async def require_reach(hub: Hub, feed: Feed, epoch: str | None, since: int) -> None:
    """Return if one can resume from here; the reader may have come from a process that was ahead of this one."""
    reason = feed.reaches(epoch, since)
    if reason in ("epoch", "future"):
        await hub.journal.feeds.refresh_head(feed)
        reason = feed.reaches(epoch, since)
    if reason is not None:
        raise _resync(feed, reason)


def _resync(feed: Feed, reason: str) -> ResyncRequired:
    return ResyncRequired(reason=reason, head=feed.position, epoch=feed.epoch)
