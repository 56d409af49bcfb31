"""A feed hears one epoch after the other: nothing of one that has ended, or of one it was not told of yet."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from app.access import caller_with_key
from app.actions.new_epoch import new_epoch
from app.actions.read_changes import read_changes
from app.actions.send_message import send_message
from app.errors import Unavailable
from app.journal.carried import packed
from app.journal.change import Recorded
from app.journal.feed import Feed
from app.journal.log import Log
from app.main import open_hub
from app.models.company import Stream
from app.models.entity import CompanyId
from app.stores.codec import new_id
from app.stores.log import Streams
from tests.desk import Desk
from tests.journal.test_journal import inbound
from tests.journal.test_trouble import Kept, event
from tests.waiting import until


class Late(Kept):
    """A log whose answer is late."""

    def __init__(self, company_id: CompanyId) -> None:
        super().__init__([event(company_id, seq) for seq in range(1, 4)])
        self.go = asyncio.Event()

    async def after(self, since: int, until: int, conversation_id: str | None = None) -> list[Recorded]:
        found = await super().after(since, until, conversation_id)
        await self.go.wait()
        return found


def followed(feed: Feed) -> list[str | int]:
    """Return the list in which the feed's resets and seqs are noted."""
    heard: list[str | int] = []
    feed.listeners.append(lambda each: heard.append(each.seq))
    feed.on_reset.append(lambda: heard.append("reset"))
    return heard


async def test_what_was_read_before_the_stream_began_anew_is_not_heard() -> None:
    company = CompanyId(new_id())
    log = Late(company)
    feed = Feed(Stream(id=company, epoch="old"), log)
    heard = followed(feed)
    feed.reach(3)
    await until(lambda: log.asked)
    feed.poll(Stream(id=company, epoch="new"))
    log.go.set()
    await feed.reached(0)
    assert feed._filling is not None
    await feed._filling
    assert (heard, feed.position) == (["reset"], 0)


async def test_a_look_that_began_in_an_epoch_that_has_ended_is_not_believed() -> None:
    company = CompanyId(new_id())
    old, new = Stream(id=company, epoch="old", head=5), Stream(id=company, epoch="new", head=3)
    feed = Feed(old, Kept())
    heard, began = followed(feed), feed.resets
    feed.poll(new, feed.resets)
    feed.poll(old, began)
    assert (feed.epoch, feed.position, heard) == ("new", 3, ["reset"])
    feed.poll(Stream(id=company, epoch="newest", head=4), feed.resets)
    assert (feed.epoch, feed.position, heard) == ("newest", 4, ["reset", "reset"])


async def test_what_is_known_to_be_gone_is_not_back_by_an_older_answer() -> None:
    company = CompanyId(new_id())
    feed = Feed(Stream(id=company, epoch="one", head=9, floor=5), Kept())
    feed.poll(Stream(id=company, epoch="one", head=9, floor=3))
    assert (feed.floor, feed.reaches("one", 4)) == (5, "pruned")
    feed.poll(Stream(id=company, epoch="two", head=9, floor=3))
    assert (feed.floor, feed.reaches("two", 4)) == (3, None)


async def test_a_page_from_the_log_holds_one_conversations_events_alone(desk: Desk) -> None:
    threads = [(await desk.receive(platform=platform))["conversation_id"] for platform in ("web", "telegram")]
    for platform in ("web", "telegram", "web"):
        await desk.receive(platform=platform)
    feed = await desk.hub.journal.follow(desk.company.id)
    whole = [*(await feed.logged(0)).events]
    for thread in threads:
        page = await feed.logged(0, thread)
        assert page.events == tuple(each for each in whole if each.conversation_id == thread) != ()
        assert page.covered == feed.position
    asked = [(0, None), (0, threads[0]), (0, threads[1]), (2, None), (0, None)]
    pages = await asyncio.gather(*(feed.logged(since, thread) for since, thread in asked))
    assert [each.events for each in pages] == [(await feed.logged(since, thread)).events for since, thread in asked]


class Held:
    """Looks at the heads whose answers wait."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answered = 0
        self.go = asyncio.Event()
        real: Callable[..., Any] = Streams.of

        async def late(streams: Streams, ids: Any) -> list[Stream]:
            found: list[Stream] = await real(streams, ids)
            self.answered += 1
            await self.go.wait()
            return found

        monkeypatch.setattr(Streams, "of", late)


async def test_listeners_are_told_once_of_a_new_epoch_whatever_look_was_under_way(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    feeds, feed = desk.hub.journal.feeds, await desk.hub.journal.follow(desk.company.id)
    heard, held, before = followed(feed), Held(monkeypatch), feed.epoch
    looking = asyncio.create_task(feeds._poll())
    await until(lambda: held.answered)
    await new_epoch(desk.hub, desk.company.id)
    await feeds.refresh_head(feed)
    held.go.set()
    await looking
    assert feed.epoch != before
    assert heard == ["reset"]


async def test_an_own_event_of_a_new_epoch_is_not_heard_before_the_epoch(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = await caller_with_key(desk.hub, desk.key)
    feed = await desk.hub.journal.follow(desk.company.id)
    heard, held = followed(feed), Held(monkeypatch)
    await until(lambda: held.answered)  # the one look that goes on by itself
    await new_epoch(desk.hub, desk.company.id)
    await send_message(desk.hub, caller, inbound(desk))
    assert heard == []
    held.go.set()
    await until(lambda: heard)
    assert heard == ["reset"]
    sent = await send_message(desk.hub, caller, inbound(desk))
    assert heard == ["reset", sent.message["seq"]]


async def test_an_event_of_another_epoch_is_not_heard_from_another_process(desk: Desk) -> None:
    feeds, feed = desk.hub.journal.feeds, await desk.hub.journal.follow(desk.company.id)
    heard, begun = followed(feed), feed.position
    following = [event(desk.company.id, begun + 1)]
    feeds._hear("another", desk.company.id, packed("an-older-one", following))
    assert (heard, feed.position) == ([], begun)
    feeds._hear("another", desk.company.id, packed(feed.epoch, following))
    assert (heard, feed.position) == ([begun + 1], begun + 1)


async def test_who_is_ahead_hears_that_the_log_cannot_be_read_and_not_that_they_come_from_the_future(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = await desk.hub.journal.follow(desk.company.id)

    async def away(*_: Any) -> list[Recorded]:
        raise AutoReconnect("away")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Log, "after", away)
        async with open_hub(desk.hub.settings, desk.uri) as other:
            ahead = await send_message(other, await caller_with_key(other, desk.key), inbound(desk))
        since = ahead.message["seq"]
        with pytest.raises(Unavailable):
            await read_changes(desk.hub, desk.company.id, epoch=feed.epoch, since=since)
    page = await read_changes(desk.hub, desk.company.id, epoch=feed.epoch, since=since)
    assert page.said == ()
