"""A client that sends more frames than anyone needs is cut off, whatever they are, and nobody else waits for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio

from app.sockets import engine, incoming
from app.sockets.closing import FLOODED, NO_CONNECT, PROTOCOL_ERROR, UNFINISHED, Closing
from app.sockets.engine import Engine
from app.sockets.incoming import MOST_AT_ONCE
from tests.desk import Desk, open_desk
from tests.sockets.scripted import masked, piped
from tests.sockets.test_faults import Peer, peer
from tests.sockets.wire import admitted
from tests.waiting import until

MANY = 20_000  # frames: ten times what is allowed at once

FRAMES: dict[str, bytes] = {
    "empty pings": masked(b"", 9),
    "empty pongs": masked(b"", 10),
    "pongs of Engine.IO": masked(b"3"),
    "empty continuations": masked(b"", 0, final=False),
    "connects to unknown namespaces": masked(b"40/nobody,"),
}
CONNECTS = {"connects without anything": masked(b"40/company,")}  # the second to what was joined ends the connection
PACKETS: dict[str, bytes] = {  # that end a connection which has joined nothing
    "acks of nothing": masked(b"43/company,7[1]"),
    "unknown events": masked(b'42/company,["nonsense"]'),
}


@pytest_asyncio.fixture
async def limited(mongo_uri: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A server with the limits that it has by itself."""
    async with open_desk(mongo_uri, tmp_path, RATE_LIMITS="on") as desk:
        yield desk


async def flood(desk: Desk, flooder: Peer, frames: bytes, why: Closing) -> None:
    """Send it all, while somebody else goes on; see the sender cut off for this."""
    closed_for = desk.sockets.engine.closed_for
    before = closed_for.get(why.reason, 0)
    async with admitted(desk) as other:
        flooder.writer.write(frames)
        assert (await other.call("presence:list", {}))["ok"]
        async with desk.http.get(f"{desk.base}/health/live") as answer:
            assert answer.status == 200
        await until(lambda: closed_for.get(why.reason, 0) == before + 1, within=30)
        assert (await other.call("presence:list", {}))["ok"]
    flooder.writer.transport.abort()


async def shaken(desk: Desk) -> Peer:
    """Return a websocket that has joined nothing."""
    flooder = await peer(desk, connect=False)
    async with asyncio.timeout(30):
        await flooder.reader.readuntil(b'"maxPayload"')
    return flooder


def begun(name: str) -> bytes:
    """Return what must come before these frames: continuations need something that they continue."""
    return masked(b"4", final=False) if name == "empty continuations" else b""


@pytest.mark.parametrize("name", [*FRAMES, *CONNECTS])
async def test_a_flood_of_frames_before_signing_in_is_cut_off(limited: Desk, name: str) -> None:
    await flood(limited, await shaken(limited), begun(name) + (FRAMES | CONNECTS)[name] * MANY, FLOODED)


@pytest.mark.parametrize("name", [*FRAMES, *PACKETS])
async def test_a_flood_of_frames_after_signing_in_is_cut_off(limited: Desk, name: str) -> None:
    flooder = await peer(limited)
    await flooder.until_ready()
    await flood(limited, flooder, begun(name) + (FRAMES | PACKETS)[name] * MANY, FLOODED)


@pytest.mark.parametrize("name", PACKETS)
async def test_packets_for_what_was_never_joined_are_cut_off_at_the_first(limited: Desk, name: str) -> None:
    await flood(limited, await shaken(limited), PACKETS[name] * MANY, PROTOCOL_ERROR)


async def test_frames_a_few_at_a_time_are_counted_together(limited: Desk) -> None:
    flooder = await shaken(limited)
    closed_for = limited.sockets.engine.closed_for
    with suppress(ConnectionError):
        for _ in range(MANY):
            flooder.writer.write(masked(b"3"))  # each read is one text: the short way in
            await flooder.writer.drain()
            await asyncio.sleep(0)
            if closed_for:
                break
    assert closed_for == {FLOODED.reason: 1}


