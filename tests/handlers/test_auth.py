"""Signing in, staying signed in, signing out."""

from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import Any

import pytest

from app.access import issue_token
from app.actions.enrol import enrol_user
from app.actions.sign_in import sign_in
from app.errors import Invalid
from app.models.people import Role
from app.outside.tokens import Claims
from tests.desk import PASSWORD, Desk
from tests.handlers.asking import Refused, refusal, refusal_in

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOT_SIGNED_IN = Refused(401, "unauthenticated")


async def signed_in(desk: Desk) -> dict[str, Any]:
    """Sign the owner in over REST."""
    data: dict[str, Any] = (await desk.post("/auth/login", {"email": desk.email, "password": PASSWORD}, key=""))["data"]
    return data


def bearing(token: str) -> dict[str, Any]:
    """Ask with an access token and no key."""
    return {"key": "", "headers": {"Authorization": f"Bearer {token}"}}


async def test_an_address_and_a_password_are_worth_tokens(desk: Desk) -> None:
    signed = await signed_in(desk)
    assert signed.keys() == {"access_token", "refresh_token", "expires_in", "token_type", "user"}
    assert (signed["expires_in"], signed["token_type"]) == (900, "Bearer")
    assert signed["user"].keys() == {"id", "company_id", "email", "name", "role", "created_at"}
    assert (signed["user"]["id"], signed["user"]["company_id"]) == (desk.user_id, desk.company.id)


async def test_an_address_is_one_however_it_is_written(desk: Desk) -> None:
    body = {"email": f" {desk.email.upper()} ", "password": PASSWORD}
    assert (await desk.post("/auth/login", body, key=""))["data"]["user"]["email"] == desk.email


async def test_nobody_learns_which_of_the_two_was_wrong(desk: Desk) -> None:
    bodies = [{"email": desk.email, "password": "wrong"}, {"email": "nobody@acme.test", "password": PASSWORD}]
    said = [(await desk.ask("POST", "/auth/login", body, key=""))[1]["error"] for body in bodies]
    assert {error["code"] for error in said} == {"unauthenticated"}
    assert said[0]["message"] == said[1]["message"]


@pytest.mark.parametrize("password", ["x" * 73, "é" * 37, PASSWORD + "x" * 72, "a\x00b"])
async def test_a_password_that_bcrypt_cannot_take_is_a_wrong_one(desk: Desk, password: str) -> None:
    assert (
        await refusal(desk, "POST", "/auth/login", {"email": desk.email, "password": password}, key="") == NOT_SIGNED_IN
    )


async def test_a_password_of_72_bytes_signs_in_and_a_longer_one_is_never_stored(desk: Desk) -> None:
    email, longest = f"agent@{desk.company.slug}.test", "é" * 36
    await enrol_user(desk.hub, desk.company.id, email=email, role=Role.AGENT, password=longest)
    assert await desk.post("/auth/login", {"email": email, "password": longest}, key="")
    with pytest.raises(Invalid):
        await enrol_user(desk.hub, desk.company.id, email=f"b{email}", role=Role.AGENT, password=longest + "x")


async def test_a_person_is_told_who_they_are(desk: Desk) -> None:
    status, answer = await desk.ask("GET", "/auth/me", **bearing((await signed_in(desk))["access_token"]))
    assert (status, answer["data"]["id"], answer["data"]["kind"], answer["data"]["role"]) == (
        200,
        desk.user_id,
        "user",
        "owner",
    )
    assert "password_hash" not in answer["data"]


async def test_a_key_is_told_what_it_is(desk: Desk) -> None:
    _, answer = await desk.ask("GET", "/auth/me", key=await desk.new_key("messages:read", "feed:read"))
    assert (answer["data"]["kind"], answer["data"]["scopes"]) == ("key", ["feed:read", "messages:read"])


async def test_signing_out_ends_every_token_of_the_sign_in(desk: Desk) -> None:
    signed, other = await signed_in(desk), await signed_in(desk)
    assert await desk.post("/auth/logout", {}, **bearing(signed["access_token"])) == {
        "success": True,
        "data": {"signed_out": True},
    }
    assert await refusal(desk, "GET", "/auth/me", **bearing(signed["access_token"])) == NOT_SIGNED_IN
    assert (
        await refusal(desk, "POST", "/auth/refresh", {"refresh_token": signed["refresh_token"]}, key="")
        == NOT_SIGNED_IN
    )
    assert (await desk.ask("GET", "/auth/me", **bearing(other["access_token"])))[0] == 200


async def test_a_refresh_token_alone_signs_out(desk: Desk) -> None:
    signed = await signed_in(desk)
    for _ in range(2):  # the second time is no mistake
        assert await desk.post("/auth/logout", {"refresh_token": signed["refresh_token"]}, key="")
    assert await refusal(desk, "GET", "/auth/me", **bearing(signed["access_token"])) == NOT_SIGNED_IN


async def test_signing_out_needs_no_body_and_no_valid_token(desk: Desk) -> None:
    assert await desk.post("/auth/logout", None, **bearing("worn out"))


