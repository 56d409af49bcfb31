"""The feed over REST, for bots that cannot hold a socket."""

import asyncio
from typing import Any

import pytest

from app.actions.new_epoch import new_epoch
from tests.desk import Desk
from tests.handlers.asking import Refused, got, head_of, refusal_in
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def gone(desk: Desk, query: str) -> dict[str, Any]:
    """Ask for changes that cannot be given, and return the error."""
    if "epoch=" not in query:
        query += f"&epoch={await desk.epoch()}"
    status, answer = await desk.ask("GET", f"/changes?{query}")
    assert refusal_in(status, answer) == Refused(410, "resync_required")
    error: dict[str, Any] = answer["error"]
    return error


async def test_without_a_place_to_begin_only_the_head_is_said(desk: Desk) -> None:
    page = await got(desk, "/changes")
    assert (page["events"], page["next"], page["more"]) == ([], await head_of(desk), False)
    assert page["epoch"] == await desk.epoch()


async def test_a_seq_without_its_epoch_is_refused(desk: Desk) -> None:
    """After a restore the same seq may stand for another event: a reader would miss it without a sign."""
    status, answer = await desk.ask("GET", "/changes?since=0")
    assert refusal_in(status, answer) == Refused(422, "validation_failed", ("epoch",))
    assert "since" in answer["error"]["details"][0]["message"]


async def test_an_epoch_without_its_seq_is_refused(desk: Desk) -> None:
    """The end of the log would be a silent leap over all that the reader has not seen."""
    status, answer = await desk.ask("GET", f"/changes?epoch={await desk.epoch()}")
    assert refusal_in(status, answer) == Refused(422, "validation_failed", ("since",))


async def test_what_happened_since_is_said_in_order(desk: Desk) -> None:
    begin = await got(desk, "/changes")
    sent = [await desk.receive(words) for words in ("one", "two")]
    page = await got(desk, f"/changes?epoch={begin['epoch']}&since={begin['next']}")
    assert [(event["type"], event["prev"], event["seq"]) for event in page["events"]] == [
        ("message:new", begin["next"], begin["next"] + 1),
        ("message:new", begin["next"] + 1, begin["next"] + 2),
    ]
    assert [event["message"] for event in page["events"]] == sent
    assert (page["next"], page["head"], page["more"]) == (begin["next"] + 2, begin["next"] + 2, False)


async def test_an_event_carries_its_conversation_as_it_left_it(desk: Desk) -> None:
    message = await desk.receive()
    event = (await desk.changes())["events"][-1]
    assert (event["company_id"], event["conversation_id"]) == (desk.company.id, message["conversation_id"])
    assert (event["conversation"]["id"], event["conversation"]["unread_count"]) == (message["conversation_id"], 1)
    assert (event["conversation"]["version"], event["at"]) == (message["seq"], message["created_at"])


async def test_at_the_head_there_is_nothing_new(desk: Desk) -> None:
    page = await desk.changes(await head_of(desk))
    assert (page["events"], page["more"]) == ([], False)


async def test_a_long_absence_is_made_up_page_by_page(desk: Desk) -> None:
    await asyncio.gather(*(desk.receive("é" * 5000) for _ in range(60)))
    seqs, page = list[int](), dict[str, Any](next=0, more=True)
    while page["more"]:
        page = await desk.changes(page["next"])
        seqs += [event["seq"] for event in page["events"]]
        assert page["next"] == seqs[-1]
        assert len(page["events"]) < 60
    assert seqs == list(range(1, await head_of(desk) + 1))


async def test_a_seq_of_the_future_is_told_to_begin_anew(desk: Desk) -> None:
    head = await head_of(desk)
    error = await gone(desk, f"since={head + 1}")
    assert "has not come so far" in error["message"]
    assert (error["reason"], error["head"], error["retryable"]) == ("future", head, False)


async def test_a_seq_of_another_epoch_is_told_to_begin_anew(desk: Desk) -> None:
    error = await gone(desk, "since=0&epoch=an-older-one")
    assert "a new epoch" in error["message"]
    assert (error["reason"], error["head"]) == ("epoch", await head_of(desk))


async def test_a_restored_log_is_told_to_begin_anew(desk: Desk) -> None:
    before, feed = (await got(desk, "/changes"))["epoch"], await desk.hub.journal.follow(desk.company.id)
    await new_epoch(desk.hub, desk.company.id)
    await until(lambda: feed.epoch != before)  # each process looks once a second
    assert (await gone(desk, f"since=0&epoch={before}"))["reason"] == "epoch"


async def test_what_was_pruned_is_told_to_begin_anew(desk: Desk) -> None:
    for words in ("one", "two", "three"):
        await desk.receive(words)
    head = await head_of(desk)
    await desk.hub.store.streams.raise_floor(desk.company.id, head - 1)
    await desk.hub.store.events.delete_up_to(desk.company.id, head - 1)
    error = await gone(desk, "since=0")
    assert "no longer reaches back" in error["message"]
    assert (error["reason"], error["head"]) == ("pruned", head)
    assert (await gone(desk, f"since={head - 2}"))["reason"] == "pruned"
    assert [event["seq"] for event in (await desk.changes(head - 1))["events"]] == [head]
