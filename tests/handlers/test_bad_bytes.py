"""Bytes that are no request, or none that we take: refused, or dropped, and nothing comes of them."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.desk import Desk
from tests.handlers.asking import Answer, Refused, whole
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.usefixtures("unmoved")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(house: Desk) -> Desk:
    """One company for all of these tests: nothing of what they send is stored."""
    return await house.neighbour("Acme")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Hello",
        b"{",
        b'{"content": }',
        b"{'content': 'Hello'}",
        b'{"content": "half a te',
        b'{"content": "\xff"}',
        b'{"content": "\\ud800"}',
        b'{"content": NaN',
        b"\x00",
        b"[" * 10_000 + b"]" * 10_000,
        b'{"content":' * 10_000 + b"1" + b"}" * 10_000,
    ],
    ids=repr,
)
async def test_what_is_not_json_is_refused(desk: Desk, raw: bytes) -> None:
    assert (await sent(desk, raw)).refused == Refused(400, "malformed_json")


@pytest.mark.parametrize("raw", [b"[]", b"null", b'"Hello"', b"7"])
async def test_a_body_is_an_object(desk: Desk, raw: bytes) -> None:
    assert (await sent(desk, raw)).refused == Refused(422, "validation_failed", ("",))


async def test_a_body_larger_than_a_mebibyte_is_refused(desk: Desk) -> None:
    for size in (1 << 20, 10 << 20):
        raw = b'{"content": "' + b"x" * size + b'"}'
        assert (await sent(desk, raw)).refused == Refused(413, "body_too_large")


async def test_a_body_of_unknown_length_is_bounded_too(desk: Desk) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b"x" * (1 << 16)

    assert (await sent(desk, endless())).refused == Refused(413, "body_too_large")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml"]
)
async def test_a_body_is_sent_as_json(desk: Desk, kind: str) -> None:
    answer = await sent(desk, b'{"content": "Hello"}', headers={"Content-Type": kind})
    assert answer.refused == Refused(415, "unsupported_media_type")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "made-up"])
async def test_a_compressed_body_is_refused(desk: Desk, encoding: str) -> None:
    answer = await sent(desk, gzip.compress(b" " * (20 << 20)), headers={"Content-Encoding": encoding})
    assert answer.refused == Refused(415, "unsupported_media_type")


async def sent(desk: Desk, raw: bytes | AsyncIterator[bytes], *, headers: dict[str, str] | None = None) -> Answer:
    """Post these very bytes as a message."""
    every = {"X-API-Key": desk.key, "Content-Type": "application/json", **(headers or {})}
    return await whole(desk, "POST", "/api/v1/messages", data=raw, headers=every)


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"pk_\xe9"])
async def test_a_key_that_is_no_text_is_no_key(desk: Desk, raw: bytes) -> None:
    head = b"GET /api/v1/auth/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-API-Key: " + raw + b"\r\n\r\n"
    assert b'"code":"unauthenticated"' in await spoken(desk, head)


async def test_half_a_request_is_dropped(desk: Desk) -> None:
    head = f"POST /api/v1/messages HTTP/1.1\r\nHost: x\r\nX-API-Key: {desk.key}\r\n".encode()
    half = head + b'Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{"content"'
    assert await spoken(desk, half, hang_up=True) == b""


async def spoken(desk: Desk, raw: bytes, *, hang_up: bool = False) -> bytes:
    """Send bytes and return all that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.base.rsplit(":", 1)[1])
    writer.write(raw)
    if hang_up:
        writer.write_eof()
    async with asyncio.timeout(5):
        said = await reader.read()
    writer.close()
    return said


async def test_a_client_that_hangs_up_early_leaves_nothing_behind(desk: Desk) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", desk.base.rsplit(":", 1)[1])
    writer.write(b"POST /api/v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
    writer.transport.abort()
    await until(writer.is_closing)
