"""The one way to data, looked at from below: the doors refuse much of this before it comes here."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
import pytest_asyncio
from bson import ObjectId

from app.access import (
    OF_AGENT,
    access_channel,
    access_company,
    access_contact,
    access_conversation,
    access_message,
    caller_with_key,
    caller_with_token,
    company_of,
    hint,
    issue_token,
    new_key,
    recalled,
    require_fresh,
    require_scope,
)
from app.errors import Forbidden, Invalid, NotFound, TokenExpired, Unauthenticated
from app.models.caller import Caller, CallerKind
from app.models.contact import Contact
from app.models.people import KeyKind, Role, Scope
from app.outside.tokens import Claims
from app.refusal import Refusal
from tests.desk import Desk, open_desk

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with open_desk(mongo_uri, tmp_path_factory.mktemp("data")) as desk:
        yield desk


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def other(desk: Desk) -> Desk:
    """Return another company on the same server."""
    return await desk.neighbour()


async def caller(desk: Desk) -> Caller:
    return await caller_with_key(desk.hub, desk.key)


async def claims_of(desk: Desk) -> Claims:
    return desk.hub.tokens.read(desk.token)


def fields(refused: Refusal) -> list[str]:
    return [detail.field for detail in refused.details]


INTERNAL = Caller(kind=CallerKind.INTERNAL, id="internal", name="Internal service", company_id=None)


async def test_a_new_key_is_known_by_its_first_characters_and_its_hash() -> None:
    key, prefix, digest = new_key()
    mark, name, secret = key.split("_", 2)
    assert (mark, len(name), len(secret)) == ("sk", 9, 43)
    assert (prefix, digest) == (key[:12], hashlib.sha256(key.encode()).hexdigest())
    assert new_key()[1] != prefix


async def test_a_token_speaks_for_its_person_until_its_end(desk: Desk) -> None:
    claims = await claims_of(desk)
    user = await desk.hub.store.users.with_email(desk.email)
    assert user is not None
    assert await caller_with_token(desk.hub, desk.token) == Caller(
        kind=CallerKind.USER,
        id=user.id,
        name=user.name,
        company_id=desk.company.id,
        role=Role.OWNER,
        scopes=frozenset({Scope.ALL}),
        session_id=claims.session_id,  # type: ignore[arg-type]  # a session's id, as the token says it
        expires_at=claims.expires_at,
    )


@pytest.mark.parametrize("field", ["user_id", "company_id", "session_id"])
async def test_a_token_of_things_that_do_not_belong_together_is_refused(desk: Desk, other: Desk, field: str) -> None:
    for strange in (getattr(await claims_of(other), field), str(ObjectId())):
        claims = replace(await claims_of(desk), **{field: strange})  # type: ignore[arg-type]  # one that is a string
        desk.hub.known.users.forget_if(lambda _: True)
        desk.hub.known.sessions.forget_if(lambda _: True)
        with pytest.raises(Unauthenticated):
            await caller_with_token(desk.hub, issue_token(desk.hub, claims))


async def test_a_sign_in_opens_its_own_person_alone(desk: Desk, other: Desk) -> None:
    mixed = replace(await claims_of(desk), session_id=(await claims_of(other)).session_id)
    for token in (other.token, desk.token):  # so that both are remembered
        await caller_with_token(desk.hub, token)
    with pytest.raises(Unauthenticated):
        await caller_with_token(desk.hub, issue_token(desk.hub, mixed))


async def test_a_key_speaks_for_its_company_with_its_own_scopes(desk: Desk) -> None:
    key = await desk.new_key("messages:read", "feed:read", kind=KeyKind.BOT)
    found = await desk.hub.store.api_keys.with_prefix(key[:12])
    assert found is not None
    assert await caller_with_key(desk.hub, key) == Caller(
        kind=CallerKind.KEY,
        id=found.id,
        name=found.name,
        company_id=desk.company.id,
        scopes=frozenset({Scope.MESSAGES_READ, Scope.FEED_READ}),
    )


async def test_that_there_is_no_such_key_is_not_remembered(desk: Desk) -> None:
    key = new_key()[0]
    with pytest.raises(Unauthenticated):
        await caller_with_key(desk.hub, key)
    remembered = await desk.hub.known.keys.get(key[:12], partial(desk.hub.store.api_keys.with_prefix, desk.key[:12]))
    assert remembered is not None


async def test_a_key_of_bytes_that_are_no_text_is_none(desk: Desk) -> None:
    with pytest.raises(Unauthenticated):
        await caller_with_key(desk.hub, "sk_\udc80\x00")


async def test_the_key_of_internal_services_belongs_to_no_company(desk: Desk) -> None:
    key = desk.hub.settings.internal_service_api_key
    assert key is not None
    assert await caller_with_key(desk.hub, key.get_secret_value()) == INTERNAL


async def test_a_scope_is_had_or_had_by_having_all(desk: Desk) -> None:
    agent = replace(await caller(desk), scopes=OF_AGENT)
    require_scope(desk.hub, agent, Scope.FEED_READ)
    require_scope(desk.hub, replace(agent, scopes=frozenset({Scope.ALL})), Scope.EVENTS_EMIT)
    with pytest.raises(Forbidden):
        require_scope(desk.hub, agent, Scope.EVENTS_EMIT)


async def test_a_token_is_good_until_the_moment_of_its_end(desk: Desk) -> None:
    key, now = await caller(desk), desk.hub.now()
    require_fresh(desk.hub, key)  # a key has no end
    require_fresh(desk.hub, replace(key, expires_at=now + timedelta(minutes=1)))
    with pytest.raises(TokenExpired):
        require_fresh(desk.hub, replace(key, expires_at=desk.hub.now()))


async def test_a_caller_names_no_company_but_their_own(desk: Desk, other: Desk) -> None:
    key = await caller(desk)
    for named in (None, desk.company.id):
        assert company_of(key, named) == await access_company(desk.hub, key, named) == desk.company.id
    with pytest.raises(Forbidden):
        company_of(INTERNAL, other.company.id)
    with pytest.raises(NotFound) as missing:
        company_of(key, other.company.id)
    with pytest.raises(NotFound):
        await access_company(desk.hub, key, other.company.id)
    assert fields(missing.value) == ["company_id"]


async def test_an_internal_service_names_a_company_that_there_is(desk: Desk, other: Desk) -> None:
    assert await access_company(desk.hub, INTERNAL, other.company.id) == other.company.id
    with pytest.raises(Invalid) as unnamed:
        await access_company(desk.hub, INTERNAL, None)
    with pytest.raises(NotFound) as missing:
        await access_company(desk.hub, INTERNAL, str(ObjectId()))
    assert (fields(unnamed.value), fields(missing.value)) == (["companyId"], ["company_id"])
    with pytest.raises(Forbidden):  # of no company, and no internal service
        await access_company(desk.hub, replace(INTERNAL, kind=CallerKind.KEY), other.company.id)


async def test_what_is_missing_is_named_and_another_companys_is_missing(desk: Desk, other: Desk) -> None:
    own, others = await caller(desk), await caller(other)
    stored = (await desk.post("/messages", desk.message()))["data"]
    conversation = await access_conversation(desk.hub, own, stored["conversation_id"])
    assert (await access_message(desk.hub, own, stored["id"])).conversation_id == conversation.id
    assert conversation.channel_id is not None
    for named, look, id in (
        ("contact", access_contact, desk.contact_id),
        ("channel", access_channel, conversation.channel_id),
        ("conversation", access_conversation, conversation.id),
        ("message", access_message, stored["id"]),
    ):
        assert (await look(desk.hub, own, id)).id == id
        for who, missing in ((others, id), (own, str(ObjectId()))):
            with pytest.raises(NotFound) as refused:
                await look(desk.hub, who, missing)
            assert fields(refused.value) == [f"{named}_id"]


async def test_what_is_remembered_is_told_without_the_database_and_what_is_not_is_looked_for(
    desk: Desk, other: Desk
) -> None:
    ref, key = Contact.ref(desk.contact_id), await caller(desk)
    remembered = desk.hub.journal.recall(desk.company.id, ref)[1]
    assert remembered is not None
    assert await hint(desk.hub, key, ref) is remembered
    # As after a minute of quiet.
    desk.hub.journal._lane(desk.company.id).writing.memory.known.clear()
    found = await recalled(desk.hub, desk.company.id, ref)
    assert found is not None
    assert found is not remembered
    assert found.id == desk.contact_id
    assert await hint(desk.hub, await caller(other), ref) is None
    assert await recalled(desk.hub, desk.company.id, Contact.ref(str(ObjectId()))) is None
