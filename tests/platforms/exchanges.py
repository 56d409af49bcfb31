"""Play a platform's part: answer what an exchange asks, one reply a request."""

from collections.abc import Mapping
from typing import Any, TypeVar

import orjson

from app.models.exchange import Exchange, Reply, Request

T = TypeVar("T")


def answer(status: int = 200, body: Any = None, **headers: str) -> Reply:
    """Return a reply; a body of bytes goes as it is, all else as JSON. `_` in a header's name is a dash."""
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    return Reply(status=status, body=data, headers={name.replace("_", "-"): value for name, value in headers.items()})


def graph_error(code: int, subcode: int | None = None, status: int = 400, **more: Any) -> Reply:
    """Return a refusal as the Graph words it."""
    error: Mapping[str, Any] = {
        "message": "(#x) Nobody parses this",
        "type": "OAuthException",
        "code": code,
        **more,
    }
    return answer(status, {"error": {**error, **({"error_subcode": subcode} if subcode else {})}})


def play(exchange: Exchange[T], *replies: Reply) -> tuple[list[Request], T]:
    """Run an exchange to its end; what it asked, and what it came to. What it raises passes."""
    asked: list[Request] = []
    left = iter(replies)
    try:
        request = next(exchange)
        while True:
            asked.append(request)
            request = exchange.send(next(left))
    except StopIteration as stop:
        assert not list(left), "a reply was not asked for"
        return asked, stop.value
