"""Who is let in, as an operator says it: keys and people that end, passwords, and the lists to find them by."""

import asyncio
import io
from typing import Any

import pytest

from app.actions.sign_in import sign_in
from app.errors import Unauthenticated
from tests.cli.conftest import Call
from tests.cli.processes import Done
from tests.desk import PASSWORD, Desk
from tests.follower import Follower

NEW_PASSWORD = "another battery"


async def asked(call: Call, desk: Desk, *words: str) -> Done:
    """Run a command on the desk's database."""
    return await asyncio.to_thread(call, *words, MONGODB_URI=desk.uri)


async def told(call: Call, desk: Desk, *words: str) -> Any:
    """Run a command and return the object that it answers with."""
    return (await asked(call, desk, *words, "--json")).object


async def may_sign_in(desk: Desk, password: str) -> bool:
    try:
        return bool(await sign_in(desk.hub, desk.email, password))
    except Unauthenticated:
        return False


async def test_a_key_is_revoked_by_its_prefix_or_its_id(call: Call, desk: Desk) -> None:
    first, second = await desk.new_key("feed:read"), await desk.new_key("feed:read")
    follower = Follower(desk.base, {"api_key": first}, desk.http)
    await follower.connect()
    done = await asked(call, desk, "revoke-key", first[:12])
    assert (done.code, done.out.startswith(f"The key of bot, {first[:12]}…, is worth nothing any more")) == (0, True)
    async with asyncio.timeout(15):
        await follower.gone()
    listed = (await told(call, desk, "list-keys", "--company", desk.company.id))["keys"]
    assert [(each["prefix"], each["revoked_at"] is None) for each in listed] == [
        (desk.key[:12], True),
        (first[:12], False),
        (second[:12], True),
    ]
    again = await told(call, desk, "revoke-key", listed[1]["key_id"])
    assert again == {"key_id": listed[1]["key_id"], "revoked_at": listed[1]["revoked_at"]}


async def test_a_person_is_let_go_and_let_in_again(call: Call, desk: Desk) -> None:
    assert await may_sign_in(desk, PASSWORD)
    done = await asked(call, desk, "deactivate-user", desk.email.upper())
    assert done.out == f"{desk.email} is signed out everywhere, and cannot sign in. What they wrote stays.\n"
    assert not await may_sign_in(desk, PASSWORD)
    (listed,) = (await told(call, desk, "list-users"))["users"]
    assert (listed["user_id"], listed["active"]) == (desk.user_id, False)
    assert await told(call, desk, "activate-user", desk.user_id) == {"user_id": desk.user_id}
    assert await may_sign_in(desk, PASSWORD)


async def test_sign_ins_end_and_are_counted(call: Call, desk: Desk) -> None:
    follower = Follower(desk.base, {"token": (await sign_in(desk.hub, desk.email, PASSWORD)).access_token}, desk.http)
    await follower.connect()
    assert await told(call, desk, "end-sessions", desk.email) == {"user_id": desk.user_id, "ended": 2}
    async with asyncio.timeout(15):
        await follower.gone()
    assert (await asked(call, desk, "end-sessions", desk.email)).out.endswith("everywhere: 0 sign-ins ended.\n")


async def test_a_password_is_replaced(call: Call, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("set-password", desk.email, "--password-stdin")
    for password, code in (("short", 1), (NEW_PASSWORD, 0)):
        monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
        done = await asked(call, desk, *words)
        assert done.code == code, done
    assert not await may_sign_in(desk, PASSWORD)
    assert await may_sign_in(desk, NEW_PASSWORD)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("revoke-key", "sk_nothing"), "There is no key with this id or prefix.\n"),
        (("deactivate-user", "nobody@acme.test"), "Nobody has this address or id.\n"),
        (("activate-user", "0" * 24), "Nobody has this address or id.\n"),
        (("end-sessions", ""), "Nobody has this address or id.\n"),
    ],
)
def test_who_is_not_there_is_a_sentence(words: tuple[str, ...], sentence: str, call: Call, uri: str) -> None:
    assert call(*words, MONGODB_URI=uri) == Done(1, "", sentence)


async def test_companies_people_and_keys_are_listed_as_tables(call: Call, desk: Desk) -> None:
    other = await desk.neighbour()
    companies = (await asked(call, desk, "list-companies")).out.splitlines()
    assert companies[0].split() == ["company_id", "name", "created_at"]
    assert [line.split()[0] for line in companies[1:]] == [desk.company.id, other.company.id]
    everyone = (await asked(call, desk, "list-users")).out.splitlines()[1:]
    assert [line.split()[2] for line in everyone] == [desk.email, other.email]
    (keys, mine) = (await asked(call, desk, "list-keys", "--company", other.company.id)).out.splitlines()
    assert keys.split()[:3] == ["company_id", "key_id", "prefix"]
    assert mine.split()[2] == other.key[:12]
    assert other.key not in mine


def test_an_empty_list_is_a_sentence(call: Call, uri: str) -> None:
    assert call("list-companies", MONGODB_URI=uri).out == "There are no companies.\n"
    assert call("list-keys", "--json", MONGODB_URI=uri).out == '{"keys":[]}\n'
