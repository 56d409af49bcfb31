"""What clients send is cut into the same messages however it arrives, and nothing they send raises."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sockets.closing import CLIENT_LEFT, INVALID_TEXT, PROTOCOL_ERROR, TOO_LARGE, Closing
from app.sockets.connection import Connection
from app.sockets.engine import Engine
from app.sockets.server import SocketServer
from tests.sockets.scripted import Pipe, masked, piped

LIMIT = 1000

texts = st.text(max_size=300)
blobs = st.binary(max_size=300)
cuts = st.lists(st.integers(1, 400), max_size=40)


class Listening:
    """An engine that writes down what is heard."""

    def __init__(self) -> None:
        self.engine = Engine(max_frame=LIMIT)
        self.heard: list[str | bytes] = []
        self.engine.receive = lambda _, said: self.heard.append(said)

    def feed(self, data: bytes, sizes: Sequence[int] = ()) -> tuple[Connection, Pipe]:
        """Let a client send this, in pieces of these sizes and a last one of what is left."""

        async def arrive() -> tuple[Connection, Pipe]:
            connection, pipe = piped(self.engine, "client")
            rest = data
            for size in sizes:
                connection.data_received(rest[:size])
                rest = rest[size:]
            connection.data_received(rest)
            return connection, pipe

        return asyncio.run(arrive())


def in_frames(message: str | bytes, parts: int) -> bytes:
    """Return a message in so many frames, with a ping between each two."""
    opcode = 1 if isinstance(message, str) else 2
    payload = message.encode() if isinstance(message, str) else message
    step = max(1, -(-len(payload) // parts))
    pieces = [payload[start : start + step] for start in range(0, len(payload), step)] or [b""]
    last = len(pieces) - 1
    return masked(b"", 9).join(
        masked(piece, 0 if place else opcode, final=place == last) for place, piece in enumerate(pieces)
    )


@given(st.lists(st.tuples(texts | blobs, st.integers(1, 4)), max_size=8), cuts)
def test_messages_are_the_same_however_they_arrive(messages: list[tuple[str | bytes, int]], sizes: list[int]) -> None:
    listening = Listening()
    connection, _ = listening.feed(b"".join(in_frames(*each) for each in messages), sizes)
    assert listening.heard == [message for message, _ in messages]
    assert not connection.closed


@pytest.mark.parametrize("size", [0, 1, 124, 125, 126, 127, 128, 130, 253, 254, 255, 256, 257, LIMIT])
def test_a_text_of_each_length_is_heard(size: int) -> None:
    listening = Listening()
    listening.feed(masked(b"x" * size))
    assert listening.heard == ["x" * size]


def test_a_short_text_may_say_its_length_at_length() -> None:
    listening = Listening()
    for head in (b"\xfe\x00\x02", b"\xff" + bytes(7) + b"\x02"):
        listening.feed(b"\x81" + head + bytes(4) + b"hi")
    assert listening.heard == ["hi", "hi"]


FAULTS: list[tuple[str, bytes, Closing]] = [
    ("text that is not UTF-8", masked(b"\xff\xfe"), INVALID_TEXT),
    ("a long text that is not UTF-8", masked(b"x" * 200 + b"\xff"), INVALID_TEXT),
    ("text in pieces that is not UTF-8", masked(b"\xc3", final=False) + masked(b"x", 0), INVALID_TEXT),
    ("a reserved bit", masked(b"2", 0x41), PROTOCOL_ERROR),
    ("an unknown kind", masked(b"2", 3), PROTOCOL_ERROR),
    ("no mask", b"\x81\x012", PROTOCOL_ERROR),
    ("the rest of nothing", masked(b"2", 0), PROTOCOL_ERROR),
    ("a message within a message", masked(b"2", final=False) + masked(b"3"), PROTOCOL_ERROR),
    ("a long ping", masked(b"x" * 126, 9), PROTOCOL_ERROR),
    ("a ping in pieces", masked(b"x", 9, final=False), PROTOCOL_ERROR),
    ("a long text", masked(b"x" * (LIMIT + 1)), TOO_LARGE),
    ("a text that says it is long", b"\x81\xff" + b"\x7f" * 8 + bytes(4), TOO_LARGE),
    ("many frames of one text", masked(b"x" * 600, final=False) + masked(b"x" * 401, 0), TOO_LARGE),
    ("a goodbye", masked(b"\x03\xe8", 8), CLIENT_LEFT),
]


@pytest.mark.parametrize(("sent", "why"), [pytest.param(sent, why, id=name) for name, sent, why in FAULTS])
@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_a_fault_is_answered_with_its_code_and_nothing_after_it_is_heard(sent: bytes, why: Closing, cut: int) -> None:
    listening = Listening()
    connection, pipe = listening.feed(masked(b"before") + sent + masked(b"after"), [len(masked(b"before")), cut])
    assert listening.heard == ["before"]
    assert (connection.closed, pipe.ended) == (True, "closed")
    assert pipe.written.endswith(why.code.to_bytes(2, "big") + why.reason.encode())


def test_a_ping_is_answered_with_what_it_said() -> None:
    async def arrive() -> bytes:
        connection, pipe = piped(Engine(), "client")
        connection.data_received(masked(b"abc", 9))
        await asyncio.sleep(0)
        return pipe.written

    assert asyncio.run(arrive()) == b"\x8a\x03abc"


def test_nothing_is_kept_between_messages() -> None:
    listening = Listening()
    whole, half = masked(b"one", final=False) + masked(b"two", 0), masked(b"three")[:5]
    assert listening.feed(whole, [3])[0]._reader is None
    assert listening.feed(whole + half)[0]._reader is not None
    assert listening.heard == ["onetwo", "onetwo"]


@given(st.lists(blobs | st.binary(max_size=3).map(lambda head: b"\x81" + head), max_size=5))
def test_no_bytes_raise(pieces: list[bytes]) -> None:
    listening = Listening()
    listening.feed(b"".join(pieces), [len(piece) for piece in pieces])


PACKETS = st.text(alphabet='0123456789-/,?[]{}":\\ntruefalse_placeholdernum²é', max_size=60)


@given(st.lists(PACKETS.map(lambda text: "4" + text) | PACKETS | blobs, max_size=6), st.booleans())
def test_no_packets_raise(packets: list[str | bytes], binary: bool) -> None:
    async def arrive() -> None:
        server = SocketServer(binary=binary)
        server.on("connect", lambda sid, environ, auth=None: None)
        connection, _ = piped(server.eio, "client")
        connection.data_received(masked(b"40"))
        await asyncio.sleep(0)
        for packet in packets:
            data = packet if isinstance(packet, bytes) else packet.encode("utf-8", "replace")
            connection.data_received(masked(data, 2 if isinstance(packet, bytes) else 1))
        await asyncio.sleep(0)
        connection.connection_lost(None)
        assert not server.eio.connections
        assert not list(server.manager.get_participants("/", None))

    asyncio.run(arrive())
