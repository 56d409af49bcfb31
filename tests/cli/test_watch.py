"""The client's half of the feed: every event once, in order, whatever happens to the server."""

import asyncio
import io
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access import PREFIX
from app.actions.end_sessions import end_session
from app.commands.command import CommandError
from app.commands.credentials import SEEN, Credentials, KeyCredentials, PersonCredentials
from app.commands.cursor import Cursor, Verdict
from app.commands.feed_lines import feed_line
from app.commands.output import painter
from app.commands.subscription import Subscription, delays
from app.models.entity import SessionId
from app.outside.mongod_process import free_port
from app.sockets.closing import TRY_LATER
from tests.cli.conftest import Call
from tests.desk import PASSWORD, Desk
from tests.waiting import until


@asynccontextmanager
async def watching(
    desk: Desk, who: Credentials | None = None
) -> AsyncIterator[tuple[Subscription, list[dict[str, Any]]]]:
    """Follow the desk's company; gives the subscription and what it heard."""
    heard: list[dict[str, Any]] = []
    subscription = Subscription(desk.http, desk.base, who or KeyCredentials(desk.key), heard.append)
    following = asyncio.create_task(subscription.follow())
    try:
        await until(lambda: subscription.cursor.seq is not None)
        yield subscription, heard
    finally:
        following.cancel()
        await asyncio.wait([following])


def seqs(heard: list[dict[str, Any]]) -> list[int]:
    return [event["seq"] for event in heard]


@pytest.mark.parametrize(
    ("cursor", "frame", "verdict"),
    [
        (Cursor(), (0, 1), Verdict.DROP),
        (Cursor("e", 4), (4, 5), Verdict.APPLY),
        (Cursor("e", 4), (2, 5), Verdict.APPLY),
        (Cursor("e", 4), (3, 4), Verdict.DROP),
        (Cursor("e", 4), (5, 6), Verdict.ASK),
    ],
)
def test_a_frame_is_applied_dropped_or_asked_for(cursor: Cursor, frame: tuple[int, int], verdict: Verdict) -> None:
    assert cursor.verdict(*frame) is verdict


@given(frames=st.lists(st.integers(1, 12), max_size=40))
def test_whatever_comes_twice_or_late_is_applied_once_and_in_order(frames: list[int]) -> None:
    cursor, applied = Cursor("e", 0), []
    for seq in frames:
        if cursor.verdict(seq - 1, seq) is Verdict.APPLY:
            cursor = cursor.moved(seq)
            applied.append(seq)
    assert applied == list(range(1, len(applied) + 1))


def test_it_comes_back_soon_and_then_every_three_seconds() -> None:
    waits = list(itertools.islice(delays(), 8))
    for wait, middle in zip(waits, (0.1, 0.2, 0.4, 0.8, 1.6, 3, 3, 3), strict=True):
        assert 0.75 * middle <= wait <= 1.25 * middle


async def test_frames_that_were_lost_are_asked_for(desk: Desk) -> None:
    async with watching(desk) as (subscription, heard):
        first = [(await desk.receive(f"message {number}"))["seq"] for number in range(3)]
        await until(lambda: len(heard) == 3)
        subscription.cursor = subscription.cursor.moved(first[0] - 1)  # as if none of them had come
        heard.clear()
        last = await desk.receive("and now")
        await until(lambda: len(heard) == 4)
        assert seqs(heard) == [*first, last["seq"]]


