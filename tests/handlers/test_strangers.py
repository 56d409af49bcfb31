"""Whoever sends little, slowly, too much or nonsense costs nobody else anything, and is told or cut off in time."""

import asyncio
import gzip
import hashlib
import hmac
import logging
import sys
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from loguru import logger

from app.handlers.protocol import Deadlines, Protocol
from app.handlers.reading import MOST_PUBLIC_BODY
from app.handlers.webhooks import MOST_BYTES, PLACES
from tests.desk import Desk, open_desk
from tests.handlers.asking import Refused, whole
from tests.handlers.strangers import HEALTH, WITHIN, Stranger, post, stranger
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOGIN = "/api/v1/auth/login"
EVERYWHERE = (LOGIN, "/api/v1/messages", "/api/v1/webhooks/facebook", "/nothing", "/health", "/socket.io/", "/")
SOON = Deadlines(header=1.0, body=1.0, answer=1.0)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hasty(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """A server with short deadlines."""
    async with open_desk(mongo_uri, tmp_path_factory.mktemp("hasty"), SOON) as opened:
        yield opened


async def after_a_deadline(desk: Desk) -> None:
    """Return when a connection that began just now, and said nothing, has been cut."""
    async with stranger(desk) as silent:
        assert await silent.cut() == b""


async def healthy(desk: Desk) -> None:
    """See that another caller is answered."""
    async with asyncio.timeout(WITHIN):
        assert (await whole(desk, "GET", "/health/live")).status == 200


# Compressed bodies.


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "GZIP"])
@pytest.mark.parametrize("path", EVERYWHERE)
async def test_no_compressed_body_is_ever_inflated(desk: Desk, path: str, encoding: str) -> None:
    """Had anyone tried, this would not be gzip, and the connection not be good for another request."""
    async with stranger(desk) as line:
        line.say(post(path, 300, f"Content-Encoding: {encoding}"), b"\xff" * 300, HEALTH)
        assert (await line.told()).status >= 400
        assert (await line.told()).status == 200


async def test_a_compressed_sign_in_is_refused(desk: Desk) -> None:
    for encoding in ("gzip", "identity, gzip", "made-up"):
        answer = await whole(desk, "POST", LOGIN, data=b"{}", headers={"Content-Encoding": encoding})
        assert answer.refused == Refused(415, "unsupported_media_type")


async def test_others_are_answered_while_bombs_come(desk: Desk) -> None:
    zeros = bytes(64 << 20)
    bombs = {"gzip": gzip.compress(zeros), "deflate": zlib.compress(zeros)}

    async def throw(path: str, encoding: str) -> int:
        headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
        return (await whole(desk, "POST", path, data=bombs[encoding], headers=headers)).status

    thrown = asyncio.gather(*(throw(path, encoding) for path in EVERYWHERE for encoding in bombs))
    while not thrown.done():
        await healthy(desk)
    assert min(await thrown) >= 400


# Deadlines.


async def test_a_connection_that_says_nothing_is_closed(hasty: Desk) -> None:
    await after_a_deadline(hasty)


@pytest.mark.parametrize("half", [b"G", b"GET /health/live HTTP/1.1\r\nHo", b"\r\n"])
async def test_half_a_header_is_cut_off(hasty: Desk, half: bytes) -> None:
    async with stranger(hasty) as line:
        line.say(half)
        assert await line.cut() == b""


async def test_a_header_may_not_come_a_byte_a_time(hasty: Desk) -> None:
    async with stranger(hasty) as line, asyncio.TaskGroup() as group:
        line.say(b"GET /health/live HTTP/1.1\r\nX-Slow: ")
        group.create_task(line.drip())
        assert await line.cut() == b""


async def test_half_a_header_on_a_connection_that_was_used_is_cut_off_too(hasty: Desk) -> None:
    async with stranger(hasty) as line:
        line.say(HEALTH)
        assert (await line.told()).status == 200
        line.say(HEALTH[:20])
        assert await line.cut() == b""


