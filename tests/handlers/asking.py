"""Ask the API, and read its refusals."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.desk import Desk

PAGE = "https://desk.example"
NOWHERE = "f" * 24


@dataclass(frozen=True)
class Refused:
    """What a refusal says."""

    status: int
    code: str
    fields: tuple[str, ...] = ()


def missing(*fields: str) -> Refused:
    """Return the refusal of ids that lead nowhere."""
    return Refused(404, "not_found", fields)


@dataclass(frozen=True)
class Answer:
    """A whole answer: its headers too."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def refused(self) -> Refused:
        """Return the refusal; anything else is a mistake of the test."""
        return refusal_in(self.status, self.body)


async def refusal(desk: Desk, method: str, path: str, body: Any = None, **more: Any) -> Refused:
    """Ask for what will be refused, and return what the refusal says."""
    return refusal_in(*await desk.ask(method, path, body, **more))


def refusal_in(status: int, body: Any) -> Refused:
    """Read a refusal, whose shape never differs."""
    assert body.keys() == {"success", "error"}, body
    error = body["error"]
    assert body["success"] is False
    assert error.keys() >= {"code", "message", "details", "request_id", "retryable"}
    assert error["message"]
    assert error["request_id"]
    return Refused(status, error["code"], tuple(detail["field"] for detail in error["details"]))


async def whole(desk: Desk, method: str, path: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Answer:
    """Ask as nobody in particular, anywhere on the server, and return the whole answer."""
    async with desk.http.request(method, f"{desk.base}{path}", headers=headers, **more) as response:
        body = await (response.json() if response.content_type == "application/json" else response.text())
        return Answer(response.status, response.headers, body)


async def got(desk: Desk, path: str) -> Any:
    """Read something that is there, and return its data."""
    status, answer = await desk.ask("GET", path)
    assert status == 200, answer
    return answer["data"]


async def walked(desk: Desk, path: str) -> list[list[dict[str, Any]]]:
    """Read a list page by page to its end."""
    pages, cursor = [], ""
    while cursor is not None:
        status, answer = await desk.ask("GET", f"{path}&before={cursor}" if cursor else path)
        assert status == 200, answer
        pages.append(answer["data"])
        cursor = answer["page"]["next"]
    return pages


async def head_of(desk: Desk) -> int:
    """Return the last seq of this company's log: what was stored raises it."""
    stream = await desk.hub.store.streams.get(desk.company.id)
    assert stream is not None
    return stream.head


async def changed(desk: Desk, path: str, body: Any, *, method: str = "PATCH", **more: Any) -> Any:
    """Change something, and return its data."""
    status, answer = await desk.ask(method, path, body, **more)
    assert status == 200, answer
    return answer["data"]
