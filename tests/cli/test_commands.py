"""The commands of operators, as scripts call them."""

import asyncio
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.cli import COMMANDS
from app.commands.command import Command
from app.commands.create import BETWEEN_SCOPES
from tests.cli.conftest import Call
from tests.cli.processes import ROOT, Done, environ
from tests.desk import PASSWORD, Desk
from tests.waiting import until

NOBODY = "0" * 24


def uri_of(desk: Desk) -> str:
    """Return where the desk's data are."""
    uri = desk.hub.settings.mongodb_uri
    assert uri
    return uri.get_secret_value()


async def test_a_company_a_person_and_a_key_come_from_nothing(
    call: Call, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def asked(*words: str) -> Any:
        done = await asyncio.to_thread(call, *words, "--json", MONGODB_URI=uri_of(desk))
        return done.object

    company = await asked("create-company", "--name", "Acme")
    of = ("--company", company["company_id"])
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
    user = await asked("create-user", *of, "--email", "Ann@Acme.test", "--role", "owner", "--password-stdin")
    scopes = ("--scopes", "feed:read,contacts:read", "messages:read")
    key = await asked("create-key", *of, "--name", "bot", "--kind", "bot", *scopes)
    assert [list(each) for each in (company, user, key)] == [["company_id"], ["user_id"], ["key_id", "key"]]
    login = {"email": "ann@acme.test", "password": PASSWORD}
    assert (await desk.post("/auth/login", login, key=""))["data"]["user"]["id"] == user["user_id"]
    _, me = await desk.ask("GET", "/auth/me", key=key["key"])
    assert (me["data"]["company_id"], me["data"]["id"]) == (company["company_id"], key["key_id"])
    assert me["data"]["scopes"] == ["contacts:read", "feed:read", "messages:read"]


def test_a_person_reads_a_sentence_with_what_comes_next(call: Call, uri: str) -> None:
    done = call("create-company", "--name", "Acme", MONGODB_URI=uri)
    assert re.fullmatch(r"Acme is company [0-9a-f]{24}\. Its owner comes next: \S+ -m app create-user .*\n", done.out)


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
    (("watch", "--url", "http://127.0.0.1:9"), 1, "Put an API key into PARLEY_KEY"),
    (("reply", "no-id", "Hello"), 2, "'no-id' is no conversation's id"),
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


def test_without_a_command_all_of_them_are_listed(call: Call) -> None:
    done = call()
    assert (done.code, done.out) == (2, "")
    assert not [command.name for command in COMMANDS if command.name not in done.err]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_commands_help_says_what_it_does_in_its_own_words(command: Command, call: Call) -> None:
    told = " ".join(call(command.name, "--help").out.split())
    assert f"{command.does[0].upper()}{command.does[1:]}." in told


async def test_scopes_are_separated_by_commas_or_spaces() -> None:
    assert BETWEEN_SCOPES.split("a, b  c,d") == ["a", "b", "c", "d"]


async def test_a_reader_that_leaves_early_is_no_mistake_to_shout_about(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", "doctor", cwd=tmp_path, env=environ(PORT="many"),
        stdout=write, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    os.close(write)
    _, err = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, err) == (1, b"")


def test_a_person_at_a_terminal_types_the_password_twice(call: Call, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("create-user", "--company", NOBODY, "--email", "a@b", "--role", "owner")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    typed = iter(["correct horse", "correct house", "correct horse", "correct horse"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))
    assert call(*words, MONGODB_URI=uri).err == "The two passwords are not the same.\n"
    assert call(*words, MONGODB_URI=uri).err == "There is no company with this id.\n"


@pytest.mark.parametrize("words", [("-m", "app", "doctor"), ("server.py",)])
def test_a_python_without_the_libraries_says_what_to_do(words: tuple[str, ...], tmp_path: Path) -> None:
    bare = (sys.executable, "-S")  # without what is installed beside it
    done = subprocess.run([*bare, *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "Run `make run` once" in done.stderr
    assert "Traceback" not in done.stderr
