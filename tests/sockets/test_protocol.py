"""Engine.IO v4 and Socket.IO v5, case by case as the official test-suite has them, and a few that it lacks.

Each case runs against the server of tests/conformance four times: in this process and in one of its own, on uvloop and
on plain asyncio.
"""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from queue import SimpleQueue

import aiohttp
import pytest

from app.sockets.packets import MOST_ATTACHMENTS
from tests.cli.processes import ROOT
from tests.conformance.__main__ import MOST_FRAME, conformant, serve
from tests.sockets.wire import DOOR, PATIENCE, Wire

pytestmark = pytest.mark.asyncio(loop_scope="session")

PINGED_WITHIN = 2.0  # seconds: the interval is one
HOLE = '{"_placeholder":true,"num":%d}'
HOLES = f"{HOLE % 0},{HOLE % 1}"
PARTS = [b"\x01\x02\x03", b"\x04\x05\x06"]


@pytest.fixture(scope="module", params=["here", "here-plain", "apart", "apart-plain"])
def base(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where a conformant server is."""
    where, _, plain = request.param.partition("-")
    with here(plain_asyncio=bool(plain)) if where == "here" else apart(plain_asyncio=bool(plain)) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def here(*, plain_asyncio: bool = True, binary: bool = True) -> Iterator[int]:
    """Serve from a thread of this process."""
    import uvloop

    loop = asyncio.new_event_loop() if plain_asyncio else uvloop.new_event_loop()
    ports: SimpleQueue[int] = SimpleQueue()
    with closing(loop):
        serving = loop.create_task(serve(conformant(binary=binary), 0, ports.put))
        thread = threading.Thread(target=loop.run_until_complete, args=(asyncio.wait([serving]),))
        thread.start()
        try:
            yield ports.get(timeout=PATIENCE)
        finally:
            loop.call_soon_threadsafe(serving.cancel)
            thread.join(PATIENCE)
            assert not thread.is_alive()


@contextmanager
def apart(*, plain_asyncio: bool) -> Iterator[int]:
    """Serve from a process of its own, started as the suite's reader would."""
    command = [sys.executable, "-m", "tests.conformance", "0", *(["--plain-asyncio"] if plain_asyncio else [])]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()
            process.wait(PATIENCE)


@asynccontextmanager
async def opened(base: str) -> AsyncIterator[Wire]:
    """Open a websocket and hear the handshake."""
    async with aiohttp.ClientSession() as http, http.ws_connect(base + DOOR, max_msg_size=0) as socket:
        async with asyncio.timeout(PATIENCE):
            hello = await socket.receive_str()
        assert hello.startswith("0")
        yield Wire(socket, json.loads(hello[1:]))


@asynccontextmanager
async def connected(base: str) -> AsyncIterator[Wire]:
    """Open a websocket, and be in the main namespace."""
    async with opened(base) as wire:
        await wire.say("40")
        assert str(await said(wire)).startswith("40{")
        assert await said(wire) == '42["auth",{}]'
        yield wire


async def said(wire: Wire) -> str | bytes:
    """Return the next message that is no ping."""
    async with asyncio.timeout(PATIENCE):
        while (message := await wire.socket.receive()).data == "2":
            await wire.say("3")
    assert isinstance(message.data, str | bytes), message
    return message.data


# The handshake.


async def test_a_handshake_says_what_the_client_must_know(base: str) -> None:
    async with opened(base) as wire:
        assert isinstance(wire.hello.pop("sid"), str)
        assert wire.hello == {"upgrades": [], "pingInterval": 1000, "pingTimeout": 1000, "maxPayload": MOST_FRAME}


@pytest.mark.parametrize(
    "query",
    [
        "transport=websocket",
        "EIO=abc&transport=websocket",
        "EIO=3&transport=websocket",
        "EIO=4",
        "EIO=4&transport=abc",
        "EIO=4&transport=polling",
        "EIO=4&transport=websocket&sid=abc",
        "",
    ],
)
async def test_a_handshake_for_something_else_fails(base: str, query: str) -> None:
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(f"{base}/socket.io/?{query}")
        assert refused.value.status == 400


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Connection": "Upgrade"},
        {"Upgrade": "websocket"},
        {"Upgrade": "h2c", "Connection": "Upgrade"},
        {"Upgrade": "websocket", "Connection": "Upgrade"},
        {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"},
        {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "short"},
        {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "8", "Sec-WebSocket-Key": "A" * 22},
    ],
)
async def test_what_is_no_websocket_is_no_handshake(base: str, headers: dict[str, str]) -> None:
    async with aiohttp.ClientSession() as http, http.get(base + DOOR, headers=headers) as answer:
        assert answer.status == 400


