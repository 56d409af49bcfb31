"""Peers that stall, dawdle, flood, break off or talk nonsense leave everything where it was, and harm no other."""

import asyncio
import gc
import json
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from app.sockets.frames import frame
from tests.desk import Desk, open_desk
from tests.follower import Follower
from tests.waiting import until

HANDSHAKE = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: parley\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def masked(payload: bytes, first: int = 0x81) -> bytes:
    """Return a client's frame, masked with zeros."""
    size = len(payload)
    if size < 126:
        return bytes((first, 0x80 | size)) + bytes(4) + payload
    if size < 1 << 16:
        return struct.pack("!BBH", first, 0xFE, size) + bytes(4) + payload
    return struct.pack("!BBQ", first, 0xFF, size) + bytes(4) + payload


@dataclass
class Peer:
    """A TCP connection that has asked to be let into /company."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def until_ready(self) -> None:
        """Read until the server says that this client is up to date."""
        async with asyncio.timeout(30):
            await self.reader.readuntil(b"sync:ready")

    async def until_closed(self) -> None:
        """Read until the server ends the connection."""
        async with asyncio.timeout(30):
            try:
                while await self.reader.read(1 << 16):
                    pass
            except ConnectionError:
                pass

    def reset(self) -> None:
        """Break off without a word: the kernel sends RST."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@pytest_asyncio.fixture
