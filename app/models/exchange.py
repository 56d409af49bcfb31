"""A conversation with a platform as a generator that yields requests: no socket, no clock, nothing to mock."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import orjson

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Request:
    """One HTTP request. `body` goes as JSON; secrets in `url`, `query` and `headers` are never logged."""

    method: str
    url: str
    body: Mapping[str, Any] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came back, whole. Names of headers are in lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_success(self) -> bool:
        """Tell whether the status is one of the 200s."""
        return 200 <= self.status < 300

    @cached_property
    def json(self) -> Any:
        """Return the body as JSON, None when it is none: an HTML page, an empty body."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None

    @property
    def facts(self) -> Mapping[str, Any]:
        """Return the body if it is a JSON object, else an empty one."""
        return self.json if isinstance(self.json, dict) else {}


Exchange = Generator[Request, Reply, T]
"""Yields requests, is sent their replies, returns what they came to. Raises Refused."""