# The heartbeat.


async def test_who_answers_pings_stays(base: str) -> None:
    async with opened(base) as wire:
        for _ in range(2):
            async with asyncio.timeout(PINGED_WITHIN):
                assert await wire.socket.receive_str() == "2"
            await wire.say("3")


async def test_who_answers_no_ping_is_closed(base: str) -> None:
    async with opened(base) as wire:
        assert await wire.next() == "2"
        assert (await wire.closed())[0] == 4409


async def test_a_goodbye_closes_the_session(base: str) -> None:
    async with opened(base) as wire:
        await wire.say("1")
        assert (await wire.closed())[0] == 1000


# Connecting to a namespace.


@pytest.mark.parametrize("namespace", ["", "/custom,"])
@pytest.mark.parametrize(("auth", "heard"), [("", "{}"), ('{"token":"123"}', '{"token":"123"}')])
async def test_a_namespace_is_connected_and_hears_what_was_given(
    base: str, namespace: str, auth: str, heard: str
) -> None:
    async with opened(base) as wire:
        await wire.say(f"40{namespace}{auth}")
        answer = await wire.next()
        assert json.loads(answer.removeprefix(f"40{namespace}")).keys() == {"sid"}
        assert await said(wire) == f'42{namespace}["auth",{heard}]'


@pytest.mark.parametrize("asked", ["40/random", "40/random,", '40/random,{"token":"123"}'])
async def test_an_unknown_namespace_is_refused(base: str, asked: str) -> None:
    async with opened(base) as wire:
        await wire.say(asked)
        assert await wire.next() == '44/random,{"message":"Invalid namespace"}'


async def test_a_namespace_is_named_before_its_query(base: str) -> None:
    async with opened(base) as wire:
        await wire.say("40/custom?token=abc,")
        assert (await wire.next()).startswith('40/custom,{"sid"')


@pytest.mark.parametrize("text", ["4abc", "40{", "40[]", "40/custom,7", "42", '42["message"]', "41", '431["x"]'])
async def test_who_begins_with_something_else_is_closed(base: str, text: str) -> None:
    async with opened(base) as wire:
        await wire.say(text)
        assert (await wire.closed())[0] == 1002


# Leaving a namespace.


async def test_who_leaves_the_main_namespace_is_still_pinged(base: str) -> None:
    async with connected(base) as wire:
        await wire.say("41")
        assert await wire.next() == "2"


@pytest.mark.parametrize("goodbye", ["41/custom", "41/custom,"])
async def test_who_leaves_one_namespace_stays_in_the_other(base: str, goodbye: str) -> None:
    async with connected(base) as wire:
        await wire.say("40/custom")
        assert str(await said(wire)).startswith("40/custom,{")
        assert await said(wire) == '42/custom,["auth",{}]'
        await wire.say(goodbye, '42["message","to the main one"]')
        assert await said(wire) == '42["message-back","to the main one"]'


# Events and acks.


async def test_a_text_comes_back(base: str) -> None:
    async with connected(base) as wire:
        await wire.say('42["message",1,"2",{"3":[true]}]')
        assert await said(wire) == '42["message-back",1,"2",{"3":[true]}]'


async def test_an_ack_carries_the_id_that_was_asked_for(base: str) -> None:
    async with connected(base) as wire:
        await wire.say('42456["message-with-ack",1,"2",{"3":[false]}]')
        assert await said(wire) == '43456[1,"2",{"3":[false]}]'


async def test_an_event_that_nobody_handles_changes_nothing(base: str) -> None:
    async with connected(base) as wire:
        await wire.say('421["nobody"]', '422["message-with-ack"]')
        assert await said(wire) == "432[]"


