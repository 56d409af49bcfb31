"""The commands of operators, as scripts call them."""

import asyncio
import io
import json
import re
from pathlib import Path

import aiohttp
import pytest

from app.commands.create import BETWEEN_SCOPES
from tests.cli.conftest import Call
from tests.cli.processes import Done, run, serving
from tests.desk import PASSWORD, Desk, database_uri
from tests.waiting import until

NOBODY = "0" * 24


@pytest.fixture
def uri(mongo_uri: str) -> str:
    """A database of its own."""
    return database_uri(mongo_uri)


def uri_of(desk: Desk) -> str:
    """Return where the desk's data are."""
    uri = desk.hub.settings.mongodb_uri
    assert uri
    return uri.get_secret_value()


async def test_a_company_a_person_and_a_key_come_from_nothing(tmp_path: Path, uri: str) -> None:
    company = (await run(tmp_path, "create-company", "--name", "Acme", "--json", MONGODB_URI=uri)).object
    assert list(company) == ["company_id"]
    id, of = company["company_id"], ("--company", company["company_id"])
    user, key = await asyncio.gather(
        run(
            tmp_path, "create-user", *of, "--email", "Ann@Acme.test", "--role", "owner", "--password-stdin", "--json",
            stdin=PASSWORD + "\n", MONGODB_URI=uri,
        ),
        run(
            tmp_path, "create-key", *of, "--name", "bot", "--kind", "bot", "--scopes", "feed:read,contacts:read",
            "messages:read", "--json", MONGODB_URI=uri,
        ),
    )  # fmt: skip
    assert list(user.object) == ["user_id"]
    assert list(key.object) == ["key_id", "key"]
    async with serving(tmp_path, MONGODB_URI=uri) as server, aiohttp.ClientSession(f"{server.url}/api/v1/") as http:
        assert server.said["demo"] is None
        async with http.post("auth/login", json={"email": "ann@acme.test", "password": PASSWORD}) as signed_in:
            assert (await signed_in.json())["data"]["user"]["id"] == user.object["user_id"]
        async with http.get("auth/me", headers={"X-API-Key": key.object["key"]}) as me:
            known = (await me.json())["data"]
    assert (known["company_id"], known["id"]) == (id, key.object["key_id"])
    assert known["scopes"] == ["contacts:read", "feed:read", "messages:read"]


def test_a_person_reads_a_sentence_with_what_comes_next(call: Call, uri: str) -> None:
    done = call("create-company", "--name", "Acme", MONGODB_URI=uri)
    assert re.fullmatch(
        r"Acme is company [0-9a-f]{24}\. Its owner comes next: python -m app create-user .*\n", done.out
    )


async def test_a_new_epoch_sends_clients_to_load_anew(call: Call, desk: Desk) -> None:
    listener = await desk.listen()
    await listener.ready()
    one = await asyncio.to_thread(call, "new-epoch", "--company", desk.company.id, "--json", MONGODB_URI=uri_of(desk))
    assert one.out == '{"streams":1}\n'
    await until(lambda: listener.of("sync:resync"))
    every = await asyncio.to_thread(call, "new-epoch", "--all", "--json", MONGODB_URI=uri_of(desk))
    assert every.out == '{"streams":1}\n'


MISTAKES = [
    (("create-company", "--name", " "), 2, "' ' is no name"),
    (("create-user", "--company", "acme", "--email", "a@b", "--role", "owner"), 2, "'acme' is no company's id"),
    (("create-user", "--company", NOBODY, "--email", "a b", "--role", "owner"), 2, "'a b' is no e-mail address"),
    (("create-user", "--company", NOBODY, "--email", "a@b", "--role", "boss"), 2, "choose from 'owner', 'admin'"),
    (("create-key", "--company", NOBODY, "--name", "k", "--kind", "cat", "--scopes", "*"), 2, "'bot', 'service'"),
    (
        ("create-key", "--company", NOBODY, "--name", "k", "--kind", "bot", "--scopes", "fly"),
        2,
        "there is no scope fly",
    ),
    (("create-key", "--company", NOBODY, "--name", "k", "--kind", "bot", "--scopes", ","), 1, "Name a scope"),
    (("create-user", "--company", NOBODY, "--email", "a@b", "--role", "owner"), 1, "with --password-stdin"),
    (("new-epoch", "--company", NOBODY), 1, "There is no company with this id."),
    (("new-epoch",), 2, "one of the arguments --company --all is required"),
    (("watch", "--url", "nowhere", "--key", "k"), 2, "must be an address such as https://example.com"),
    (("watch", "--url", "http://127.0.0.1:9", "--email", "a@b"), 1, "A password goes with --email"),
    (("fly",), 2, "invalid choice: 'fly'"),
    ((), 2, "usage: python -m app"),
]


@pytest.mark.parametrize(("words", "code", "sentence"), MISTAKES, ids=lambda case: str(case)[:40])
def test_a_mistake_is_a_sentence_on_stderr(
    words: tuple[str, ...], code: int, sentence: str, call: Call, uri: str
) -> None:
    flags = ("--json",) if words and words != ("fly",) else ()
    done = call(*words, *flags, MONGODB_URI=uri)
    assert (done.code, done.out) == (code, "")
    assert sentence in done.err


async def test_what_the_company_refuses_is_a_sentence(call: Call, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    of = ("create-user", "--company", desk.company.id, "--role", "agent", "--password-stdin")
    for email, password, sentence in (
        (desk.email, PASSWORD, "Somebody signs in with this address already.\n"),
        ("new@acme.test", "short", "A password has 8 characters or more, and 72 bytes at most.\n"),
    ):
        monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
        done = await asyncio.to_thread(call, *of, "--email", email, "--json", MONGODB_URI=uri_of(desk))
        assert done == Done(1, "", sentence)


async def test_scopes_are_separated_by_commas_or_spaces() -> None:
    assert BETWEEN_SCOPES.split("a, b  c,d") == ["a", "b", "c", "d"]


async def test_a_command_uses_the_mongodb_of_a_server_beside_it(tmp_path: Path) -> None:
    async with serving(tmp_path, ENVIRONMENT="test") as server:
        company = (await run(tmp_path, "create-company", "--name", "Acme", "--json")).object
        key = await run(
            tmp_path, "create-key", "--company", company["company_id"], "--name", "k", "--kind", "service",
            "--scopes", "feed:read", "--json",
        )  # fmt: skip
        headers, changes = {"X-API-Key": key.object["key"]}, f"{server.url}/api/v1/changes"
        async with aiohttp.ClientSession(headers=headers) as http, http.get(changes) as answer:
            assert (await answer.json())["data"]["head"] == 0


def test_a_command_alone_runs_the_embedded_mongodb_and_stops_it(call: Call, tmp_path: Path) -> None:
    company = call("create-company", "--name", "Acme", "--json").object
    assert call("new-epoch", "--company", company["company_id"], "--json").object == {"streams": 1}
    assert json.loads((tmp_path / ".parley" / "mongod.json").read_bytes())["pid"] is None
