"""What we lean on in aiohttp and python-socketio without a promise: an upgrade that moves it fails here, by name."""

import asyncio
import inspect
from typing import Any

import pytest
import socketio
from aiohttp import WSMsgType, web
from aiohttp._websocket.models import WebSocketError
from aiohttp._websocket.reader import WebSocketDataQueue, WebSocketReader
from aiohttp.web_protocol import RequestHandler
from socketio import packet

from app.sockets.frames import Json
from app.sockets.rooms import Rooms


class Heard(WebSocketDataQueue):
    """A queue like ours: it keeps what it is fed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.messages: list[Any] = []
        self.errors: list[BaseException] = []

    def feed_data(self, data: Any, size: int) -> None:
        self.messages.append(data)

    def set_exception(self, exc: BaseException, *args: Any) -> None:
        self.errors.append(exc)


def reader(limit: int = 1000) -> tuple[Heard, WebSocketReader]:
    queue = Heard(None, 1 << 16, loop=asyncio.get_running_loop())
    return queue, WebSocketReader(queue, limit, compress=False, decode_text=True)


def masked(payload: bytes, opcode: int = 0x81) -> bytes:
    return bytes((opcode, 0x80 | len(payload))) + bytes(4) + payload


async def test_aiohttps_frame_reader_feeds_a_queue_of_ours() -> None:
    queue, frames = reader()
    frames.feed_data(masked(b"one") + masked(b"two")[:4])
    frames.feed_data(masked(b"two")[4:] + masked(b"p", 0x89) + masked(b"", 0x88))
    kinds = [(message.type, message.data) for message in queue.messages]
    assert kinds[:2] == [(WSMsgType.TEXT, "one"), (WSMsgType.TEXT, "two")]
    assert [kind for kind, _ in kinds[2:]] == [WSMsgType.PING, WSMsgType.CLOSE]


@pytest.mark.parametrize(
    ("sent", "code"),
    [(masked(b"\xff\xfe"), 1007), (bytes((0x81, 0xFE)) + (2000).to_bytes(2, "big"), 1009), (masked(b"x", 0x83), 1002)],
    ids=["not UTF-8", "too large", "unknown opcode"],
)
async def test_aiohttps_frame_reader_tells_the_queue_what_was_wrong(sent: bytes, code: int) -> None:
    queue, frames = reader()
    frames.feed_data(sent)
    (error,) = queue.errors
    assert isinstance(error, WebSocketError)
    assert error.code == code


def test_aiohttps_upgrade_calls_what_we_put_in_its_place() -> None:
    assert list(inspect.signature(web.WebSocketResponse._post_start).parameters) == [
        *("self", "request", "protocol", "writer")
    ]
    assert "_post_start" in inspect.getsource(web.WebSocketResponse.prepare)
    assert list(inspect.signature(RequestHandler.set_parser).parameters)[:2] == ["self", "parser"]
    assert "feed_eof" in inspect.getsource(RequestHandler.connection_lost)


def test_python_socketio_lets_us_bring_an_engine_of_our_own() -> None:
    source = inspect.getsource(socketio.base_server.BaseServer.__init__)
    assert "self._engineio_server_class()(**engineio_options)" in source
    for event in ("connect", "message", "disconnect"):
        assert f"self.eio.on('{event}'" in source


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("_handle_connect", ["self", "eio_sid", "namespace", "data"]),
        ("_handle_disconnect", ["self", "eio_sid", "namespace", "reason"]),
        ("_trigger_event", ["self", "event", "namespace", "args"]),
        ("_get_event_handler", ["self", "event", "namespace", "args"]),
    ],
)
def test_python_socketio_has_the_steps_that_we_call(name: str, parameters: list[str]) -> None:
    assert list(inspect.signature(getattr(socketio.AsyncServer, name)).parameters) == parameters


def test_every_method_of_the_manager_that_the_server_calls_is_ours() -> None:
    called = set()
    for module in (socketio.async_server, socketio.base_server):
        for line in inspect.getsource(module).splitlines():
            if "self.manager." in line:
                called.add(line.split("self.manager.", 1)[1].split("(", 1)[0].split(" ", 1)[0].strip())
    inherited = {name for name in called if name not in vars(Rooms)}
    assert inherited <= {"set_server", "initialize"}, "the server asks the manager for something that we do not answer"


def test_its_packets_are_what_our_frames_spell_by_hand() -> None:
    packet.Packet.json = Json
    spoken = packet.Packet(packet.EVENT, namespace="/company", data=["message:new", {"a": 1}]).encode()
    assert spoken == '2/company,["message:new",{"a":1}]'
    assert (
        packet.Packet(packet.ACK, namespace="/company", id=7, data=[{"ok": True}]).encode()
        == '3/company,7[{"ok":true}]'
    )
