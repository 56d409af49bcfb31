"""The only way to data: who is this caller, and may they see this thing.

What a caller may not see is missing for them: another company's id answers exactly like one that never was.
"""

import hashlib
import hmac
import re
import secrets
from typing import TypeVar

from app.errors import Forbidden, Invalid, NotFound, TokenExpired, Unauthenticated
from app.hub import Hub
from app.models.caller import Caller, CallerKind
from app.models.channel import Channel
from app.models.contact import Contact
from app.models.conversation import Conversation
from app.models.entity import CompanyId, Entity, Ref, SessionId, UserId
from app.models.message import Message
from app.models.people import ApiKey, Role, Scope, User
from app.outside.limiter import Rate
from app.outside.refresh_tokens import Numbered
from app.outside.security_log import KEY_REFUSED, REFRESH_REFUSED, SCOPE_REFUSED, TOKEN_REFUSED
from app.outside.tokens import Claims

E = TypeVar("E", bound=Entity)

SHOWN = Rate(count=60, seconds=60.0, burst=20)  # refresh tokens of one sign-in: a dozen tabs at once, each a few times
RANDOM = re.compile(r"[A-Za-z0-9_-]{43}")  # a refresh token, before they were numbered
PREFIX = 12  # characters of a key by which it is found
KEY_MARKS = ("sk_", "pk_")  # how a key begins: a secret one; pk_ was the mark of older keys, which go on working

OF_AGENT = frozenset(
    {
        Scope.MESSAGES_READ,
        Scope.MESSAGES_WRITE,
        Scope.CONTACTS_READ,
        Scope.CONTACTS_WRITE,
        Scope.CONVERSATIONS_READ,
        Scope.CONVERSATIONS_WRITE,
        Scope.CHANNELS_READ,
        Scope.FEED_READ,
    }
)
OF_ROLE = {Role.OWNER: frozenset({Scope.ALL}), Role.ADMIN: frozenset({Scope.ALL}), Role.AGENT: OF_AGENT}


def new_key() -> tuple[str, str, str]:
    """Return a fresh API key, the prefix to find it by and the hash to know it by; the key itself is never stored."""
    key = f"{KEY_MARKS[0]}{secrets.token_hex(5)[:9]}_{secrets.token_urlsafe(32)}"
    return key, key[:PREFIX], hash_of(key)