async def test_many_events_in_one_write_come_back_in_order(base: str) -> None:
    async with connected(base) as wire:
        texts = [f'42{id}["message-with-ack",{id},"{"é" * id}"]' for id in range(300)]
        await asyncio.gather(*(wire.say(text) for text in texts))
        assert [await said(wire) for _ in texts] == [f'43{id}[{id},"{"é" * id}"]' for id in range(300)]


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 65_000, 66_000, 900_000])
async def test_a_text_of_any_size_comes_back(base: str, size: int) -> None:
    async with connected(base) as wire:
        await wire.say(f'42["message","{"x" * size}"]')
        assert await said(wire) == f'42["message-back","{"x" * size}"]'


@pytest.mark.parametrize(
    "text",
    [
        "4abc",
        "42{}",
        "42[]",
        "42[1]",
        '42abc["message-with-ack",1]',
        '42-1["message-with-ack",1]',
        '42²["message-with-ack",1]',
        '42["message"',
        '42["message"]x',
        '42/custom,["message"]',
        '42["connect"]',
        '42["disconnect"]',
        "43[]",
        "44{}",
        "41{}",
        "47[]",
        "7",
        "3probe",
    ],
)
async def test_a_malformed_packet_closes_the_connection(base: str, text: str) -> None:
    async with connected(base) as wire:
        await wire.say(text)
        assert (await wire.closed())[0] == 1002


# Attachments.


async def announced(wire: Wire, text: str, *parts: bytes) -> None:
    """Send a packet and its attachments."""
    await wire.say(text)
    for part in parts:
        await wire.socket.send_bytes(part)


async def test_binary_comes_back(base: str) -> None:
    async with connected(base) as wire:
        await announced(wire, f'452-["message",{HOLES}]', *PARTS)
        assert [await said(wire) for _ in range(3)] == [f'452-["message-back",{HOLES}]', *PARTS]


async def test_binary_comes_back_in_an_ack(base: str) -> None:
    async with connected(base) as wire:
        await announced(wire, f'452-789["message-with-ack",{HOLES}]', *PARTS)
        assert [await said(wire) for _ in range(3)] == [f"462-789[{HOLES}]", *PARTS]


async def test_binary_may_be_anywhere_in_an_argument(base: str) -> None:
    async with connected(base) as wire:
        await announced(wire, f'451-1["message-with-ack",{{"a":[{HOLE % 0}]}}]', PARTS[0])
        assert [await said(wire) for _ in range(2)] == [f'461-1[{{"a":[{HOLE % 0}]}}]', PARTS[0]]


@pytest.mark.parametrize(
    "text",
    [
        '450-["message"]',
        '45-["message"]',
        '45["message"]',
        f'45{MOST_ATTACHMENTS + 1}-["message"]',
        '45x-["message"]',
        f'451-["message",{HOLE % 1}]',
        f'451-["message",{HOLE % -1}]',
        '451-["message",{"_placeholder":true}]',
        '451-/custom,["message"]',
        "451-",
    ],
)
async def test_attachments_that_cannot_be_put_together_close_the_connection(base: str, text: str) -> None:
    async with connected(base) as wire:
        await announced(wire, text, PARTS[0])
        assert (await wire.closed())[0] == 1002


async def test_an_attachment_that_was_not_announced_closes_the_connection(base: str) -> None:
    async with connected(base) as wire:
        await wire.socket.send_bytes(PARTS[0])
        assert (await wire.closed())[0] == 1002


async def test_a_packet_before_the_attachments_closes_the_connection(base: str) -> None:
    async with connected(base) as wire:
        await announced(wire, f'452-["message",{HOLES}]', PARTS[0])
        await wire.say('42["message"]')
        assert (await wire.closed())[0] == 1002


async def test_where_binary_is_not_let_in_it_closes_the_connection() -> None:
    with here(binary=False) as port:
        for text in (f'451-["message",{HOLE % 0}]', f'461-1["message",{HOLE % 0}]'):
            async with connected(f"http://127.0.0.1:{port}") as wire:
                await wire.say(text)
                assert (await wire.closed())[0] == 1002
