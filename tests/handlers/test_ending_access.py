"""Keys, people and sign-ins that end: refused at once here, and nothing of what they did is gone."""

import asyncio
from typing import Any

import pytest

from app.actions.deactivate_user import deactivate_user
from app.actions.end_sessions import end_sessions
from app.actions.enrol import enrol_user
from app.actions.look_up import key_called, user_called
from app.actions.revoke_key import revoke_key
from app.actions.set_password import set_password
from app.actions.sign_in import sign_in
from app.errors import Invalid, NotFound, Unauthenticated
from app.models.entity import CompanyId, KeyId, UserId
from app.models.people import Role
from tests.desk import PASSWORD, Desk
from tests.handlers.asking import NOWHERE, Refused, refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")

REFUSED = Refused(401, "unauthenticated")
NEW_PASSWORD = "another battery"


def bearing(token: str) -> dict[str, Any]:
    return {"key": "", "headers": {"Authorization": f"Bearer {token}"}}


async def may(desk: Desk, token: str) -> bool:
    status, _ = await desk.ask("GET", "/auth/me", **bearing(token))
    assert status in {200, 401}
    return status == 200


async def test_a_key_that_was_revoked_is_refused_at_once(desk: Desk) -> None:
    key, other = await desk.new_key("*"), await desk.new_key("*")
    for each in (key, other):
        assert (await desk.ask("GET", "/auth/me", key=each))[0] == 200  # so that this process remembers it
    found = await key_called(desk.hub, key)
    revoked = await revoke_key(desk.hub, desk.company.id, found.id)
    assert await refusal(desk, "GET", "/auth/me", key=key) == REFUSED
    assert (await desk.ask("GET", "/auth/me", key=other))[0] == 200
    again = await revoke_key(desk.hub, desk.company.id, found.id)
    assert again.revoked_at == revoked.revoked_at is not None


async def test_a_key_is_found_by_its_id_its_prefix_and_itself(desk: Desk) -> None:
    key = await desk.new_key("*")
    id = (await key_called(desk.hub, key)).id
    for named in (id, key[:12]):
        assert (await key_called(desk.hub, named)).id == id
    for named in ("pk_nothing", "", NOWHERE, "$where"):
        with pytest.raises(NotFound):
            await key_called(desk.hub, named)


async def test_a_person_who_left_is_out_at_the_next_request_and_stays_out(desk: Desk) -> None:
    signed = (await desk.post("/auth/login", {"email": desk.email, "password": PASSWORD}, key=""))["data"]
    assert await may(desk, desk.token)
    assert await may(desk, signed["access_token"])
    user = await user_called(desk.hub, f" {desk.email.upper()} ")
    assert not (await deactivate_user(desk.hub, desk.company.id, user.id)).active
    for token in (desk.token, signed["access_token"]):
        assert not await may(desk, token)
    body = {"refresh_token": signed["refresh_token"]}
    assert await refusal(desk, "POST", "/auth/refresh", body, key="") == REFUSED
    body = {"email": desk.email, "password": PASSWORD}
    assert await refusal(desk, "POST", "/auth/login", body, key="") == REFUSED


async def test_somebody_whose_account_is_off_is_refused_though_their_sign_in_stands(desk: Desk) -> None:
    signed = (await desk.post("/auth/login", {"email": desk.email, "password": PASSWORD}, key=""))["data"]
    people = desk.hub.store.users.collection
    await people.update_one({"email": desk.email}, {"$set": {"active": False}})  # as nobody told us
    desk.hub.known.users.forget(desk.user_id)  # which happens within seconds
    assert not await may(desk, signed["access_token"])
    body = {"refresh_token": signed["refresh_token"]}
    assert await refusal(desk, "POST", "/auth/refresh", body, key="") == REFUSED


async def test_ending_all_sign_ins_of_a_person_leaves_the_others(desk: Desk) -> None:
    email = f"agent@{desk.company.slug}.test"
    await enrol_user(desk.hub, desk.company.id, email=email, role=Role.AGENT, password=PASSWORD)
    agent = (await sign_in(desk.hub, email, PASSWORD)).access_token
    second = (await sign_in(desk.hub, desk.email, PASSWORD)).access_token
    assert [await may(desk, token) for token in (desk.token, second, agent)] == [True, True, True]
    assert await end_sessions(desk.hub, desk.company.id, UserId(desk.user_id)) == 2
    assert [await may(desk, token) for token in (desk.token, second, agent)] == [False, False, True]
    assert await may(desk, (await sign_in(desk.hub, desk.email, PASSWORD)).access_token)
    assert await end_sessions(desk.hub, desk.company.id, UserId(desk.user_id)) == 1


async def test_another_password_ends_what_the_old_one_opened(desk: Desk) -> None:
    await set_password(desk.hub, desk.company.id, UserId(desk.user_id), NEW_PASSWORD)
    assert not await may(desk, desk.token)
    with pytest.raises(Unauthenticated):
        await sign_in(desk.hub, desk.email, PASSWORD)
    assert await may(desk, (await sign_in(desk.hub, desk.email, NEW_PASSWORD)).access_token)


async def test_a_sign_in_with_the_old_password_that_was_under_way_comes_to_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    matched, changed = asyncio.Event(), asyncio.Event()
    match = desk.hub.passwords.match

    async def slowly(*given: Any, **more: Any) -> bool:
        found = await match(*given, **more)
        matched.set()
        await changed.wait()
        return found

    monkeypatch.setattr(desk.hub.passwords, "match", slowly)
    under_way = asyncio.create_task(sign_in(desk.hub, desk.email, PASSWORD))
    await matched.wait()
    await set_password(desk.hub, desk.company.id, UserId(desk.user_id), NEW_PASSWORD)
    changed.set()
    with pytest.raises(Unauthenticated):
        await under_way
    assert await end_sessions(desk.hub, desk.company.id, UserId(desk.user_id)) == 0


async def test_a_password_that_may_not_be_is_refused_and_changes_nothing(desk: Desk) -> None:
    for password in ("short", "é" * 37):
        with pytest.raises(Invalid):
            await set_password(desk.hub, desk.company.id, UserId(desk.user_id), password)
    assert await may(desk, desk.token)


async def test_nobody_is_ended_by_another_company(desk: Desk) -> None:
    other, key = await desk.neighbour(), (await key_called(desk.hub, desk.key)).id
    user = UserId(desk.user_id)
    for company_id in (other.company.id, CompanyId(NOWHERE)):
        for refused in (
            revoke_key(desk.hub, company_id, key),
            deactivate_user(desk.hub, company_id, user),
            end_sessions(desk.hub, company_id, user),
            set_password(desk.hub, company_id, user, NEW_PASSWORD),
        ):
            with pytest.raises(NotFound):
                await refused
    with pytest.raises(NotFound):
        await revoke_key(desk.hub, desk.company.id, KeyId(NOWHERE))
    assert await may(desk, desk.token)
    assert (await desk.ask("GET", "/auth/me"))[0] == 200
