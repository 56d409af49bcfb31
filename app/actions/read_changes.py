"""Read the log from where a reader left off: the same pages over REST and over sockets."""

from dataclasses import dataclass
from typing import Any

import orjson

from app.errors import Invalid, ResyncRequired
from app.hub import Hub
from app.journal.feed import Feed
from app.journal.ring import Page
from app.models.entity import CompanyId


@dataclass(frozen=True, slots=True)
class Changes:
    """Events in order, each with its type and its JSON.

    `next` is the last seq that they cover: the `since` to ask with again, at once while `more` is true.
    """

    epoch: str
    said: tuple[tuple[str, bytes], ...]
    next: int
    more: bool

    def view(self) -> dict[str, Any]:
        """Return the page as clients read it, over REST and in acks; `head` is the older name of `next`."""
        events = [orjson.Fragment(event) for _, event in self.said]
        return {"epoch": self.epoch, "events": events, "next": self.next, "head": self.next, "more": self.more}


async def read_changes(
    hub: Hub,
    company_id: CompanyId,
    *,
    epoch: str | None,
    since: int | None,
    conversation_id: str | None = None,
) -> Changes:
    """Return the page that follows the cursor `(epoch, since)`; without one, the cursor to begin with.

    Raises ResyncRequired, and Invalid for half a cursor.
    """
    feed = await hub.journal.follow(company_id)
    if since is None:
        if epoch is not None:  # "where the log ends" would pass over all that this reader has not seen
            raise Invalid.of("since", "Send the seq that came with this epoch, or leave both out.")
        return Changes(feed.epoch, (), feed.position, more=False)
    if epoch is None:  # after a restore the same number may stand for another event
        raise Invalid.of("epoch", "Send the epoch that came with this cursor, beside since.")
    page = await page_of(hub, feed, epoch=epoch, since=since, conversation_id=conversation_id)
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
        raise resync_of(feed, "pruned")
    return page


async def require_reach(hub: Hub, feed: Feed, epoch: str, since: int) -> None:
    """Return if one can resume from here; the reader may have come from a process that was ahead of this one."""
    reason = feed.reaches(epoch, since)
    if reason in ("epoch", "future"):
        await hub.journal.feeds.refresh_head(feed)
        reason = feed.reaches(epoch, since)
    if reason is not None:
        raise resync_of(feed, reason)


def resync_of(feed: Feed, reason: str) -> ResyncRequired:
    """Return the refusal of a cursor, with the one to begin anew from."""
    return ResyncRequired.because(reason, head=feed.position, epoch=feed.epoch)