def hash_of(secret: str) -> str:
    """Return the hash of a long random secret; such a one needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def numbered(hub: Hub, token: str, address: str | None) -> Numbered:
    """Return which refresh token of which sign-in this is.

    Tokens were random once: one that has not been spent since counts as number 0 of its sign-in. Raises Unauthenticated
    for one that we did not issue, TooManyGuesses for an `address` that many such come from, and RateLimited where those
    of one sign-in, which may have ended long ago, are shown too often.
    """
    # Nobody else can make one that can be read, so it is no guess.
    known = hub.refresh_tokens.read(token) or await _random(hub, token, address)
    hub.limiter.take(f"refresh of {known.session_id}", SHOWN)
    return known


async def _random(hub: Hub, token: str, address: str | None) -> Numbered:
    digest = hash_of(token)
    with hub.guesses.guess(digest, address):
        session = await hub.store.sessions.with_hash(digest) if RANDOM.fullmatch(token) else None
        if session is None:
            hub.security.say(REFRESH_REFUSED)
            raise Unauthenticated("This refresh token is not valid; sign in again.")
        return Numbered(session.id, 0)


async def caller_with_token(hub: Hub, token: str) -> Caller:
    """Return whom an access token speaks for. Raises Unauthenticated or TokenExpired."""
    try:
        claims = hub.tokens.read(token)
    except Unauthenticated:
        hub.security.say(TOKEN_REFUSED)
        raise
    session = await hub.known.sessions.get(
        claims.session_id, lambda: hub.store.sessions.get(CompanyId(claims.company_id), SessionId(claims.session_id))
    )
    user = await hub.known.users.get(
        claims.user_id, lambda: hub.store.users.get(CompanyId(claims.company_id), UserId(claims.user_id))
    )
    if session is None or user is None or not user.active or (session.user_id, session.company_id) != _of(user):
        hub.security.say(TOKEN_REFUSED, user_id=claims.user_id, session_id=claims.session_id)
        raise Unauthenticated("This sign-in has ended.")
    return Caller(
        kind=CallerKind.USER,
        id=user.id,
        name=user.name,
        company_id=user.company_id,
        role=user.role,
        scopes=OF_ROLE[user.role],
        session_id=session.id,
        expires_at=claims.expires_at,
    )


def _of(user: User) -> tuple[UserId, CompanyId]:
    return user.id, user.company_id


async def caller_with_key(hub: Hub, key: str, address: str | None = None) -> Caller:
    """Return whom an API key speaks for.

    Raises Unauthenticated, and TooManyGuesses for an `address` that many invalid keys come from.
    """
    if not key.isprintable():  # bytes of a header that are no text
        raise _refused(hub, None)
    internal = hub.settings.internal_service_api_key
    if internal and hmac.compare_digest(key.encode(), internal.get_secret_value().encode()):
        return Caller(kind=CallerKind.INTERNAL, id="internal", name="Internal service", company_id=None)
    digest = hash_of(key)
    with hub.guesses.guess(digest, address):
        found = await _key_with(hub, key[:PREFIX])
        if found is None or not hmac.compare_digest(found.hash, digest):
            raise _refused(hub, None)
        if found.revoked_at:
            raise _refused(hub, found)
    return _of_key(found)


def _refused(hub: Hub, revoked: ApiKey | None) -> Unauthenticated:
    """Note that a key was refused, which one only where it was good once, and return the refusal."""
    known = {"key_id": revoked.id, "company_id": revoked.company_id} if revoked is not None else {}
    hub.security.say(KEY_REFUSED, **known)
    return Unauthenticated("This API key is not valid.")


async def _key_with(hub: Hub, prefix: str) -> ApiKey | None:
    """Return the key that begins like this; that there is none is not remembered, or guesses would fill the memory."""
    found = await hub.known.keys.get(prefix, lambda: hub.store.api_keys.with_prefix(prefix))
    if found is None:
        hub.known.keys.forget(prefix)
    return found


def _of_key(key: ApiKey) -> Caller:
    return Caller(
        kind=CallerKind.KEY, id=key.id, name=key.name, company_id=key.company_id, scopes=frozenset(key.scopes)
    )


def issue_token(hub: Hub, claims: Claims) -> str:
    """Return an access token for a sign-in."""
    return hub.tokens.issue(claims, hub.new_id(), hub.now())


def require_scope(hub: Hub, caller: Caller, scope: Scope) -> None:
    """Let the caller pass if their key or role covers this. Raises Forbidden."""
    if scope not in caller.scopes and Scope.ALL not in caller.scopes:
        hub.security.say(SCOPE_REFUSED, scope=scope, **caller.facts())
        raise Forbidden(f"This needs the scope {scope}.")


def require_fresh(hub: Hub, caller: Caller) -> None:
    """Refuse a caller whose token has run out since it was read."""
    if caller.expires_at is not None and caller.expires_at <= hub.now():
        raise TokenExpired


def company_of(caller: Caller, named: str | None = None) -> CompanyId:
    """Return the caller's company; a request may name it, but no other."""
    if caller.company_id is None:
        raise Forbidden("This key opens the internal routes alone.")
    if named is not None and named != caller.company_id:
        raise NotFound.of("company_id")
    return caller.company_id


async def access_company(hub: Hub, caller: Caller, named: str | None) -> CompanyId:
    """Return the company that an internal request names; a company's own key need not name it, and reaches no other."""
    if caller.company_id is None and caller.kind is CallerKind.INTERNAL:
        if named is None:
            raise Invalid.of("companyId", "The key of internal services belongs to no company: name one.")
        if await hub.store.companies.get(CompanyId(named)) is None:
            raise NotFound.of("company_id")
        return CompanyId(named)
    return company_of(caller, named)


async def access_contact(hub: Hub, caller: Caller, id: str) -> Contact:
    """Return a contact of the caller's company."""
    return await _access(hub, caller, Contact.ref(id))


async def access_channel(hub: Hub, caller: Caller, id: str) -> Channel:
    """Return a channel of the caller's company."""
    return await _access(hub, caller, Channel.ref(id))


async def access_conversation(hub: Hub, caller: Caller, id: str) -> Conversation:
    """Return a conversation of the caller's company."""
    return await _access(hub, caller, Conversation.ref(id))


async def access_message(hub: Hub, caller: Caller, id: str) -> Message:
    """Return a message of the caller's company."""
    return await _access(hub, caller, Message.ref(id))


async def _access(hub: Hub, caller: Caller, ref: Ref[E]) -> E:
    found = await hub.store.journaled[ref.kind].load(company_of(caller), [ref])
    if not found:
        raise NotFound.of(f"{ref.kind.kind}_id")
    thing: E = found[0]
    return thing


async def hint(hub: Hub, caller: Caller, ref: Ref[E]) -> E | None:
    """Return what this process last knew of a thing, else what is stored: enough to say what a decision needs."""
    return await recalled(hub, company_of(caller), ref)


async def recalled(hub: Hub, company_id: CompanyId, ref: Ref[E]) -> E | None:
    """Return what this process last knew of a company's thing, else what is stored: for work without a caller.

    It may be old, so a decision never rests on it. That a thing was missing is not remembered here: another process may
    have made it since.
    """
    _, thing = hub.journal.recall(company_id, ref)
    if thing is not None:
        return thing
    found = await hub.store.journaled[ref.kind].load(company_id, [ref])
    return found[0] if found else None