@pytest.mark.parametrize("path", [LOGIN, "/api/v1/auth/refresh"])
async def test_half_a_body_is_answered_in_time(hasty: Desk, path: str) -> None:
    async with stranger(hasty) as line:
        line.say(post(path, 100), b'{"email": ')
        assert (await line.told()).refused == Refused(408, "request_timeout")
        assert await line.cut() == b""


async def test_a_byte_a_time_makes_no_more_time_for_a_body(hasty: Desk) -> None:
    async with stranger(hasty) as line, asyncio.TaskGroup() as group:
        line.say(post(LOGIN, 10_000))
        group.create_task(line.drip())
        assert (await line.told()).refused == Refused(408, "request_timeout")
        await line.cut()


async def test_a_body_in_chunks_that_never_end_is_answered_in_time(hasty: Desk) -> None:
    async with stranger(hasty) as line:
        line.say(b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
        line.say(b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n")
        assert (await line.told()).refused == Refused(408, "request_timeout")


async def test_a_client_that_takes_no_answer_is_cut_off(hasty: Desk) -> None:
    async with stranger(hasty) as line:
        line.writer.transport.set_write_buffer_limits(1 << 30)
        line.reader._limit = 1  # type: ignore[attr-defined]  # its reading pauses after the first bytes
        line.say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 20_000)

        def is_cut() -> bool:
            line.say(b"\r\n")
            return line.writer.transport.is_closing()

        await until(is_cut, within=WITHIN)


async def test_a_quiet_connection_that_was_used_is_kept(hasty: Desk) -> None:
    async with stranger(hasty) as line:
        body = b'{"email": "nobody@acme.test", "password": "wrong wrong"}'
        line.say(post(LOGIN, len(body)), body[:5])
        await healthy(hasty)
        line.say(body[5:])  # the last bytes of a body begin no header
        assert (await line.told()).status == 401
        await after_a_deadline(hasty)
        line.say(HEALTH)
        assert (await line.told()).status == 200


async def test_an_answer_may_take_longer_than_any_deadline(hasty: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    commit, gate = _commit_of(monkeypatch)
    async with asyncio.TaskGroup() as group, asyncio.timeout(2 * WITHIN):
        posted = group.create_task(hasty.ask("POST", "/messages", hasty.message()))
        await commit.wait()
        await after_a_deadline(hasty)
        await after_a_deadline(hasty)
        gate.set()
    assert posted.result()[0] == 201


def _commit_of(monkeypatch: pytest.MonkeyPatch) -> tuple[asyncio.Event, asyncio.Event]:
    """Hold the next commit: return what is set when it begins, and what to set for it to go on."""
    from app.journal.writing import Writing

    begun, gate, commit = asyncio.Event(), asyncio.Event(), Writing.commit

    async def held(self: Writing, *args: Any, **options: Any) -> Any:
        begun.set()
        await gate.wait()
        return await commit(self, *args, **options)

    monkeypatch.setattr(Writing, "commit", held)
    monkeypatch.setattr("app.journal.journal.DEADLINE", 3 * WITHIN)
    return begun, gate


async def test_a_websocket_owes_nothing_here(hasty: Desk) -> None:
    follower = await hasty.listen()
    await follower.ready()
    await after_a_deadline(hasty)
    await after_a_deadline(hasty)
    assert (await follower.call("presence:list", {}))["ok"]
    await follower.client.disconnect()


# Connections of one address.


@pytest_asyncio.fixture(loop_scope="session")
async def narrow(mongo_uri: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A server that takes three connections of an address, and any number of one proxy's."""
    given = {"RATE_LIMITS": "on", "SOCKETS_PER_ADDRESS": "3", "TRUSTED_PROXIES": "127.0.0.9"}
    async with open_desk(mongo_uri, tmp_path, **given) as desk:
        await desk.http.connector.close()  # type: ignore[union-attr]  # what made the company holds no place
        desk.http = aiohttp.ClientSession()
        yield desk
        await desk.http.close()


async def is_served(line: Stranger) -> bool:
    line.say(HEALTH)
    try:
        return (await line.told()).status == 200
    except (ConnectionError, asyncio.IncompleteReadError):
        return False


async def test_an_address_may_hold_so_many_connections_and_no_more(narrow: Desk) -> None:
    async with AsyncExitStack() as opened:
        lines = [await opened.enter_async_context(stranger(narrow)) for _ in range(3)]
        assert [await is_served(line) for line in lines] == [True] * 3
        async with stranger(narrow) as fourth:
            assert not await is_served(fourth)
        assert await is_served(lines[0]), "those who are in stay"
        lines[0].writer.transport.abort()

        async def there_is_room() -> bool:
            async with stranger(narrow) as fifth:
                return await is_served(fifth)

        await until(there_is_room, within=WITHIN)


async def test_silent_connections_are_counted_as_well(narrow: Desk) -> None:
    async with AsyncExitStack() as opened:
        for _ in range(3):
            await opened.enter_async_context(stranger(narrow))
        async with stranger(narrow) as fourth:
            assert not await is_served(fourth)


@pytest.mark.skipif(sys.platform != "linux", reason="one loopback address is all there is")
async def test_other_addresses_and_our_own_proxies_have_room(narrow: Desk) -> None:
    async with AsyncExitStack() as opened:
        for _ in range(3):
            await opened.enter_async_context(stranger(narrow))
        other = await opened.enter_async_context(stranger(narrow, local_addr=("127.0.0.8", 0)))
        assert await is_served(other)
        for _ in range(5):
            proxy = await opened.enter_async_context(stranger(narrow, local_addr=("127.0.0.9", 0)))
            assert await is_served(proxy)


async def test_a_websocket_gives_its_place_back(narrow: Desk) -> None:
    door = f"{narrow.base}/socket.io/?EIO=4&transport=websocket"
    sockets = [await narrow.http.ws_connect(door) for _ in range(3)]
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await narrow.http.ws_connect(door)
    assert refused.value.status == 429
    async with stranger(narrow) as line:
        assert await is_served(line), "who holds all their sockets can still ask"
    assert len(sockets) == 3


# Nonsense, and leaving.


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[list[Any]]:
    """Gather all that is logged from here on, ours and the libraries'."""
    records: list[Any] = []
    caplog.set_level(logging.DEBUG, "aiohttp.server")
    sink = logger.add(lambda message: records.append(message.record), level="DEBUG")
    yield records
    logger.remove(sink)
    records.extend(caplog.records)


NONSENSE = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x9a" * 32,  # TLS
    b"SSH-2.0-OpenSSH_9.2p1\r\n",
    b"hunter2\r\n\r\n",
    b"GET /hunter2 HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET /hunter2?token=hunter2 HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX-Api-Key hunter2\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: hunter2\r\n\r\n",
    b"GET /" + b"hunter2" * 2000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X-Key: hunter2\r\n" * 500 + b"\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
)


@pytest.mark.parametrize("said", NONSENSE, ids=lambda said: repr(said[:40]))
async def test_nonsense_is_refused_in_our_words_alone(desk: Desk, said: bytes, logged: list[Any]) -> None:
    async with stranger(desk) as line:
        line.say(said)
        answer = await line.told()
        assert answer.refused == Refused(400, "bad_request")
        assert b"hunter2" not in answer.body
        _require_seal(answer.head)
        assert await line.cut() == b""
    _require_calm(logged)


async def test_an_expectation_that_nobody_knows_is_refused_likewise(desk: Desk) -> None:
    answer = await whole(desk, "POST", LOGIN, headers={"Expect": "a miracle"})
    assert answer.refused == Refused(400, "bad_request")


def _require_seal(head: str) -> None:
    fields = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if line)
    assert "server" not in fields
    assert fields["x-content-type-options"] == "nosniff"
    assert fields["referrer-policy"] == "no-referrer"
    assert fields["cache-control"] == "no-store"


def _require_calm(logged: list[Any]) -> None:
    """See that no more than a line was logged, and nothing that wakes anyone."""
    ours = [each for each in logged if isinstance(each, dict)]
    assert len(ours) <= 1, ours
    assert all(each["level"].name == "DEBUG" and each["exception"] is None for each in ours)
    theirs = [each for each in logged if not isinstance(each, dict)]
    assert not [each for each in theirs if each.levelno > logging.DEBUG or each.exc_info], theirs


@pytest.mark.parametrize("path", [LOGIN, "/api/v1/messages"])
async def test_whoever_leaves_within_a_body_leaves_one_line_of_debug(desk: Desk, logged: list[Any], path: str) -> None:
    async with stranger(desk) as line:
        line.say(post(path, 100, f"X-API-Key: {desk.key}"), b'{"half')
        await healthy(desk)
    await until(lambda: any(each["message"] == "client left within a request" for each in logged), within=WITHIN)
    _require_calm(logged)
    await healthy(desk)


@pytest.mark.parametrize("path", ["/nothing", "/api/v1/webhooks/facebook", "/health/live"])
async def test_whoever_leaves_where_nobody_reads_leaves_nothing(desk: Desk, logged: list[Any], path: str) -> None:
    async with stranger(desk) as line:
        line.say(post(path, 100), b'{"half')
        assert (await line.told()).status >= 400
    await healthy(desk)
    _require_calm(_without_requests(logged))


@pytest.mark.parametrize("path", [LOGIN, "/nothing", "/health/live"])
async def test_chunks_of_garbage_are_refused_and_wake_nobody(hasty: Desk, path: str, logged: list[Any]) -> None:
    async with stranger(hasty) as line:
        line.say(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode())
        line.say(b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n")
        await healthy(hasty)
        line.say(b"garbage\r\n\r\n")
        assert (await line.told()).status >= 400
        await line.cut()
    _require_calm(_without_requests(logged))


def _without_requests(logged: list[Any]) -> list[Any]:
    return [each for each in logged if not isinstance(each, dict) or each["message"] != "request"]


async def test_what_anybody_may_send_is_small(desk: Desk) -> None:
    async with stranger(desk) as line:
        line.say(post(LOGIN, MOST_PUBLIC_BODY + 1))
        assert (await line.told()).refused == Refused(413, "body_too_large"), "before a byte of it was waited for"
    async with stranger(desk) as line:
        line.say(b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
        line.say(b"Transfer-Encoding: chunked\r\n\r\n8000\r\n", b" " * 0x8000)
        assert (await line.told()).refused == Refused(413, "body_too_large")


# Bodies that were refused, and come all the same.


Piece = tuple[int, Protocol, int]


@pytest_asyncio.fixture(loop_scope="session")
async def pieces(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Piece]]:
    """Everything that connections hear: in which turn of the loop, which of them, and how many bytes."""
    heard: list[Piece] = []
    turn, hear = 0, Protocol.data_received

    async def count() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    def noted(self: Protocol, data: bytes) -> None:
        if data:
            heard.append((turn, self, len(data)))
        hear(self, data)

    counting = asyncio.create_task(count())
    monkeypatch.setattr(Protocol, "data_received", noted)
    yield heard
    counting.cancel()


async def pour(line: Stranger, size: int) -> None:
    """Send a body that was refused already, and another request behind it."""
    for _ in range(size >> 20):
        line.say(bytes(1 << 20))
        await line.writer.drain()
    line.say(HEALTH)
    assert (await line.told()).status == 200


async def test_refused_bodies_are_read_a_piece_a_turn_however_many_come(desk: Desk, pieces: list[Piece]) -> None:
    async with AsyncExitStack() as opened:
        lines = [await opened.enter_async_context(stranger(desk)) for _ in range(20)]
        for line in lines:
            line.say(post(LOGIN, 4 << 20))
            assert (await line.told()).refused == Refused(413, "body_too_large")
        pieces.clear()
        async with asyncio.timeout(2 * WITHIN), asyncio.TaskGroup() as group:
            for line in lines:
                group.create_task(pour(line, 4 << 20))
    firsts: Counter[Protocol] = Counter()
    later: Counter[int] = Counter()
    for turn, connection, _ in pieces:
        firsts[connection] += 1
        later[turn] += firsts[connection] > 2  # nobody waits for a turn before anything came
    assert len(firsts) == len(lines)
    assert max(later.values()) <= 2


async def test_a_refused_body_that_waits_for_its_turn_is_in_no_memory(
    desk: Desk, pieces: list[Piece], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.handlers.reading.TURN", 2 * WITHIN)
    async with stranger(desk) as line:
        line.say(post(LOGIN, 16 << 20))
        assert (await line.told()).status == 413
        pieces.clear()
        line.say(bytes(16 << 20))
        await until(lambda: len(pieces) > 0)
        for _ in range(5):
            await healthy(desk)
        assert sum(size for _, _, size in pieces) < 1 << 20


# Webhooks that nobody has proven.

WEBHOOK = "/api/v1/webhooks/facebook"
APP_SECRET = "the secret of our app at Meta"
MADE_UP = f"X-Hub-Signature-256: sha256={'0' * 64}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def meta(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """A server with an app at Meta."""
    async with open_desk(mongo_uri, tmp_path_factory.mktemp("meta"), FACEBOOK_APP_SECRET=APP_SECRET) as opened:
        yield opened


@pytest.mark.parametrize("header", ["X-A: b", "X-Hub-Signature-256: x", MADE_UP[:-1], MADE_UP + "0"])
async def test_a_webhook_that_cannot_be_proven_is_refused_before_its_body(meta: Desk, header: str) -> None:
    async with stranger(meta) as line:
        line.say(post(WEBHOOK, 1000, header))
        assert (await line.told()).refused == Refused(401, "unauthenticated")


async def test_where_nobody_can_be_meta_no_body_is_waited_for(desk: Desk) -> None:
    async with stranger(desk) as line:
        line.say(post(WEBHOOK, 1000, MADE_UP))
        assert (await line.told()).refused == Refused(403, "forbidden")


async def test_a_webhook_larger_than_any_platform_sends_is_refused_before_its_body(meta: Desk) -> None:
    async with stranger(meta) as line:
        line.say(post(WEBHOOK, MOST_BYTES + 1, MADE_UP))
        assert (await line.told()).refused == Refused(413, "body_too_large")


async def test_a_compressed_webhook_is_refused(meta: Desk) -> None:
    async with stranger(meta) as line:
        line.say(post(WEBHOOK, 1000, MADE_UP, "Content-Encoding: gzip"))
        assert (await line.told()).refused == Refused(415, "unsupported_media_type")


async def test_webhooks_that_do_not_come_make_room_for_those_that_do(meta: Desk) -> None:
    async with AsyncExitStack() as opened:
        slow = [await opened.enter_async_context(stranger(meta)) for _ in range(2 * PLACES)]
        for line in slow:
            line.say(post(WEBHOOK, MOST_BYTES, MADE_UP), b"{" * 1000)
            await healthy(meta)
        turned_away = [await line.told() for line in slow[:PLACES]]
        assert {each.refused for each in turned_away} == {Refused(503, "busy")}
        assert all("retry-after: 1\r\n" in each.head.lower() for each in turned_away)
        body = b'{"object": "page", "entry": []}' + b" " * 100_000
        signature = hmac.new(APP_SECRET.encode(), body, hashlib.sha256).hexdigest()
        genuine = await opened.enter_async_context(stranger(meta))
        genuine.say(post(WEBHOOK, len(body), f"X-Hub-Signature-256: sha256={signature}"), body[:9])
        await healthy(meta)
        assert (await slow[PLACES].told()).status == 503
        genuine.say(body[9:])
        assert (await genuine.told()).status == 200
