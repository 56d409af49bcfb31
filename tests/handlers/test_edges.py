"""What every address has in common: health, unknown paths, pages of other origins, request ids."""

import base64
import hashlib
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from loguru import logger

from app import __version__
from app.handlers.front import front_page
from app.settings import Settings
from app.settings_values import Environment
from tests.desk import Desk
from tests.handlers.asking import PAGE, Refused, whole

pytestmark = pytest.mark.asyncio(loop_scope="session")

CALLS = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "X-API-Key, Idempotency-Key"}


async def test_it_is_alive_ready_and_well(desk: Desk) -> None:
    for path in ("/health/live", "/health/ready"):
        answer = await whole(desk, "GET", path)
        assert (answer.status, answer.body) == (200, {"status": "ok"})
    answer = await whole(desk, "GET", "/health")
    assert answer.status == 200
    assert answer.body.keys() == {"status", "version", "uptime_seconds", "mongodb"}
    assert (answer.body["status"], answer.body["version"], answer.body["mongodb"]) == ("ok", __version__, "ok")


async def test_a_server_that_is_stopping_lives_but_wants_no_clients(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk.hub.drain, "begun", True)
    said = [await whole(desk, "GET", path) for path in ("/health/live", "/health/ready", "/health")]
    assert [answer.status for answer in said] == [200, 503, 503]
    assert [answer.body["status"] for answer in said] == ["ok", "draining", "draining"]


async def test_a_server_that_is_stopping_takes_no_message(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk.hub.journal, "draining", True)
    answer = await whole(desk, "POST", "/api/v1/messages", json=desk.message(), headers={"X-API-Key": desk.key})
    assert (answer.refused, answer.headers["Retry-After"]) == (Refused(503, "draining"), "1")
    assert answer.body["error"]["retryable"] is True


async def test_the_front_page_says_how_to_connect(desk: Desk) -> None:
    answer = await whole(desk, "GET", "/", headers={"Host": 'x"><script>'})
    assert answer.status == 200
    assert "/api/v1/messages" in answer.body
    assert "<script" not in answer.body


async def test_the_front_page_loads_nothing_but_its_own_style_and_is_in_no_frame(desk: Desk) -> None:
    answer = await whole(desk, "GET", "/")
    style = answer.body.partition("<style>")[2].partition("</style>")[0]
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = {each.split()[0]: each.split()[1:] for each in answer.headers["Content-Security-Policy"].split(";")}
    assert policy["default-src"] == policy["frame-ancestors"] == ["'none'"]
    assert policy["style-src"] == [f"'sha256-{hashed}'"]
    assert "style=" not in answer.body


async def test_in_production_the_front_page_tells_nothing_of_what_runs_here() -> None:
    settings = Settings(environment=Environment.PRODUCTION)
    answer = await front_page(settings)(make_mocked_request("GET", "/"))
    assert (answer.status, answer.content_type) == (200, "text/plain")
    assert __version__ not in str(answer.text)
    assert "Parley" not in str(answer.text)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/health"),
        ("GET", "/nothing"),
        ("PUT", "/health"),
        ("GET", "/socket.io/"),
        ("GET", "/api/v1/auth/me"),
        ("GET", "/api/v1/contacts"),
        ("POST", "/api/v1/auth/login"),
        ("POST", "/api/v1/webhooks/facebook"),
        ("OPTIONS", "/api/v1/messages"),
    ],
)
async def test_every_answer_is_sealed(desk: Desk, method: str, path: str) -> None:
    key = {} if path.endswith("me") else {"X-API-Key": desk.key}
    headers = (await whole(desk, method, path, headers={"Origin": PAGE, **CALLS, **key})).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "Server" not in headers


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/messages", "/nothing", "/api/v1/messages/1/2", "/%00"])
async def test_an_unknown_path_is_refused_like_everything_else(desk: Desk, path: str) -> None:
    assert (await whole(desk, "GET", path)).refused == Refused(404, "route_not_found")


