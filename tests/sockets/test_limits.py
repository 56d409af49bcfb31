"""One client, one person, one address and one company may ask for so much and no more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from app.outside.peer import WIDE
from app.sockets.bucket import Bucket
from app.sockets.closing import CROWDED, FLOODED
from tests.desk import Desk, open_desk
from tests.follower import Follower
from tests.sockets.scripted import piped
from tests.waiting import until

LIMITS = {
    "RATE_LIMITS": "on",
    "TRUSTED_PROXIES": "127.0.0.1",
    "SOCKETS_PER_USER": "2",
    "SOCKETS_PER_ADDRESS": "4",
    "SOCKETS_PER_COMPANY": "3",
    "SOCKET_ROOMS": "4",
    "SOCKET_EVENTS_PER_SECOND": "5",
}


@pytest_asyncio.fixture
async def strict(mongo_uri: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(mongo_uri, tmp_path, **LIMITS) as desk:
        yield desk


async def connected(desk: Desk, **auth: str) -> aiohttp.ClientWebSocketResponse:
    """Return a bare websocket that asked to connect."""
    socket = await desk.http.ws_connect(f"{desk.base}/socket.io/?EIO=4&transport=websocket")
    await socket.receive()
    named = ", ".join(f'"{name}": "{value}"' for name, value in auth.items())
    await socket.send_str(f"40/company,{{{named}}}")
    return socket


async def closed_with(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    """Return the code that the server closed with."""
    while (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT:
        pass
    return socket.close_code


async def test_one_person_too_many_is_turned_away_for_now_and_welcome_when_there_is_room(strict: Desk) -> None:
    first, second = (Follower(strict.base, {"token": strict.token}, strict.http) for _ in range(2))
    await first.connect()
    await second.connect()
    assert await closed_with(await connected(strict, token=strict.token)) == CROWDED.code
    await first.cut()
    await until(lambda: len(strict.sockets.engine.connections) == 1)
    third = Follower(strict.base, {"token": strict.token}, strict.http)
    await third.connect()


async def test_one_company_too_many_is_turned_away_for_now(strict: Desk) -> None:
    keys = [await strict.new_key("feed:read") for _ in range(4)]
    for key in keys[:3]:
        await Follower(strict.base, {"api_key": key}, strict.http).connect()
    assert await closed_with(await connected(strict, api_key=keys[3])) == CROWDED.code


async def test_one_address_too_many_is_refused_before_the_handshake(strict: Desk) -> None:
    opened = [await strict.http.ws_connect(f"{strict.base}/socket.io/?EIO=4&transport=websocket") for _ in range(4)]
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await strict.http.ws_connect(f"{strict.base}/socket.io/?EIO=4&transport=websocket")
    assert refused.value.status == 429
    assert len(opened) == 4


async def test_a_flood_is_told_so_and_closed(strict: Desk) -> None:
    socket = await connected(strict, token=strict.token)
    while "sync:ready" not in (await socket.receive(timeout=5)).data:
        pass
    for number in range(30):
        await socket.send_str(f'42/company,{number}["presence:list",{{}}]')
    answers = []
    while (message := await socket.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT:
        answers.append(message.data)
    assert sum('"ok":true' in answer for answer in answers) == 10, "twice the rate at once"
    assert '"code":"rate_limited"' in answers[-1]
    assert socket.close_code == FLOODED.code


async def test_a_connection_joins_so_many_conversations(strict: Desk) -> None:
    threads = [(await strict.receive(platform=each))["conversation_id"] for each in ("web", "telegram", "facebook")]
    listener = await strict.listen()
    await listener.ready()
    joined = [await listener.call("conversation:join", {"conversation_id": id}) for id in threads]
    assert [answer["ok"] for answer in joined] == [True, False, False], "two rooms are its own"
    assert joined[-1]["error"]["code"] == "rate_limited"
    await listener.call("conversation:leave", {"conversation_id": threads[0]})
    assert (await listener.call("conversation:join", {"conversation_id": threads[1]}))["ok"]


async def test_after_a_burst_events_are_let_through_at_their_rate(
    strict: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    turnstile, loop, at = strict.sockets.engine.turnstile, asyncio.get_running_loop(), 1000.0
    connection, _ = piped(strict.sockets.engine, "client")

    def let_through(turns: int) -> int:
        return sum(turnstile.lets_speak(connection) for _ in range(turns))

    with monkeypatch.context() as meanwhile:  # nothing is waited for inside, so nobody else sees this clock
        meanwhile.setattr(loop, "time", lambda: at)
        assert let_through(100) == 10, "twice the rate at once"
        at += 1.0
        assert let_through(100) == 5
        at += 0.5
        assert let_through(100) == 2
    connection.connection_lost(None)


def test_a_bucket_fills_again_with_time() -> None:
    bucket = Bucket(2, 0.0)
    taken = [bucket.take(1, 2, now) for now in (0.0, 0.0, 0.0, 0.9, 1.1, 9.0, 9.0, 9.0)]
    assert taken == [True, True, False, False, True, True, True, False]


async def test_an_ipv6_network_of_48_bits_is_not_65536_addresses(strict: Desk) -> None:
    headers = [{"X-Forwarded-For": f"2001:db8:7:{n:x}::1"} for n in range(2 * WIDE * 4)]
    async with AsyncExitStack() as opened:

        async def is_let_in(header: dict[str, str]) -> bool:
            try:
                address = f"{strict.base}/socket.io/?EIO=4&transport=websocket"
                await opened.enter_async_context(strict.http.ws_connect(address, headers=header))
            except aiohttp.WSServerHandshakeError as error:
                return error.status != 429
            return True

        assert sum([await is_let_in(header) for header in headers]) == WIDE * 4
        assert await is_let_in({"X-Forwarded-For": "2001:db8:8::1"})