async def test_what_the_log_has_no_more_is_said_and_it_goes_on(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    async with watching(desk) as (subscription, heard):
        pruned = await desk.receive("pruned before it was read")
        await until(lambda: heard)
        feed = await desk.hub.journal.follow(desk.company.id)
        subscription.cursor, feed.floor = subscription.cursor.moved(0), pruned["seq"]
        await desk.receive("says that something is missing")
        await until(lambda: subscription.cursor.seq == pruned["seq"] + 1)
        last = await desk.receive("goes on")
        await until(lambda: seqs(heard) == [pruned["seq"], last["seq"]])
    assert "what followed seq 0 cannot be had any more (pruned)" in capsys.readouterr().err


async def test_a_restored_log_is_said_and_followed_in_its_new_epoch(desk: Desk) -> None:
    async with watching(desk) as (subscription, heard):
        await desk.hub.store.streams.new_epoch(desk.company.id, "restored", head=0)
        await until(lambda: subscription.cursor.epoch == "restored")
        await desk.receive()
        await until(lambda: len(heard) == 1)


async def test_a_person_whose_token_ran_out_takes_the_next_one_and_then_signs_in_again(desk: Desk) -> None:
    person = PersonCredentials(desk.http, desk.base, desk.email, PASSWORD)
    first = await person.proof()
    assert await person.proof() == first
    person._until = 0.0
    second = await person.proof()
    assert second != first
    session = desk.hub.tokens.read(second["token"]).session_id
    await end_session(desk.hub, SessionId(session))
    person._until = 0.0
    third = await person.proof()
    assert desk.hub.tokens.read(third["token"]).session_id != session


async def test_a_person_who_was_signed_out_signs_in_again_and_misses_nothing(desk: Desk) -> None:
    person = PersonCredentials(desk.http, desk.base, desk.email, PASSWORD)
    async with watching(desk, person) as (_, heard):
        token = (await person.proof())["token"]
        await end_session(desk.hub, SessionId(desk.hub.tokens.read(token).session_id))
        sent = [(await desk.receive(f"message {number}"))["seq"] for number in range(3)]
        await until(lambda: seqs(heard) == sent)
        assert (await person.proof())["token"] != token


async def test_a_key_that_is_revoked_ends_the_watch(desk: Desk) -> None:
    heard: list[dict[str, Any]] = []
    subscription = Subscription(desk.http, desk.base, KeyCredentials(desk.key), heard.append)
    following = asyncio.create_task(subscription.follow())
    await until(lambda: subscription.cursor.seq is not None)
    await desk.hub.store.api_keys.collection.update_many({}, {"$set": {"revoked_at": desk.hub.now()}})
    desk.hub.known.keys.forget(desk.key[:PREFIX])
    for connection in tuple(desk.sockets.engine.connections.values()):
        connection.close(TRY_LATER)
    with pytest.raises(CommandError, match="This API key is not valid"):
        await asyncio.wait_for(following, 5)


async def test_a_wrong_password_is_final(desk: Desk) -> None:
    with pytest.raises(CommandError, match="do not go together"):
        await PersonCredentials(desk.http, desk.base, desk.email, "wrong").proof()


async def test_a_key_that_may_not_read_the_feed_is_final(call: Call, desk: Desk) -> None:
    key = await desk.new_key("messages:read")
    done = await asyncio.to_thread(call, "watch", "--url", desk.base, "--key", key)
    assert (done.code, done.out) == (1, "")
    assert (
        done.err == SEEN.format("PARLEY_KEY") + "\nThe server does not let you watch: This needs the scope feed:read.\n"
    )


def test_a_server_that_was_never_there_is_a_sentence(call: Call) -> None:
    url = f"http://127.0.0.1:{free_port(None)}"
    done = call("watch", "--url", url, PARLEY_KEY="k")
    assert (done.code, done.err) == (1, f"{url} cannot be watched: no server answers there.\n")


def event(type: str, **more: Any) -> dict[str, Any]:
    conversation = {"id": "c" * 24, "contact_id": "a" * 24, "platform": "web", "status": "open", "unread_count": 2}
    known = {"seq": 42, "at": "2026-05-01T10:20:30.000000Z", "conversation_id": "c" * 24, "conversation": conversation}
    return {"type": type, **known, **more}


def message(**more: Any) -> dict[str, Any]:
    return {
        "contact_id": "a" * 24,
        "platform": "web",
        "role": "user",
        "content": "Hello",
        "attachments": [],
        "author": {"name": "Tom"},
        **more,
    }


PICTURE = {"type": "image", "url": "https://a/b.jpg", "file_description": None}
FAILED = {"state": "failed", "reason": "Gone."}
CHANNEL = {"platform": "telegram", "name": "Bot", "health": "broken", "health_reason": "No."}
LINES = [
    (event("message:new", message=message()), "web cccccc customer: Hello"),
    (event("message:new", message=message(role="operator")), "web cccccc Tom: Hello"),
    (event("message:new", message=message(role="assistant")), "web cccccc assistant: Hello"),
    (event("message:new", message=message(content="a\x1b[2J\nb\u202ec")), "web cccccc customer: a [2J b c"),
    (event("message:new", message=message(attachments=[PICTURE])), "customer: Hello [image: https://a/b.jpg]"),
    (event("message:new", message=message(content="x" * 300)), f"customer: {'x' * 200}…"),
    (event("message:updated", message=message()), "message:updated customer: Hello"),
    (
        event("message:status", message=message(role="operator", delivery=FAILED)),
        "message:status failed (Gone.) Tom: Hello",
    ),
    (event("message:status", state="read", up_to_seq=41), "web cccccc message:status read up to #41"),
    (
        event("channel:updated", conversation={}, conversation_id=None, channel=CHANNEL),
        "telegram channel:updated Bot: broken (No.)",
    ),
    (event("message:read", up_to_seq=41), "message:read up to #41"),
    (event("conversation:updated"), "conversation:updated open, 2 unread"),
    (event("contact:updated", conversation={}, contact={"id": "b" * 24, "name": "Ann"}), "contact:updated Ann"),
    (event("appointment:created", conversation={}, appointment={"id": "a7"}), "appointment:created a7"),
    (
        event(
            "message:new", conversation={"id": "c"}, message={"id": "m", "contactId": "b" * 24, "direction": "inbound"}
        ),
        "cccccc inbound: ",
    ),
]


@pytest.mark.parametrize(("said", "line"), LINES, ids=lambda case: str(case)[-30:])
def test_an_event_is_one_line(said: dict[str, Any], line: str) -> None:
    written = re.sub(" +", " ", feed_line(said, painter(io.StringIO())))
    assert re.match(r"\d\d:20:30 #42 ", written)
    assert written.endswith(line)


def test_a_terminal_gets_colours_unless_it_wants_none(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert painter(terminal)("green", "hello") == "\x1b[32mhello\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert painter(terminal)("green", "hello") == "hello"