async def test_events_in_three_frames_each_are_no_flood(limited: Desk) -> None:
    peer_ = await peer(limited)
    await peer_.until_ready()
    for number in range(100):  # as many as may come at once
        event = f'42/company,{number}["presence:list",{{}}]'.encode()
        peer_.writer.write(masked(event[:5], final=False) + masked(event[5:9], 0, final=False) + masked(event[9:], 0))
    async with asyncio.timeout(30):
        await peer_.reader.readuntil(b'43/company,99[{"ok":true')
    peer_.reset()


async def test_without_limits_a_flood_is_heard_in_turns_with_everyone_else() -> None:
    heard: list[object] = []
    server = Engine()
    server.receive = lambda _, said: heard.append(said)
    connection, _ = piped(server, "client")
    connection.data_received(masked(b"3") * 1000)
    turns = 0
    while len(heard) < 1000:
        before = len(heard)
        turns += 1
        await asyncio.sleep(0)
        assert len(heard) - before <= MOST_AT_ONCE
    assert turns >= 1000 // MOST_AT_ONCE
    assert connection._reader is None


async def test_without_limits_packets_that_wait_are_handled_in_turns_with_everyone_else() -> None:
    done = 0
    server = Engine()
    connection, _ = piped(server, "client")

    async def work() -> None:  # has nothing to wait for, and so gives nobody a turn
        nonlocal done
        done += 1

    server.receive = lambda *_: connection.run(work)
    connection.data_received(masked(b"3") * 1000)
    while done < 1000:
        before = done
        await asyncio.sleep(0)
        assert done - before <= 2 * MOST_AT_ONCE


async def test_what_waits_for_an_earlier_packet_is_not_heard_before_there_is_room() -> None:
    go, done, most = asyncio.Event(), 0, 0
    server = Engine()
    connection, pipe = piped(server, "client")

    async def work() -> None:
        nonlocal done
        await go.wait()
        done += 1

    def receive(_: object, said: object) -> None:
        nonlocal most
        connection.run(work)
        most = max(most, len(connection._queue or ()))

    server.receive = receive
    connection.data_received(masked(b"3") * 300 + masked(b"3")[:3])
    for _ in range(20):
        await asyncio.sleep(0)
    assert pipe.paused
    go.set()
    await until(lambda: done == 300)
    assert most <= 64
    assert not pipe.paused
    connection.data_received(masked(b"3")[3:])
    await until(lambda: done == 301)


@pytest.mark.parametrize(
    "half", [b"\x81", masked(b"x" * 300)[:7], masked(b"x" * 300)[:-1], masked(b"4", final=False), masked(b"", 9)[:3]]
)
async def test_a_message_that_is_never_finished_is_not_waited_for(
    limited: Desk, half: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "FINISH_WITHIN", 0.05)
    monkeypatch.setattr(engine, "FINISH_WITHIN", 0.05)
    dawdler = await peer(limited)
    await dawdler.until_ready()
    dawdler.writer.write(half)
    closed_for = limited.sockets.engine.closed_for
    await until(lambda: closed_for == {UNFINISHED.reason: 1}, within=30)


async def test_empty_frames_do_not_put_off_the_end_of_a_message() -> None:
    server = Engine()
    connection, _ = piped(server, "client")
    connection.data_received(masked(b"4", final=False))
    begun_at = connection.begun
    assert begun_at is not None
    assert connection.due <= begun_at + incoming.FINISH_WITHIN
    connection.data_received(masked(b"", 0, final=False) + masked(b"", 9) + masked(b"", 0, final=False)[:2])
    assert connection.begun == begun_at
    connection.opened = begun_at + incoming.FINISH_WITHIN
    server._look_after(connection, begun_at + incoming.FINISH_WITHIN)
    assert server.closed_for == {UNFINISHED.reason: 1}


async def test_who_has_joined_nothing_within_ten_seconds_is_closed_at_the_last_look_before() -> None:
    server = Engine()
    connection, _ = piped(server, "client")
    server._look_after(connection, 10.0 - engine.SWEEP)  # seconds after it was opened
    assert server.closed_for == {NO_CONNECT.reason: 1}


async def test_an_address_that_was_cut_off_may_come_again(limited: Desk) -> None:
    flooder = await shaken(limited)
    flooder.writer.write(masked(b"", 9) * MANY)
    await flooder.until_closed()
    async with admitted(limited) as again:
        assert (await again.call("presence:list", {}))["ok"]
