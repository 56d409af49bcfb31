"""Access tokens: a good one is read, whatever else is signed with our secret is refused in words."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from app.errors import TokenExpired, Unauthenticated
from app.outside.derived import key_name
from app.outside.tokens import Claims, Tokens

SECRET = "s" * 32
NOW = datetime(2026, 3, 1, 12, 0, 0, 400_000, tzinfo=UTC)
IDS = {"sub": "1" * 24, "cid": "2" * 24, "sid": "3" * 24}
BODY: dict[str, Any] = {
    **IDS,
    "iss": "parley",
    "aud": "parley",
    "jti": "4" * 24,
    "iat": int(NOW.timestamp()),
    "exp": int(NOW.timestamp()) + 60,
}
HEADER = {"kid": key_name(SECRET), "typ": "JWT"}


def tokens(now: datetime = NOW, secret: str = SECRET) -> Tokens:
    return Tokens(secret, timedelta(minutes=15), lambda: now)


def issued(seconds: float) -> str:
    claims = Claims(IDS["sub"], IDS["cid"], IDS["sid"], NOW + timedelta(seconds=seconds))
    return tokens().issue(claims, "4" * 24, NOW)


def signed(body: Mapping[str, Any] = BODY, header: Mapping[str, Any] = HEADER) -> str:
    return jwt.encode(dict(body), SECRET, algorithm="HS256", headers=dict(header))


def test_a_token_says_what_was_put_in() -> None:
    claims = tokens().read(issued(60))
    assert (claims.user_id, claims.company_id, claims.session_id) == (IDS["sub"], IDS["cid"], IDS["sid"])
    assert tokens().read(signed()) == Claims(
        IDS["sub"], IDS["cid"], IDS["sid"], datetime.fromtimestamp(BODY["exp"], UTC)
    )


def test_a_token_lives_as_long_as_was_said_and_ends_within_a_second_then() -> None:
    token = issued(10)
    tokens(NOW + timedelta(seconds=10, milliseconds=-1)).read(token)
    with pytest.raises(TokenExpired):
        tokens(NOW + timedelta(seconds=11)).read(token)


def test_a_token_of_a_clock_that_is_ahead_is_good_and_one_that_ended_is_not() -> None:
    for ahead in (timedelta(seconds=2), timedelta(seconds=59)):
        tokens(NOW - ahead).read(issued(60))
    with pytest.raises(Unauthenticated):
        tokens(NOW - timedelta(seconds=61)).read(issued(60))
    tokens().read(signed({**BODY, "nbf": BODY["iat"] + 59}))
    with pytest.raises(TokenExpired):
        tokens(NOW + timedelta(seconds=60)).read(signed())


NO_TIMES: tuple[Any, ...] = (10**30, 10**400, -(10**30), [], {}, "x", True)
NO_IDS: tuple[Any, ...] = ("", "x", 7, None, [], {}, "g" * 24, "1" * 23, "1" * 24 + "\n")


@pytest.mark.parametrize(
    "wrong",
    [
        *({name: value} for name in ("exp", "iat", "nbf") for value in NO_TIMES),
        *({name: value} for name in IDS for value in NO_IDS),
        {"aud": "other"},
        {"aud": {}},
        {"aud": [1]},
        {"iss": []},
        {"iss": "other"},
        {"jti": 1},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"nbf": BODY["iat"] + 62},
        {"iat": BODY["iat"] + 62},
    ],
)
def test_claims_without_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((Unauthenticated, TokenExpired)):
        tokens().read(_raw({**BODY, **wrong}))


def _raw(body: Mapping[str, Any]) -> str:
    """Sign a body that the library would not write."""
    head, payload = (_part(each) for each in ({"alg": "HS256", **HEADER}, body))
    signature = jwt.get_algorithm_by_name("HS256").sign(f"{head}.{payload}".encode(), SECRET.encode())
    return f"{head}.{payload}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def _part(body: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(body).encode()).decode().rstrip("=")


@pytest.mark.parametrize("name", ["exp", "iat", "iss", "aud", "sub", "jti", "sid", "cid"])
def test_a_claim_that_is_missing_is_refused(name: str) -> None:
    with pytest.raises(Unauthenticated):
        tokens().read(signed({key: value for key, value in BODY.items() if key != name}))


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {**HEADER, "kid": "1"},
        {**HEADER, "kid": ""},
        {**HEADER, "typ": "other"},
        {**HEADER, "typ": None},
    ],
)
def test_a_token_of_another_kind_or_key_is_refused(header: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        tokens().read(signed(header=header))


def test_a_token_of_another_secret_is_refused_even_under_our_keys_name() -> None:
    other = tokens(secret="t" * 32)
    assert key_name("t" * 32) != key_name(SECRET)
    for header in (HEADER, {**HEADER, "kid": key_name("t" * 32)}):
        with pytest.raises(Unauthenticated):
            other.read(signed(header=header))


@pytest.mark.parametrize("head", ["[" * 5000, '"x"', "[]", '{"alg": "none"}', "{", '{"alg": [], "kid": 1}'])
def test_a_header_that_is_none_is_refused(head: str) -> None:
    encoded = base64.urlsafe_b64encode(head.encode()).decode().rstrip("=")
    with pytest.raises(Unauthenticated):
        tokens().read(f"{encoded}.{_part(BODY)}.x")


def test_a_body_that_goes_on_inwards_is_refused() -> None:
    head = _part({"alg": "HS256", **HEADER})
    deep = base64.urlsafe_b64encode(b"[" * 100_000).decode().rstrip("=")
    signature = jwt.get_algorithm_by_name("HS256").sign(f"{head}.{deep}".encode(), SECRET.encode())
    with pytest.raises(Unauthenticated):
        tokens().read(f"{head}.{deep}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}")
