"""What we lean on in aiohttp without a promise: an upgrade that moves it fails here, by name."""

import inspect

from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from app.handlers.protocol import Protocol


def test_aiohttps_protocol_has_the_parts_by_which_a_debt_is_known() -> None:
    parts = {name for each in RequestHandler.__mro__ for name in getattr(each, "__slots__", ())}
    assert {"_waiter", "_current_request", "_request_count", "_manager", "_drain_waiter"} <= parts
    start = inspect.getsource(RequestHandler.start)
    assert "self._waiter = loop.create_future()" in start, "each wait for a request is an object of its own"
    assert "self._waiter = None" in start
    assert "self._drain_waiter = waiter" in inspect.getsource(BaseProtocol._drain_helper)
    assert "self._request_count += 1" in inspect.getsource(RequestHandler.data_received)


def test_aiohttp_drops_the_rest_of_a_body_in_silence_for_a_time_out() -> None:
    assert "except (asyncio.CancelledError, asyncio.TimeoutError):" in inspect.getsource(RequestHandler.start)
    assert "set_exception(waiter, exc, exc_cause)" in inspect.getsource(StreamReader.set_exception)


def test_aiohttps_server_keeps_its_connections_with_their_transports() -> None:
    assert "self._connections[handler] = transport" in inspect.getsource(web.Server.connection_made)


def test_our_protocol_adds_no_dictionary_to_a_connection() -> None:
    assert "__slots__" in vars(Protocol)


def test_aiohttp_names_itself_before_it_asks_whether_an_answer_may_go() -> None:
    order = inspect.getsource(web.StreamResponse._start)
    assert order.index("_prepare_headers") < order.index("_prepare_hook") < order.index("_write_headers")
