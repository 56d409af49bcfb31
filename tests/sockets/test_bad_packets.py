"""What is no packet ends the connection that said it, stores nothing, and leaves everyone else as they were."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio

from app.sockets.closing import CLIENT_LEFT, INVALID_TEXT, PROTOCOL_ERROR, TOO_LARGE, Closing
from tests.desk import Desk
from tests.sockets.wire import DOOR, Wire, admitted, token_of, wired
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.usefixtures("unmoved")]

DEEP = "[" * 5000 + "]" * 5000


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(house: Desk) -> Desk:
    """One company for all of these tests: nothing of what they send is stored."""
    return await house.neighbour("Acme")


@pytest_asyncio.fixture(loop_scope="session")
async def unmoved(desk: Desk) -> AsyncIterator[None]:
    """Whatever a test sends: nothing is stored, and somebody else still hears what happens next."""
    listener = await desk.listen()
    head = (await listener.ready())["head"]
    yield
    await desk.receive("Hello?")
    await until(lambda: listener.seqs == [head + 1])
    await listener.client.disconnect()


async def ended(wire: Wire) -> Closing:
    """Return why the server ended a connection."""
    code, reason = await wire.closed()
    return Closing(code, reason, come_back=code != CLIENT_LEFT.code)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "2",
        "2probe",
        "3probe",
        "5",
        "9",
        "hello",
        "4",
        "4x",
        "42",
        "42[]",
        '42["sync",{}]',
        "42/company,",
        "42/company,[]",
        "42/company,{}",
        "42/company,[7]",
        "42/company,[null]",
        '42/company,"sync"',
        '42/company,["message:send",{"conversation_id":"',
        '42/company,["sync",NaN]',
        '43/company,7["\\ud800"]',
        f'42/company,1["sync",{DEEP}]',
        f"42/company,{'1' * 101}[]",
        '42/conversation,["sync",{"since":0}]',
        '42/nobody,["sync",{"since":0}]',
        "43/company,[1]",
        "43/company,1{}",
        "44/company,{}",
        '451-/company,["sync",{"_placeholder":true,"num":0}]',
        '459999999999-/company,["sync"]',
        '461-/company,1["sync",{"_placeholder":true,"num":0}]',
        "47",
        "40/company,[]",
        '40/company,"x"',
        "40/company,{",
        '40/company,{"token":"again"}',
    ],
    ids=lambda text: text[:40],
)
async def test_a_packet_that_makes_no_sense_ends_the_connection(desk: Desk, text: str) -> None:
    async with admitted(desk) as wire:
        await wire.say(text)
        assert await ended(wire) == PROTOCOL_ERROR


@pytest.mark.parametrize(
    "text", ["42/company,[", "42", '42/company,["sync",{"since":0}]', "41/company,", "43/company,1[]"]
)
async def test_so_does_one_before_anything_was_connected(desk: Desk, text: str) -> None:
    async with wired(desk) as wire:
        await wire.say(text)
        assert await ended(wire) == PROTOCOL_ERROR


async def test_binary_is_never_taken(desk: Desk) -> None:
    async with admitted(desk) as wire:
        await wire.socket.send_bytes(b"\x00" * 10)
        assert await ended(wire) == PROTOCOL_ERROR


async def test_an_answer_that_nobody_asked_for_is_ignored(desk: Desk) -> None:
    async with admitted(desk) as wire:
        await wire.say("43/company,7[1]")
        assert (await wire.call("sync", {"epoch": await desk.epoch(), "since": 0}))["ok"]


@pytest.mark.parametrize("size", [64_001, 10 << 20])
async def test_a_frame_that_is_too_large_is_not_read(desk: Desk, size: int) -> None:
    closed_for = desk.sockets.engine.closed_for
    before = closed_for.get(TOO_LARGE.reason, 0)
    async with admitted(desk) as wire:
        with suppress(OSError):  # the server hangs up before it has all of it
            await wire.say('42/company,["message:send",{"content":"' + "x" * size + '"}]')
        await until(lambda: closed_for.get(TOO_LARGE.reason, 0) == before + 1)


async def test_the_largest_frame_is_read(desk: Desk) -> None:
    async with admitted(desk) as wire:
        ack = await wire.call("message:send", {"conversation_id": "a" * 24, "content": "x" * 63_000})
        assert ack["error"]["code"] == "validation_failed"


RAW: list[tuple[str, bytes, Closing]] = [
    ("text that is not UTF-8", b"\x81\x82\0\0\0\0\xff\xfe", INVALID_TEXT),
    ("a reserved bit", b"\xc1\x81\0\0\0\x002", PROTOCOL_ERROR),
    ("an unknown kind of frame", b"\x83\x80\0\0\0\0", PROTOCOL_ERROR),
    ("the rest of nothing", b"\x80\x81\0\0\0\x002", PROTOCOL_ERROR),
    ("a long control frame", b"\x89\xfe\x00\x7e\0\0\0\0" + b"x" * 126, PROTOCOL_ERROR),
    ("a frame of many gigabytes", b"\x81\xff\x00\x00\x00\x7f\xff\xff\xff\xff\0\0\0\0", TOO_LARGE),
]


@pytest.mark.parametrize(("raw", "why"), [pytest.param(raw, why, id=name) for name, raw, why in RAW])
async def test_a_frame_that_makes_no_sense_ends_the_connection(desk: Desk, raw: bytes, why: Closing) -> None:
    reader, writer = await shaken(desk)
    writer.write(raw)
    async with asyncio.timeout(5):
        said = await reader.read()
    assert said.endswith(why.code.to_bytes(2, "big") + why.reason.encode())
    writer.close()


@pytest.mark.parametrize("raw", [b"", b"\x81", b"\x81\xfe\x01", b'\x81\x9f\0\0\0\x0042/company,["sync'])
async def test_half_a_packet_is_forgotten_with_whoever_sent_it(desk: Desk, raw: bytes) -> None:
    before = len(desk.sockets.engine.connections)
    _, writer = await shaken(desk)
    assert len(desk.sockets.engine.connections) == before + 1
    writer.write(raw)
    writer.close()
    await until(lambda: len(desk.sockets.engine.connections) == before)


async def test_a_packet_may_come_in_pieces(desk: Desk) -> None:
    reader, writer = await shaken(desk)
    writer.write(b"\x01\x84\0\0\0\x0040/n" + b"\x89\x80\0\0\0\0" + b"\x80\x85\0\0\0\0obody")
    async with asyncio.timeout(5):
        assert await reader.readuntil(b'44/nobody,{"message":"Invalid namespace"')
    writer.close()


async def shaken(desk: Desk) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a bare connection and shake hands on a websocket."""
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.base.rsplit(":", 1)[1])
    key = os.urandom(12).hex()[:22] + "=="
    writer.write(
        f"GET {DOOR} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    async with asyncio.timeout(5):
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def test_a_goodbye_is_answered(desk: Desk) -> None:
    async with admitted(desk) as wire:
        await wire.say("1")
        assert await ended(wire) == CLIENT_LEFT
    async with admitted(desk) as wire:
        assert await wire.socket.close(code=1000)
        assert wire.socket.close_code == 1000


async def test_a_ping_of_the_websocket_is_answered(desk: Desk) -> None:
    reader, writer = await shaken(desk)
    writer.write(b"\x89\x83\0\0\0\0abc")
    async with asyncio.timeout(5):
        assert await reader.readuntil(b"\x8a\x03abc")
    writer.close()


async def test_an_event_behind_a_refused_connect_is_not_heard(desk: Desk) -> None:
    async with wired(desk) as wire:
        connection, server = desk.sockets.engine.connections[wire.hello["sid"]], desk.sockets.server
        server.eio.receive(connection, f'40/company,{{"token":"{token_of(desk, session_id="a" * 24)}"}}')
        while "/company" not in connection.members:
            await asyncio.sleep(0)
        server.eio.receive(connection, '42/company,1["sync",{"epoch":"e","since":0}]')
        assert await ended(wire) == PROTOCOL_ERROR


async def test_an_event_behind_a_goodbye_to_the_namespace_is_not_heard(desk: Desk) -> None:
    async with admitted(desk) as wire:
        connection, server = desk.sockets.engine.connections[wire.hello["sid"]], desk.sockets.server
        server.eio.receive(connection, "41/company,")
        server.eio.receive(connection, '42/company,1["sync",{"epoch":"e","since":0}]')
        assert (await wire.heard("43/company,1"))[0]["error"]["code"] == "unauthenticated"
