"""A request as its log lines name it: its id, where it comes from, and who asks."""

import itertools
import re
import secrets
from typing import Any

from aiohttp import web
from multidict import istr

from app.models.caller import Caller

REQUEST_ID = istr("X-Request-Id")
WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}")

# An id need not be secret, only its own: counted, it costs a tenth of a random one.
_process = secrets.token_hex(6)
_numbers = itertools.count(1)


class RequestTrace:
    """What each line of one request says of it, until it has been answered."""

    __slots__ = ("caller", "id", "over", "remote")

    def __init__(self, id: str, remote: str) -> None:
        self.id = id
        self.remote = remote
        self.caller: Caller | None = None  # once it is known
        self.over = False  # what it began and left behind is no part of it

    def facts(self) -> dict[str, Any]:
        """Return the id and the address, and whose request it is once that is proven."""
        if self.over:
            return {}
        known: dict[str, Any] = {"request_id": self.id, "remote": self.remote}
        if self.caller is not None:
            known |= self.caller.facts()
        return known


OF_REQUEST = web.RequestKey("trace", RequestTrace)


def request_id(request: web.BaseRequest) -> str:
    """Return the id of a request: the same in its answer and in its lines, also where no route was asked."""
    trace = request.get(OF_REQUEST)
    return (trace or trace_of(request, request.remote or "")).id


def trace_of(request: web.BaseRequest, remote: str) -> RequestTrace:
    """Give a request its trace: with the id that the client chose, if it is well-formed, else with a new one."""
    trace = request[OF_REQUEST] = RequestTrace(_id_of(request), remote)
    return trace


def _id_of(request: web.BaseRequest) -> str:
    given = request.headers.get(REQUEST_ID)
    if given is not None and WELL_FORMED.fullmatch(given):
        return given
    return f"{_process}-{next(_numbers):x}"