async def test_an_expired_token_says_so(desk: Desk) -> None:
    session = desk.hub.tokens.read(desk.token).session_id
    token = issue_token(desk.hub, Claims(desk.user_id, desk.company.id, session, desk.hub.now() - timedelta(seconds=1)))
    assert await refusal(desk, "GET", "/auth/me", **bearing(token)) == Refused(401, "token_expired")


async def test_a_token_names_the_person_and_the_company_of_its_sign_in(desk: Desk) -> None:
    email, other = f"agent@{desk.company.slug}.test", await desk.neighbour()
    agent = await enrol_user(desk.hub, desk.company.id, email=email, role=Role.AGENT, password=PASSWORD)
    own, theirs = desk.hub.tokens.read(desk.token), desk.hub.tokens.read(other.token)
    agents = desk.hub.tokens.read((await sign_in(desk.hub, email, PASSWORD)).access_token)
    for claims in (own, theirs, agents):  # so that all of them are remembered
        assert (await desk.ask("GET", "/auth/me", **bearing(issue_token(desk.hub, claims))))[0] == 200
    for wrong in (
        replace(agents, session_id=own.session_id),
        replace(own, session_id=theirs.session_id),
        replace(own, user_id=theirs.user_id),
        replace(own, company_id=theirs.company_id, user_id=theirs.user_id),
        replace(own, user_id=own.session_id),
    ):
        assert await refusal(desk, "GET", "/auth/me", **bearing(issue_token(desk.hub, wrong))) == NOT_SIGNED_IN
    assert agents.user_id == agent.id


async def test_a_token_of_sense_that_is_none_is_refused_not_an_error(desk: Desk) -> None:
    own = desk.hub.tokens.read(desk.token)
    for wrong in (replace(own, session_id="x"), replace(own, user_id=""), replace(own, company_id="f" * 25)):
        assert await refusal(desk, "GET", "/auth/me", **bearing(issue_token(desk.hub, wrong))) == NOT_SIGNED_IN


@pytest.mark.parametrize("wrong", [timedelta(hours=-1), timedelta(seconds=-2), timedelta(hours=25)])
async def test_a_token_is_good_by_the_databases_clock_whatever_the_machines_says(
    desk: Desk, wrong: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Wrong":
            return cls.fromtimestamp(super().now(tz).timestamp() + wrong.total_seconds(), tz)

    monkeypatch.setattr("jwt.api_jwt.datetime", Wrong)
    assert (await desk.ask("GET", "/auth/me", **bearing(desk.token)))[0] == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer x.y.z", "Basic b3duZXI6eA==", "Bearer \u00e9"])
async def test_what_is_no_token_is_refused(desk: Desk, header: str) -> None:
    assert await refusal(desk, "GET", "/auth/me", key="", headers={"Authorization": header}) == NOT_SIGNED_IN


@pytest.mark.parametrize("mark", ["sk_", "pk_"])
async def test_a_key_that_is_sent_as_a_token_is_told_where_it_belongs(desk: Desk, mark: str) -> None:
    bearing = {"Authorization": f"Bearer {mark}{desk.key[3:]}"}
    status, answer = await desk.ask("GET", "/auth/me", key="", headers=bearing)
    assert refusal_in(status, answer) == NOT_SIGNED_IN
    assert answer["error"]["message"] == "This is an API key: send it as X-API-Key, not as a Bearer token."


@pytest.mark.parametrize("key", ["pk_nothing", "pk_123456789_", "\u00e9", "x" * 8000])
async def test_what_is_no_key_is_refused(desk: Desk, key: str) -> None:
    assert await refusal(desk, "GET", "/auth/me", key=key) == NOT_SIGNED_IN


async def test_a_key_whose_prefix_is_right_is_still_not_the_key(desk: Desk) -> None:
    assert await refusal(desk, "GET", "/auth/me", key=desk.key[:-1] + "~") == NOT_SIGNED_IN


async def test_the_key_of_internal_services_opens_nothing_else(desk: Desk) -> None:
    internal = desk.hub.settings.internal_service_api_key
    assert internal is not None
    for path in ("/auth/me", "/contacts", "/changes"):
        assert await refusal(desk, "GET", path, key=internal.get_secret_value()) == Refused(403, "forbidden")


async def test_an_agent_works_in_the_inbox_but_speaks_for_no_service(desk: Desk) -> None:
    email = f"agent@{desk.company.slug}.test"
    await enrol_user(desk.hub, desk.company.id, email=email, role=Role.AGENT, password=PASSWORD)
    agent = bearing(
        (await desk.post("/auth/login", {"email": email, "password": PASSWORD}, key=""))["data"]["access_token"]
    )
    assert (await desk.ask("POST", "/messages", desk.message(), **agent))[0] == 201
    body = {"companyId": desk.company.id, "appointment": {"id": "a1"}}
    refused = await refusal(desk, "POST", "/internal/socket/appointment-created", body, **agent)
    assert refused == Refused(403, "forbidden")
