"""The one adaptor between HTTP and actions: decode, validate, authorise, call, encode, map errors."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from aiohttp import hdrs, web
from pydantic import BaseModel, ValidationError

from app.access import KEY_MARKS, caller_with_key, caller_with_token, company_of, require_scope
from app.actions.keys import Done
from app.errors import (
    Forbidden,
    Invalid,
    NotFound,
    Refusal,
    TokenExpired,
    Unauthenticated,
    UnsupportedType,
)
from app.handlers.answers import as_json, refusal_of_status, refused
from app.handlers.bodies import NoQuery, Query
from app.handlers.reading import MOST_BODY, MOST_PUBLIC_BODY, ClientLeft, body_of, is_compressed
from app.handlers.request_trace import OF_REQUEST
from app.hub import Hub
from app.journal.faults import refusal_of
from app.models.caller import Caller, CallerKind
from app.models.fields import invalid
from app.models.people import Scope
from app.outside.limiter import Rate
from app.outside.security_log import TOKEN_REFUSED

B = TypeVar("B", bound=BaseModel | None)
Q = TypeVar("Q", bound=Query)

COMPANY_SHARE = 10  # times what one key may ask: keys are made without number, and a company is one tenant
ID = re.compile(r"[0-9a-fA-F]{24}")
KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Ask(Generic[B, Q]):
    """One request, parsed: nothing in it needs to be checked again.

    `key` is its Idempotency-Key, `address` that of whoever sent it.
    """

    hub: Hub
    caller: Caller
    body: B
    query: Q
    id: str
    key: str | None
    address: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer: `data`, and beside it whatever the route promises."""

    data: Any
    status: int = 200
    beside: dict[str, Any] = field(default_factory=dict)
    replayed: bool = False

    @classmethod
    def done(cls, done: Done) -> "Reply":
        """Answer a thing as a change left it."""
        return cls(done.view, replayed=done.replayed)

    @classmethod
    def page(cls, views: list[dict[str, Any]], following: int | None) -> "Reply":
        """Answer a page of a list."""
        return cls(views, beside={"page": {"next": str(following) if following is not None else None}})


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the API: what it takes, whom it lets in, what it does.

    `needs` is the scope of a caller with a company; `public` lets anyone in; `internal` lets in the service without a
    company as well.
    """

    method: str
    path: str
    handle: Callable[[Ask[Any, Any]], Awaitable[Reply]]
    needs: Scope | None = None
    body: type[BaseModel] | None = None
    query: type[Query] = NoQuery
    public: bool = False
    internal: bool = False


Answer = Callable[[web.Request], Awaitable[web.Response]]


def endpoint(hub: Hub, route: Route) -> Answer:
    """Return the aiohttp handler of a route."""

    async def answer(request: web.Request) -> web.Response:
        return _respond(request, await route.handle(await _parse(hub, route, request)))

    return guarded(answer)


def guarded(answer: Answer) -> Answer:
    """Return a handler whose every error has become its answer."""

    async def guard(request: web.Request) -> web.Response:
        try:
            return await answer(request)
        except ClientLeft:
            raise
        except Exception as error:  # noqa: BLE001 — the one place where a request's error becomes its answer
            return refused(request, _refusal_of(error))

    return guard


async def _parse(hub: Hub, route: Route, request: web.Request) -> Ask[Any, Any]:
    caller = await _authorised(hub, route, request)
    id = request.match_info.get("id", "")
    if id and not ID.fullmatch(id):
        raise NotFound
    query = _validated(lambda: route.query.model_validate_strings(_single(request)))
    body = await _body_of(route, request) if route.body else None
    _require_own_company(caller, body)
    return Ask(hub, caller, body, query, id.lower(), _key_of(request, body), request[OF_REQUEST].remote)


NOBODY = Caller(kind=CallerKind.USER, id="", name="", company_id=None)


async def _authorised(hub: Hub, route: Route, request: web.Request) -> Caller:
    try:
        caller = await _caller_of(hub, request)
    except (Unauthenticated, TokenExpired):
        if route.public:
            return NOBODY
        raise
    request[OF_REQUEST].caller = caller
    _hold_to_limit(hub, caller)
    if caller.kind is CallerKind.INTERNAL:
        if not (route.internal or route.public):
            raise Forbidden("This key opens the internal routes alone.")
    elif route.needs is not None:
        require_scope(hub, caller, route.needs)
    return caller


def _hold_to_limit(hub: Hub, caller: Caller) -> None:
    """Refuse a person or a key that asks too often, in whichever process, and a company by all of its own together.

    The internal service is one of us.
    """
    if caller.kind is not CallerKind.INTERNAL:
        most = hub.settings.requests_per_second
        hub.limiter.take(f"requests {caller.principal}", Rate(most, 1.0, 2 * most))
        most *= COMPANY_SHARE
        hub.limiter.take(f"requests of {caller.company_id}", Rate(most, 1.0, 2 * most))


async def _caller_of(hub: Hub, request: web.Request) -> Caller:
    key = request.headers.get("X-API-Key")
    if key:
        return await caller_with_key(hub, key, request[OF_REQUEST].remote)
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated
    token = token.strip()
    if token.startswith(KEY_MARKS):
        hub.security.say(TOKEN_REFUSED)
        raise Unauthenticated("This is an API key: send it as X-API-Key, not as a Bearer token.")
    return await caller_with_token(hub, token)


def _single(request: web.Request) -> dict[str, str]:
    single: dict[str, str] = {}
    for name, value in request.query.items():
        if name in single:
            raise Invalid.of(name, "This is given twice.")
        single[name] = value
    return single


async def _body_of(route: Route, request: web.Request) -> BaseModel:
    assert route.body is not None
    if is_compressed(request):
        raise UnsupportedType
    if not request.can_read_body and route.method == hdrs.METH_POST and not _needs_fields(route.body):
        return route.body()
    if request.content_type != "application/json":
        raise UnsupportedType
    body, raw = route.body, await body_of(request, MOST_PUBLIC_BODY if route.public else MOST_BODY)
    return _validated(lambda: body.model_validate_json(raw))


def _needs_fields(body: type[BaseModel]) -> bool:
    return any(each.is_required() for each in body.model_fields.values())


M = TypeVar("M", bound=BaseModel)


def _validated(validate: Callable[[], M]) -> M:
    try:
        return validate()
    except ValidationError as error:
        raise invalid(error) from None


def _require_own_company(caller: Caller, body: BaseModel | None) -> None:
    named = getattr(body, "company_id", None)
    if isinstance(named, str) and caller.company_id is not None:
        company_of(caller, named)


def _key_of(request: web.Request, body: BaseModel | None) -> str | None:
    """Return the request's key: the header and `client_message_id` are one."""
    header = request.headers.get("Idempotency-Key")
    field_key: str | None = getattr(body, "client_message_id", None)
    if header is None:
        return field_key
    if not KEY.fullmatch(header):
        raise Invalid.of("Idempotency-Key", "1 to 255 visible ASCII characters.")
    if field_key is not None and field_key != header:
        raise Invalid.of("client_message_id", "The Idempotency-Key header says something else.")
    return header


def _refusal_of(error: Exception) -> Refusal:
    return refusal_of_status(error.status) if isinstance(error, web.HTTPException) else refusal_of(error)


def _respond(request: web.Request, reply: Reply) -> web.Response:
    response = as_json({"success": True, "data": reply.data, **reply.beside}, reply.status)
    if reply.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response