@pytest.mark.parametrize("path", ["/api/v1/auth/me", "/api/v1/contacts/" + "a" * 24, "/health"])
async def test_an_unknown_method_is_refused_and_told_the_known_ones(desk: Desk, path: str) -> None:
    answer = await whole(desk, "PUT", path)
    assert answer.refused == Refused(405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


async def test_a_page_of_an_allowed_origin_may_call_the_api(desk: Desk) -> None:
    answer = await whole(desk, "OPTIONS", "/api/v1/messages", headers={"Origin": PAGE, **CALLS})
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, PAGE)
    assert answer.headers["Access-Control-Allow-Methods"] == "POST"
    assert {name.strip().lower() for name in answer.headers["Access-Control-Allow-Headers"].split(",")} == {
        "x-api-key",
        "idempotency-key",
    }


@pytest.mark.parametrize(("key", "status"), [("", 401), (None, 200)])
async def test_that_page_can_read_answers_and_refusals(desk: Desk, key: str | None, status: int) -> None:
    headers = {"Origin": PAGE, "X-API-Key": desk.key if key is None else key}
    answer = await whole(desk, "GET", "/api/v1/auth/me", headers=headers)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (status, PAGE)
    assert "Idempotency-Replayed" in answer.headers["Access-Control-Expose-Headers"]


async def test_in_development_a_page_of_this_machine_may_call_from_any_port(desk: Desk) -> None:
    for page in ("http://localhost:5173", "http://127.0.0.1:3000"):
        preflight = await whole(desk, "OPTIONS", "/api/v1/messages", headers={"Origin": page, **CALLS})
        answer = await whole(desk, "GET", "/api/v1/auth/me", headers={"Origin": page, "X-API-Key": desk.key})
        for each in (preflight, answer):
            assert (each.status, each.headers["Access-Control-Allow-Origin"]) == (200, page)


async def test_a_page_that_is_refused_is_logged_once_with_the_setting_that_lets_it_in(desk: Desk) -> None:
    page, lines = "https://stranger.example", list[dict[str, Any]]()
    sink = logger.add(lambda message: lines.append(message.record["extra"]), level="WARNING")
    for method in ("OPTIONS", "OPTIONS", "GET"):
        await whole(desk, method, "/api/v1/auth/me", headers={"Origin": page, **CALLS})
    logger.remove(sink)
    assert [each for each in lines if each.get("origin") == page] == [{"origin": page, "setting": "CORS_ORIGINS"}]


async def test_a_page_of_another_origin_may_not(desk: Desk) -> None:
    preflight = await whole(desk, "OPTIONS", "/api/v1/messages", headers={"Origin": "https://evil.example", **CALLS})
    assert preflight.refused == Refused(403, "origin_refused")
    assert "CORS_ORIGINS" in preflight.body["error"]["message"]
    answer = await whole(
        desk, "GET", "/api/v1/auth/me", headers={"Origin": "https://evil.example", "X-API-Key": desk.key}
    )
    for each in (preflight, answer):
        assert "Access-Control-Allow-Origin" not in each.headers


async def test_a_refusal_carries_the_id_that_the_client_gave_its_request(desk: Desk) -> None:
    answer = await whole(desk, "GET", "/api/v1/auth/me", headers={"X-Request-Id": "trace-1.a_B"})
    assert answer.body["error"]["request_id"] == answer.headers["X-Request-Id"] == "trace-1.a_B"


@pytest.mark.parametrize("given", ["", "has space", "<script>", "x" * 65])
async def test_any_other_refusal_gets_an_id_of_its_own(desk: Desk, given: str) -> None:
    answers: list[Any] = [await whole(desk, "GET", "/nothing", headers={"X-Request-Id": given}) for _ in range(2)]
    ids = [answer.body["error"]["request_id"] for answer in answers]
    assert ids == [answer.headers["X-Request-Id"] for answer in answers]
    assert len({*ids, given}) == 3
