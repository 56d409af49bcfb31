"""What we lean on in aiohttp and python-socketio without a promise: an upgrade that moves it fails here, by name."""

import inspect

import pytest
import socketio
from aiohttp import web
from aiohttp._websocket.helpers import websocket_mask
from aiohttp.web_protocol import RequestHandler
from socketio import packet

from app.sockets.frames import Json
from app.sockets.rooms import Rooms


@pytest.mark.parametrize("size", [0, 1, 3, 4, 7, 8, 9, 125, 4097])
def test_aiohttps_mask_is_that_of_the_rfc_and_works_in_place(size: int) -> None:
    mask, payload = b"\x01\x80\xfe\x7f", bytes(index % 251 for index in range(size))
    masked = bytearray(payload)
    assert websocket_mask(mask, masked) is None
    assert masked == bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def test_aiohttps_protocol_has_the_parts_that_a_takeover_touches() -> None:
    assert {"transport", "_message_tail"} <= set(attributes_of(RequestHandler))
    assert isinstance(inspect.getattr_static(web.BaseRequest, "protocol"), property)
    lost = inspect.getsource(RequestHandler.connection_lost)
    for forgotten in ("self._manager.connection_lost(self, exc)", "self._parser = None", "self._task_handler = None"):
        assert forgotten in lost, f"connection_lost no longer does {forgotten}"


async def test_aiohttp_asks_no_more_of_an_answer_than_two_methods() -> None:
    finish = inspect.getsource(RequestHandler.finish_response)
    assert "prepare_meth = resp.prepare" in finish
    assert "await resp.write_eof()" in finish


def attributes_of(kind: type) -> list[str]:
    """Return what the instances of a class with slots have, its bases' slots included."""
    return [name for each in kind.__mro__ for name in getattr(each, "__slots__", ())]


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
