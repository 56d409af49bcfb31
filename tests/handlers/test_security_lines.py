"""Who got in, who did not, and whose access changed: each is a line, without a secret, and a flood is few of them."""

import asyncio
import json
import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.access import caller_with_key
from app.actions import refresh_sign_in
from app.actions.activate_user import activate_user
from app.actions.deactivate_user import deactivate_user
from app.actions.revoke_key import revoke_key
from app.actions.set_password import set_password
from app.models.contact import Platform
from app.models.entity import KeyId, UserId
from app.outside import security_log
from app.outside.security_log import KEY_REFUSED, SecurityLog
from tests.desk import PASSWORD, Desk
from tests.handlers.test_guesses import made_up_key
from tests.loglines import Line, log_lines
from tests.sockets.wire import admitted, wired
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def lines(desk: Desk) -> Iterator[list[Line]]:
    desk.hub.security.close()  # what other tests did is over
    with log_lines() as gathered:
        yield gathered


def said(lines: list[Line], name: str) -> list[Line]:
    return [line for line in lines if line.get("security") == name]


async def login(desk: Desk, email: str, password: str) -> dict[str, Any]:
    _, answer = await desk.ask("POST", "/auth/login", {"email": email, "password": password}, key="")
    return answer


async def test_a_sign_in_is_a_line_and_so_is_its_end(desk: Desk, lines: list[Line]) -> None:
    tokens = (await login(desk, desk.email, PASSWORD))["data"]
    (line,) = said(lines, "signed_in")
    assert (line["event"], line["user_id"], line["company_id"]) == ("security", desk.user_id, desk.company.id)
    assert line["remote"] == "127.0.0.1"
    bearing = {"Authorization": f"Bearer {tokens['access_token']}"}
    await desk.ask("POST", "/auth/logout", {}, key="", headers=bearing)
    (end,) = said(lines, "signed_out")
    assert (end["session_id"], end["principal"]) == (line["session_id"], f"user:{desk.user_id}")


async def test_a_failed_sign_in_names_the_account_and_neither_its_address_nor_the_password(
    desk: Desk, lines: list[Line]
) -> None:
    nobody = f"nobody@{desk.company.slug}.test"
    for email in (desk.email, desk.email.upper(), nobody):
        await login(desk, email, "a wrong password")
    of_owner, of_nobody = said(lines, "sign_in_refused")  # the second try at one account from one place is counted
    assert of_owner["user_id"] == desk.user_id
    assert "user_id" not in of_nobody
    assert of_owner["account"] != of_nobody["account"]
    desk.hub.security.close()
    again = said(lines, "sign_in_refused")[2]
    assert (again["account"], again["more"]) == (of_owner["account"], 1)
    written = json.dumps(lines)
    for private in (desk.email, nobody, "a wrong password"):
        assert private not in written


