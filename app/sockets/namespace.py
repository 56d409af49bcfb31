"""The one adaptor between socket events and actions: authenticate, validate, authorise, call, ack, map errors.

Every event of a client is answered with `{ok: true, data}` or `{ok: false, error}`, always.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import socketio
from loguru import logger
from pydantic import BaseModel, ValidationError
from pymongo.errors import PyMongoError
from socketio.exceptions import ConnectionRefusedError

from app.access import KEY_MARKS, caller_with_key, caller_with_token, company_of, require_fresh, require_scope
from app.errors import (
    Draining,
    IdentityMismatch,
    Invalid,
    RateLimited,
    Refusal,
    TooManyGuesses,
    Unauthenticated,
    UnknownEvent,
)
from app.hub import Hub
from app.journal.faults import refusal_of
from app.models.caller import Caller
from app.models.fields import invalid
from app.models.people import Scope
from app.outside.security_log import SOCKET_REFUSED, SOCKET_SIGNED_IN
from app.sockets.closing import CROWDED, FLOODED, GUESSED, TRY_LATER, Closing
from app.sockets.connection import Connection
from app.sockets.frames import ack_frame
from app.sockets.limits import Turnstile
from app.sockets.live import Live
from app.sockets.payloads import ConnectAuth
from app.sockets.rooms import Member
from app.sockets.visit import Visit, require_member

CLOSINGS: dict[type[Refusal], Closing] = {RateLimited: CROWDED, TooManyGuesses: GUESSED}
CONNECT_WITHIN = 5.0  # seconds for the connect handler: one slower than the ping time-out leaves ghosts


@dataclass(frozen=True, slots=True)
class Heard:
    """One event that clients may send. `handle` returns the ack's data, or something to wait for that does.

    Only an event that brings its own proof of who speaks may be sent `with_expired_token`.
    """

    name: str
    payload: type[BaseModel]
    handle: Callable[[Visit, Any], dict[str, Any] | Awaitable[dict[str, Any]]]
    needs: Scope
    with_expired_token: bool = False


class Namespace(socketio.AsyncNamespace):  # type: ignore[misc]  # python-socketio carries no types
    """A namespace with a table of events."""

    auth: type[ConnectAuth] = ConnectAuth

    def __init__(self, name: str, hub: Hub, live: Live, turnstile: Turnstile, events: tuple[Heard, ...]) -> None:
        super().__init__(name)
        self.hub = hub
        self.live = live
        self.turnstile = turnstile
        self.events = {event.name: event for event in events}
        self.auths: dict[str, ConnectAuth] = {}

    # Connecting.

    async def trigger_event(self, event: str, *args: Any) -> None:
        """Hear python-socketio say that a client connects or leaves."""
        if event == "connect":
            sid, environ, auth = args
            await self._connect(sid, environ["connection"], auth)
        elif event == "disconnect":
            member = self.live.rooms.member(args[0])
            if member is not None:
                self.left(member)

    async def _connect(self, sid: str, connection: Connection, auth: Any) -> None:
        """Fail closed: refuse for good what another try cannot mend, cut the connection for everything else."""
        try:
            async with asyncio.timeout(CONNECT_WITHIN):
                self.auths[sid] = await self._admitted(sid, connection, auth)
        except Refusal as refusal:
            if not refusal.retryable:
                error = refusal.view()
                self.hub.security.say(SOCKET_REFUSED, code=refusal.code, namespace=self.namespace)
                raise ConnectionRefusedError(str(refusal), error) from None
            self._turn_away(connection, refusal.code, CLOSINGS.get(type(refusal), TRY_LATER))
        except (TimeoutError, PyMongoError) as error:
            self._turn_away(connection, type(error).__name__)
        except Exception as error:  # noqa: BLE001 — whatever it was, nobody gets in by it
            logger.opt(exception=error).error("connect failed")
            self._turn_away(connection, "error")

    def _turn_away(self, connection: Connection, why: str, closing: Closing = TRY_LATER) -> None:
        if not connection.closed:  # else it went by itself
            logger.bind(**connection.facts(), why=why).warning("socket turned away for now")
        connection.close(closing)
        raise ConnectionRefusedError(closing.reason)

    async def _admitted(self, sid: str, connection: Connection, given: Any) -> ConnectAuth:
        if self.hub.drain.begun:
            raise Draining
        auth: ConnectAuth = parsed(self.auth, {} if given is None else given)
        caller = await caller_of(self.hub, auth, connection.remote)
        require_scope(self.hub, caller, Scope.FEED_READ)
        identify(self.hub, connection, caller)
        # Again: a sign-in that ended meanwhile could not close what had no name yet.
        await caller_of(self.hub, auth, connection.remote)
        self._count(connection, caller)
        audience = await self.live.audience(company_of(caller))
        if connection.closed:
            self.live.drop_if_empty(audience)
            raise Draining
        audience.members.add(sid)
        self.hub.security.say(SOCKET_SIGNED_IN, namespace=self.namespace)
        return auth

    def _count(self, connection: Connection, caller: Caller) -> None:
        """Count the connection in once it has a name; one too many is turned away for now."""
        company_id = company_of(caller)
        if connection.members.keys() == {self.namespace} and not self.turnstile.admits_identity(
            caller.principal, company_id
        ):
            raise RateLimited
        self.turnstile.count(connection, ("user", caller.principal), ("company", company_id))

    def welcome(self, member: Member) -> None:
        """Begin to serve a client, right after it was told that it is connected."""
        raise TypeError("every namespace says how it welcomes")

    def left(self, member: Member) -> None:
        """Forget a client, and stop telling it what it missed."""
        for task in tuple(member.tasks):
            task.cancel()
        self.auths.pop(member.sid, None)
        self.live.typists.leave(member.connection.sid)
        self.live.left(member)

    # Events.

    def hear(self, member: Member, name: str, arguments: list[Any], id: int | None) -> None:
        """Handle one event: now if it needs no waiting, else after what this client asked for before."""
        if not self.turnstile.lets_speak(member.connection):
            self._ack(member, id, RateLimited())
            return member.connection.close(FLOODED)
        if member.connection.busy:
            return member.connection.run(lambda: self._begin_and_finish(member, name, arguments, id))
        outcome = self._begin(member, name, arguments)
        if inspect.isawaitable(outcome):
            member.connection.run(lambda: self._finish(member, outcome, id))
        else:
            self._ack(member, id, outcome)

    async def _begin_and_finish(self, member: Member, name: str, arguments: list[Any], id: int | None) -> None:
        outcome = self._begin(member, name, arguments)
        if inspect.isawaitable(outcome):
            return await self._finish(member, outcome, id)
        self._ack(member, id, outcome)

    def _begin(self, member: Member, name: str, arguments: list[Any]) -> Any:
        try:
            event = self.events.get(name)
            if event is None:
                raise UnknownEvent
            if len(arguments) > 1:
                raise Invalid("An event carries one object.")
            payload = parsed(event.payload, arguments[0] if arguments else {})
            return event.handle(self._visit(member, event), payload)
        except Exception as error:  # noqa: BLE001 — the one place where an event's error becomes its ack
            return refusal_of(error)

    def _visit(self, member: Member, event: Heard) -> Visit:
        caller = member.connection.identity
        assert caller is not None  # a member has been admitted
        require_member(member)  # it may have left while this waited for its turn
        if not event.with_expired_token:
            require_fresh(self.hub, caller)
        require_scope(self.hub, caller, event.needs)
        return Visit(self.hub, self.live, self.turnstile, member, caller)

    async def _finish(self, member: Member, outcome: Awaitable[Any], id: int | None) -> None:
        try:
            done = await outcome
        except Exception as error:  # noqa: BLE001 — as above, for what had to be waited for
            done = refusal_of(error)
        self._ack(member, id, done)

    def _ack(self, member: Member, id: int | None, outcome: Any) -> None:
        if id is None:
            return
        ok = not isinstance(outcome, Refusal)
        reply = {"ok": True, "data": outcome} if ok else {"ok": False, "error": outcome.view()}
        member.connection.push(ack_frame(member.namespace, id, reply))


def parsed(model: type[Any], given: Any) -> Any:
    """Return a client's object as what it should be. Raises Invalid."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise invalid(error) from None


async def caller_of(hub: Hub, auth: ConnectAuth, address: str) -> Caller:
    """Return whom the client speaks for. Raises Unauthenticated, TokenExpired, TooManyGuesses."""
    if auth.api_key:
        return await caller_with_key(hub, auth.api_key, address)
    token = auth.token or ""
    if token.startswith(KEY_MARKS):
        raise Unauthenticated("This is an API key: send it as api_key, not as token.")
    return await caller_with_token(hub, token)


def identify(hub: Hub, connection: Connection, caller: Caller) -> None:
    """Give the connection its one identity; the latest token of that identity says how long it lives."""
    company_of(caller)
    known = connection.identity
    if known is not None and (known.principal, known.company_id) != (caller.principal, caller.company_id):
        raise IdentityMismatch
    if known is None or known.expires_at is None or (caller.expires_at and caller.expires_at > known.expires_at):
        connection.identity = caller
    expires_at = connection.identity.expires_at if connection.identity else None
    if expires_at is not None:
        left = (expires_at - hub.now()).total_seconds()
        connection.expire_at(asyncio.get_running_loop().time() + left)
