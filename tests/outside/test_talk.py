"""What never left may be asked again; what may have arrived must not be, by itself."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from app.models.exchange import Exchange, Reply, Request
from app.models.failure import Failure, FailureClass, Refused
from app.outside.talk import MOST_BYTES, Talk

Play = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@pytest_asyncio.fixture
async def talk() -> AsyncIterator[Talk]:
    talk = Talk(within=0.5)
    yield talk
    await talk.close()


@asynccontextmanager
async def played(play: Play) -> AsyncIterator[str]:
    """Serve one part of a platform over TCP; its address."""
    server = await asyncio.start_server(play, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def asking(url: str, *, times: int = 1, method: str = "POST") -> Exchange[list[Reply]]:
    replies = []
    for number in range(times):
        body = {"number": number} if method == "POST" else None
        request = Request(method=method, url=url, body=body, query={"access_token": "secret"}, headers={"x-mine": "1"})
        replies.append((yield request))
    return replies


async def failure_of(talk: Talk, url: str, method: str = "POST") -> Failure:
    with pytest.raises(Refused) as refused:
        await talk.run(asking(url, method=method))
    assert "secret" not in repr(refused.value) + repr(refused.value.failure)
    return refused.value.failure


async def heard(reader: asyncio.StreamReader) -> bytes:
    """Read a request whole."""
    head = await reader.readuntil(b"\r\n\r\n")
    size = [int(line.split(b":")[1]) for line in head.lower().splitlines() if line.startswith(b"content-length")]
    return head + (await reader.readexactly(size[0]) if size else b"")


async def test_an_exchange_gets_a_reply_for_each_request(talk: Talk) -> None:
    requests: list[bytes] = []

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            requests.append(await heard(reader))
            writer.write(b'HTTP/1.1 429 Slow\r\nRetry-After: 7\r\ncontent-length: 7\r\n\r\n{"a":1}')
        writer.close()

    async with played(answers) as url:
        first, second = await talk.run(asking(f"{url}/x", times=2))
    assert (first.status, first.json, first.headers["retry-after"]) == (429, {"a": 1}, "7")
    assert second == first
    assert requests[0].startswith(b"POST /x?access_token=secret HTTP/1.1\r\n")
    assert b"x-mine: 1" in requests[0]
    assert [request.rpartition(b"\r\n\r\n")[2] for request in requests] == [b'{"number":0}', b'{"number":1}']


async def test_a_refused_connection_left_nothing(talk: Talk) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        failure = await failure_of(talk, f"http://127.0.0.1:{closed.getsockname()[1]}")
    assert (failure.kind, failure.code, failure.outage) == (FailureClass.TRANSIENT, "connection", True)


async def test_a_name_that_does_not_resolve_left_nothing(talk: Talk) -> None:
    assert (await failure_of(talk, "http://platform.invalid")).kind is FailureClass.TRANSIENT


@pytest.mark.parametrize(("method", "kind"), [("POST", FailureClass.UNCERTAIN), ("GET", FailureClass.TRANSIENT)])
@pytest.mark.parametrize(
    ("said", "hangs", "code"),
    [
        (b"", True, "timeout"),
        (b"", False, "connection"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{", False, "connection"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{", True, "timeout"),
        (b"SMTP here\r\n\r\n", False, "connection"),
    ],
    ids=["silence", "hangs up", "half a reply", "half a reply, then silence", "another protocol"],
)
async def test_without_a_whole_reply_nobody_knows(
    talk: Talk, method: str, kind: FailureClass, said: bytes, hangs: bool, code: str
) -> None:
    over = asyncio.Event()

    async def breaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        writer.write(said)
        if hangs:
            await over.wait()
        writer.close()

    async with played(breaks) as url:
        failure = await failure_of(talk, url, method)
        over.set()
    assert (failure.kind, failure.code) == (kind, code)


async def test_a_redirect_is_an_answer_and_no_way_to_go(talk: Talk) -> None:
    async def redirects(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        writer.write(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    async with played(redirects) as url:
        (reply,) = await talk.run(asking(url))
    assert reply.status == 302


async def test_a_reply_without_end_is_cut(talk: Talk) -> None:
    async def pours(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(40):
            writer.write(b"x" * (MOST_BYTES // 20))
        writer.close()

    async with played(pours) as url:
        (reply,) = await talk.run(asking(url))
    assert len(reply.body) == MOST_BYTES
    assert reply.json is None


async def test_what_an_exchange_refuses_passes(talk: Talk) -> None:
    refusal = Refused(Failure(kind=FailureClass.CONTENT, code="100", reason="Odd."))

    def refusing() -> Exchange[None]:
        raise refusal
        yield

    with pytest.raises(Refused) as raised:
        await talk.run(refusing())
    assert raised.value is refusal


async def test_who_stops_waiting_ends_the_request(talk: Talk) -> None:
    closed = asyncio.Event()
    arrived = asyncio.Event()

    async def listens(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        arrived.set()
        await reader.read()
        closed.set()
        writer.close()

    async with played(listens) as url, asyncio.timeout(5):
        waiting = asyncio.create_task(talk.run(asking(url)))
        await arrived.wait()
        waiting.cancel()
        await asyncio.wait([waiting])
        await closed.wait()
    assert waiting.cancelled()