async def test_a_stolen_refresh_token_that_comes_back_is_a_warning(
    desk: Desk, lines: list[Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh_sign_in, "GRACE", timedelta(0))
    body = {"refresh_token": (await login(desk, desk.email, PASSWORD))["data"]["refresh_token"]}
    statuses = [(await desk.ask("POST", "/auth/refresh", body, key=""))[0] for _ in range(3)]
    assert statuses == [200, 401, 401]
    (reused,), (refused,) = said(lines, "refresh_reused"), said(lines, "refresh_refused")
    assert reused["level"] == "WARNING"
    assert reused["session_id"] == refused["session_id"] == said(lines, "signed_in")[0]["session_id"]


async def test_a_key_that_was_revoked_is_named_and_one_that_is_made_up_is_not(desk: Desk, lines: list[Line]) -> None:
    key = await desk.new_key("*")
    id = (await caller_with_key(desk.hub, key)).id
    await revoke_key(desk.hub, desk.company.id, KeyId(id))
    assert [line["key_id"] for line in said(lines, "key_created")] == [id]
    assert [line["key_id"] for line in said(lines, "key_revoked")] == [id]
    await desk.ask("GET", "/auth/me", key=key)
    assert [line["key_id"] for line in said(lines, "key_refused")] == [id]
    desk.hub.security.close()
    await desk.ask("GET", "/auth/me", key=made_up_key())
    assert "key_id" not in said(lines, "key_refused")[-1]
    assert key not in json.dumps(lines)


async def test_a_flood_of_made_up_keys_is_one_line_and_a_count(desk: Desk, lines: list[Line]) -> None:
    await asyncio.gather(*(desk.ask("GET", "/auth/me", key=made_up_key()) for _ in range(30)))
    assert len(said(lines, "key_refused")) == 1
    desk.hub.security.close()
    _, count = said(lines, "key_refused")
    assert (count["more"], count["remote"]) == (29, "127.0.0.1")
    assert "request_id" not in count


async def test_the_count_comes_by_itself_and_names_no_caller(
    desk: Desk, lines: list[Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security_log, "MINUTE", 3.0)  # longer than a busy machine takes for what follows
    await asyncio.gather(*(desk.ask("GET", "/auth/me", key="nonsense") for _ in range(3)))
    await until(lambda: [line for line in said(lines, "key_refused") if "more" in line])
    assert "request_id" not in said(lines, "key_refused")[-1]


async def test_more_places_than_are_told_apart_share_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    log = SecurityLog()
    with log_lines() as lines:
        for n in range(security_log.MOST + 50):
            log.say(KEY_REFUSED, remote=f"192.0.{n // 256}.{n % 256}")
        assert len(lines) == security_log.MOST + 1
        log.close()
    assert lines[-1]["more"] == 49
    assert "remote" not in lines[-1]


async def test_an_access_token_that_is_not_ours_is_a_line(desk: Desk, lines: list[Line]) -> None:
    await desk.ask("GET", "/auth/me", key="", headers={"Authorization": f"Bearer {secrets.token_urlsafe(40)}"})
    assert len(said(lines, "token_refused")) == 1


async def test_a_token_of_a_sign_in_that_has_ended_names_whose_it_was(desk: Desk, lines: list[Line]) -> None:
    bearing = {"Authorization": f"Bearer {(await login(desk, desk.email, PASSWORD))['data']['access_token']}"}
    await desk.ask("POST", "/auth/logout", {}, key="", headers=bearing)
    await desk.ask("GET", "/auth/me", key="", headers=bearing)
    (end,), (refused,) = said(lines, "signed_out"), said(lines, "token_refused")
    assert (refused["user_id"], refused["session_id"]) == (desk.user_id, end["session_id"])


async def test_a_missing_scope_names_who_lacks_it(desk: Desk, lines: list[Line]) -> None:
    key = await desk.new_key("contacts:read", "feed:read")
    id = (await caller_with_key(desk.hub, key)).id
    await desk.ask("POST", "/messages", desk.message(), key=key)
    (line,) = said(lines, "scope_refused")
    assert (line["principal"], line["scope"], line["company_id"]) == (f"key:{id}", "messages:write", desk.company.id)


async def test_sockets_that_are_let_in_or_refused_are_lines(desk: Desk, lines: list[Line]) -> None:
    async with admitted(desk) as wire:
        (line,) = said(lines, "socket_signed_in")
        assert (line["socket"], line["principal"]) == (wire.hello["sid"], f"user:{desk.user_id}")
    async with wired(desk) as wire:
        await wire.connect(api_key=await desk.new_key("messages:read"))
    (refused,) = said(lines, "socket_refused")
    assert (refused["code"], refused["namespace"]) == ("forbidden", "/company")


async def test_a_person_who_is_let_go_and_in_again_and_a_new_password_are_lines(desk: Desk, lines: list[Line]) -> None:
    user = UserId(desk.user_id)
    await set_password(desk.hub, desk.company.id, user, "another battery")
    await deactivate_user(desk.hub, desk.company.id, user)
    await activate_user(desk.hub, desk.company.id, user)
    for name in ("password_set", "user_deactivated", "user_activated"):
        assert [line["user_id"] for line in said(lines, name)] == [user]
    assert [line["count"] for line in said(lines, "sign_ins_ended")] == [1, 0]
    assert "another battery" not in json.dumps(lines)


async def test_a_channel_is_connected_rekeyed_and_given_up_by_somebody(desk: Desk, lines: list[Line]) -> None:
    body = {"platform": Platform.SANDBOX, "name": "Shop"}
    channel = (await desk.post("/channels", body))["data"]["id"]
    await desk.ask("PATCH", f"/channels/{channel}", {"credentials": {}})
    await desk.ask("DELETE", f"/channels/{channel}")
    principal = (await caller_with_key(desk.hub, desk.key)).principal
    for name in ("channel_connected", "channel_rekeyed", "channel_disconnected"):
        assert [(line["channel_id"], line["principal"]) for line in said(lines, name)] == [(channel, principal)], name
