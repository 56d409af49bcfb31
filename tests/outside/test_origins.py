"""Which web pages may call this server, and what the log says of the others."""

import ssl
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from loguru import logger

from app.outside.origins import MOST_LOGGED, Origins
from app.settings import Settings

DESK = "https://desk.example"
PAGES: list[tuple[str | None, bool, bool]] = [  # the origin, allowed in development, in production
    (None, True, True),
    (DESK, True, True),
    ("https://chat.example.com", True, True),
    ("https://chat.example.com:8443", False, False),
    ("http://chat.example.com", False, False),
    ("http://server:4000", True, False),
    ("https://server:4000", False, False),
    ("http://server", False, False),
    ("x://server:4000", False, False),
    ("http://localhost:5173", True, False),
    ("https://localhost", True, False),
    ("http://127.0.0.1:8080", True, False),
    ("http://[::1]:8080", True, False),
    ("http://localhost.evil.example", False, False),
    ("http://localhost:5173.evil.example", False, False),
    ("http://me@localhost:5173", False, False),
    ("https://evil.example", False, False),
    (DESK + ".evil.example", False, False),
    ("http://desk.example", False, False),
    ("null", False, False),
    ("", False, False),
]


@pytest.fixture
def logged() -> Iterator[list[dict[str, Any]]]:
    """The facts of each line that is logged."""
    lines: list[dict[str, Any]] = []
    sink = logger.add(lambda message: lines.append({"line": message.record["message"], **message.record["extra"]}))
    yield lines
    logger.remove(sink)


def origins(**more: Any) -> Origins:
    return Origins(Settings(cors_origins=DESK, public_url="https://Chat.example.com:443/in", **more))


def allows(asked: Origins, origin: str | None, *, over_tls: bool = False) -> bool:
    """Ask for a page that calls the server at http://server:4000."""
    headers = {"Host": "server:4000"} | ({} if origin is None else {"Origin": origin})
    context = ssl.create_default_context() if over_tls else None
    return asked.allow(make_mocked_request("GET", "/", headers=headers, sslcontext=context))


@pytest.mark.parametrize(("origin", "in_development", "in_production"), PAGES)
def test_pages_of_known_origins_alone_may_call(origin: str | None, in_development: bool, in_production: bool) -> None:
    assert allows(origins(), origin) is in_development
    assert allows(origins(environment="production"), origin) is in_production


def test_a_page_of_the_plain_address_may_not_call_the_encrypted_one() -> None:
    assert allows(origins(), "https://server:4000", over_tls=True)
    assert not allows(origins(), "http://server:4000", over_tls=True)


def test_every_page_may_call_where_that_was_asked_for() -> None:
    assert allows(Origins(Settings(cors_origins="*")), "https://evil.example")


def test_a_refused_origin_is_logged_once_with_the_setting_that_lets_it_in(logged: list[dict[str, Any]]) -> None:
    asked = origins()
    for origin in ("https://a.example", "https://a.example", DESK, "https://b.example"):
        allows(asked, origin)
    assert logged == [
        {"line": "origin refused", "origin": f"https://{each}.example", "setting": "CORS_ORIGINS"} for each in "ab"
    ]


def test_made_up_origins_do_not_fill_the_log(logged: list[dict[str, Any]]) -> None:
    asked = origins()
    for number in range(MOST_LOGGED + 50):
        allows(asked, f"https://{number}." + "x" * 5000)
    assert len(logged) == MOST_LOGGED
    assert max(len(each["origin"]) for each in logged) <= 200