async def sturdy(mongo_uri: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(mongo_uri, tmp_path, SOCKET_MAX_OWED_BYTES="300000") as desk:
        yield desk


async def peer(desk: Desk, *, buffer: int | None = None, connect: bool = True) -> Peer:
    """Connect; with a small `buffer` the kernel holds back soon what is not read."""
    link = socket.socket()
    if buffer:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    link.setblocking(False)
    await asyncio.get_running_loop().sock_connect(link, ("127.0.0.1", int(desk.base.rsplit(":", 1)[1])))
    reader, writer = await asyncio.open_connection(sock=link, limit=buffer or 1 << 16)
    auth = json.dumps({"api_key": desk.key})
    writer.write(HANDSHAKE)
    if connect:
        async with asyncio.timeout(60):
            await reader.readuntil(b'"maxPayload"')
        writer.write(masked(f"40/company,{auth}".encode()))
    return Peer(reader, writer)


async def clean(desk: Desk) -> None:
    """Wait until no connection, member, room, counter or task of a socket is left."""
    sockets = desk.sockets
    await until(lambda: not sockets.engine.connections, within=20)
    rooms = sockets.server.manager
    assert (rooms._members, rooms._inside, sockets.live._audiences) == ({}, {}, {})
    assert not sockets.engine.turnstile._counted
    await until(lambda: not [name for name in task_names() if name.startswith(("socket-", "catch-up-"))])


def task_names() -> set[str]:
    """Return the names of the tasks under way, the one sweep left out."""
    return {task.get_name() for task in asyncio.all_tasks()} - {"socket-sweep"}


async def say_much(desk: Desk, follower: Follower, messages: int) -> None:
    """Store so many messages of 5 kB, and see them arrive where they are read."""
    conversation = (await desk.receive())["conversation_id"]
    body = {"conversation_id": conversation, "role": "assistant", "content": "x" * 5000}
    for _ in range(messages // 10):
        await asyncio.gather(*(desk.post("/messages", body) for _ in range(10)))
    stream = await desk.hub.store.streams.get(desk.company.id)
    assert stream is not None
    await follower.reach(stream.head)


async def test_peers_that_never_read_are_cut_off_and_the_others_miss_nothing(sturdy: Desk) -> None:
    stuck = [await peer(sturdy, buffer=4096) for _ in range(20)]
    for each in stuck:
        await each.until_ready()
    follower = Follower(sturdy.base, {"token": sturdy.token}, sturdy.http)
    await follower.connect()
    most_owed = 0

    async def watch() -> None:
        nonlocal most_owed
        while len(sturdy.sockets.engine.connections) > 1:
            most_owed = max(most_owed, *(each.owed for each in sturdy.sockets.engine.connections.values()))
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    await say_much(sturdy, follower, 1200)
    await until(lambda: len(sturdy.sockets.engine.connections) == 1, within=20)
    await watching
    assert sturdy.sockets.engine.closed_for["too much waited to be read"] == 20
    assert most_owed < 300_000 + (1 << 20), "the limit, and what one tick may add to it"
    assert follower.seqs == list(range(follower.seqs[0], follower.seqs[0] + len(follower.seqs)))
    assert follower.gaps == 0
    await follower.cut()
    for each in stuck:
        each.reset()
    await clean(sturdy)


async def test_a_slow_reader_that_keeps_reading_is_kept(sturdy: Desk) -> None:
    slow = await peer(sturdy, buffer=16_384)
    await slow.until_ready()
    follower = Follower(sturdy.base, {"token": sturdy.token}, sturdy.http)
    await follower.connect()
    writing = asyncio.create_task(say_much(sturdy, follower, 100))
    taken = 0
    while taken < 100 * 5000:
        taken += len(await asyncio.wait_for(slow.reader.read(4096), 10))
        await asyncio.sleep(0.001)
    await writing
    assert len(sturdy.sockets.engine.connections) == 2
    slow.reset()
    await follower.cut()
    await clean(sturdy)


NONSENSE: dict[str, bytes] = {
    "a giant frame": struct.pack("!BBQ", 0x81, 0xFF, 10 << 20) + bytes(4) + b"4" * 100_000,
    "a length beyond any memory": struct.pack("!BBQ", 0x81, 0xFF, 1 << 62) + bytes(4),
    "fragments that grow for ever": masked(b"42/company,[", 0x01) + masked(b"x" * 60_000, 0x00) * 3,
    "a continuation of nothing": masked(b"2", 0x80),
    "invalid UTF-8": masked(b"42/company,[\xff\xfe]"),
    "a reserved opcode": masked(b"2", 0x83),
    "a reserved bit": masked(b"2", 0xC1),
    "a binary frame": masked(b"\x00\x01", 0x82),
    "an unmasked frame": frame(b"3"),
    "a ping that is too long": masked(b"x" * 200, 0x89),
    "a fragmented ping": masked(b"x", 0x09),
    "half JSON": masked(b'42/company,["message:send",{'),
    "an unknown packet type": masked(b"49/company,[]"),
    "an Engine.IO upgrade": masked(b"2probe"),
}


@pytest.mark.parametrize("sent", NONSENSE.values(), ids=NONSENSE.keys())
async def test_nonsense_ends_the_connection_and_nothing_else(sturdy: Desk, sent: bytes) -> None:
    other = Follower(sturdy.base, {"token": sturdy.token}, sturdy.http)
    await other.connect()
    speaker = await peer(sturdy)
    await speaker.until_ready()
    speaker.writer.write(sent)
    await speaker.until_closed()
    speaker.writer.close()
    seq = (await sturdy.receive())["seq"]
    await other.reach(seq)
    await other.cut()
    await clean(sturdy)


async def test_a_text_in_fragments_is_one_text(sturdy: Desk) -> None:
    speaker = await peer(sturdy)
    await speaker.until_ready()
    event = b'42/company,7["presence:list",{}]'
    speaker.writer.write(masked(event[:9], 0x01))
    speaker.writer.write(masked(b"between", 0x89))
    speaker.writer.write(masked(event[9:20], 0x00) + masked(event[20:], 0x80))
    async with asyncio.timeout(5):
        await speaker.reader.readuntil(b'43/company,7[{"ok":true')
    speaker.reset()
    await clean(sturdy)


async def test_breaking_off_at_any_byte_of_the_way_in_leaves_nothing(sturdy: Desk) -> None:
    auth = json.dumps({"api_key": sturdy.key})
    whole = HANDSHAKE + masked(f"40/company,{auth}".encode()) + masked(b'42/company,1["presence:list",{}]')
    for size in range(1, len(whole), 13):
        early = await peer(sturdy, connect=False)
        early.writer.transport.abort()
        late = socket.create_connection(("127.0.0.1", int(sturdy.base.rsplit(":", 1)[1])))
        late.sendall(whole[:size])
        late.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        late.close()
    await clean(sturdy)


async def test_hundreds_who_connect_at_once_are_let_in_and_leave_nothing(sturdy: Desk) -> None:
    count = 500  # and as many sockets of the server, in this process; test_rush.py has 5 000 of a bare engine
    before = len(asyncio.all_tasks())
    peers = await asyncio.gather(*(peer(sturdy) for _ in range(count)))
    async with asyncio.timeout(60):
        await asyncio.gather(*(each.until_ready() for each in peers))
    assert len(sturdy.sockets.engine.connections) == count
    seq = (await sturdy.receive())["seq"]
    said = f'"seq":{seq},'.encode()
    async with asyncio.timeout(30):
        await asyncio.gather(*(each.reader.readuntil(said) for each in peers))
    for each in peers:
        each.reset()
    await clean(sturdy)
    gc.collect()
    await until(lambda: len(asyncio.all_tasks()) <= before + 2)


async def test_a_slow_reader_that_missed_much_catches_up_without_being_cut_off(sturdy: Desk) -> None:
    follower = Follower(sturdy.base, {"token": sturdy.token}, sturdy.http)
    await follower.connect()
    await say_much(sturdy, follower, 1200)  # 6 MB, of which the server may be owed 0.3
    await follower.cut()
    slow = await peer(sturdy, buffer=4096, connect=False)
    async with asyncio.timeout(30):
        await slow.reader.readuntil(b'"maxPayload"')
    auth = {"api_key": sturdy.key, "epoch": await sturdy.epoch(), "seq": 0}
    slow.writer.write(masked(f"40/company,{json.dumps(auth)}".encode()))
    await until(lambda: any(each.owed >= 20_000 for each in sturdy.sockets.engine.connections.values()), within=30)
    heard = b""
    async with asyncio.timeout(60):
        while b"sync:ready" not in heard[-300:]:
            heard = heard[-300:] + await slow.reader.readexactly(1)
            heard += await slow.reader.read(4096)
    assert sturdy.sockets.engine.closed_for.keys() == {"transport close"}
    slow.reset()
    await clean(sturdy)
