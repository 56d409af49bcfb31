"""The demo company: made once, told once, and usable with what was told."""

import re
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from app import __version__
from app.commands.demo_company import Demo, demo_company_id, demo_where_wanted
from app.commands.demo_talk import TALKS, Speaker
from app.commands.output import command_line
from app.commands.welcome import Welcome, welcome
from tests.cli.processes import run, running
from tests.desk import Desk


async def test_what_is_told_once_can_be_copied_and_works(tmp_path: Path, uri: str) -> None:
    async with running(tmp_path, "serve", MONGODB_URI=uri) as server, aiohttp.ClientSession() as http:
        url = (await server.says(f"Parley {__version__} is running at")).split()[-1]
        kept = Path((await server.says("Its passwords and keys")).split()[-1])
        await server.says(f"  {url}/  and  README.md")
        assert (kept.parent, kept.stat().st_mode & 0o777) == (tmp_path / ".parley", 0o600)
        told = kept.read_text("utf-8")
        secrets = re.findall(r"sk_\S+|\w{4}-\w{4}-\w{4}", told)
        assert not [secret for secret in secrets if secret in "\n".join((*server.out, *server.err))]
        assert "\x1b" not in told + "".join(server.out), "no colours where nobody sees them"
        assert f"INTERNAL_SERVICE_API_KEY, which is in {tmp_path / '.parley' / 'secrets.json'}" in told
        curl, watch, reply = [copied(told, words) for words in ("curl -X POST", " watch ", " reply ")]
        key = watch[0].removeprefix("PARLEY_KEY=")
        async with running(tmp_path, *watch[4:], PARLEY_KEY=key) as watching:
            await watching.says("listening from seq")
            status, answer = await executed(http, curl)
            assert status == 201
            line = await watching.says("Is my order on its way?")
            assert f"#{answer['data']['seq']} " in line
            assert f"web {reply[5]} Ann Becker: Is my order on its way?" in " ".join(line.split())
            done = await run(tmp_path, *reply[4:], PARLEY_KEY=key)
            assert (done.code, done.out) == (0, "It is sent.\n"), done
            await watching.says("Of course!")
        email, password = copied(told, "  owner")[1:]
        async with http.post(f"{url}/api/v1/auth/login", json={"email": email, "password": password}) as signed_in:
            assert signed_in.status == 200
        assert await server.end() == 0
    assert answer["data"]["company_id"] in told
    await the_second_start_keeps_it(tmp_path, uri, [password, key], answer["data"]["company_id"])


def copied(told: str, words: str) -> list[str]:
    """Return the words of the line that contains these."""
    return next(shlex.split(line) for line in told.splitlines() if words in line)


async def the_second_start_keeps_it(folder: Path, uri: str, secrets: list[str], company_id: str) -> None:
    """See that nothing is made or told again, that a new key can be made, and that the first one still works."""
    async with running(folder, "demo", MONGODB_URI=uri) as server, aiohttp.ClientSession() as http:
        create = shlex.split(await server.says("app create-key"))
        assert create[create.index("--company") + 1] == company_id
        await server.says(f"{folder / '.parley' / 'demo.txt'} has them")
        assert not [secret for secret in secrets if secret in "\n".join(server.out)]
        url = (await server.says("is running at")).split()[-1]
        async with http.get(f"{url}/api/v1/conversations", headers={"X-API-Key": secrets[-1]}) as found:
            assert len((await found.json())["data"]) == len(TALKS)


async def test_a_terminal_is_shown_what_no_log_is_given(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = await demo_where_wanted(desk.hub, asked=True)
    assert demo
    known = Welcome(url=desk.base, data_dir=tmp_path, demo=demo, demo_company_id=demo.company_id, is_empty=False)
    welcome(known, as_json=False)
    assert not told_in(capsys.readouterr().out, demo)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    welcome(known, as_json=False)
    assert told_in(capsys.readouterr().out, demo) == secrets_of(asdict(demo))


def told_in(out: str, demo: Demo) -> list[str]:
    return [secret for secret in secrets_of(asdict(demo)) if secret in out]


async def test_it_is_believable(desk: Desk) -> None:
    demo = await demo_where_wanted(desk.hub, asked=True)
    assert demo
    _, answer = await desk.ask("GET", "/conversations", key=demo.bot_key)
    found = answer["data"]
    times = [each["last_message"]["created_at"] for each in found]
    assert times == sorted(times, reverse=True)
    assert {each["platform"] for each in found} == {"web", "instagram", "facebook", "whatsapp", "telegram"}
    assert {each["status"] for each in found} == {"open", "closed"}
    assert sorted(each["unread_count"] for each in found) == [0, 0, 0, 0, 1, 1, 2]
    assert any(each["assignee_id"] for each in found)
    said = [await desk.ask("GET", f"/conversations/{each['id']}/messages", key=demo.bot_key) for each in found]
    files = [message["attachments"] for _, answer in said for message in answer["data"]]
    assert (len(files), sum(map(len, files))) == (sum(len(talk.lines) for talk in TALKS), 1)


async def test_nothing_that_was_told_is_stored(desk: Desk) -> None:
    demo = await demo_where_wanted(desk.hub, asked=True)
    assert demo
    stored = [str(document) for store in desk.hub.store.all async for document in store.collection.find()]
    assert any(demo.company_id in document for document in stored)
    assert not [secret for secret in secrets_of(asdict(demo)) for document in stored if secret in document]


async def test_it_is_made_unasked_only_in_an_empty_database_for_development(desk: Desk) -> None:
    assert await demo_where_wanted(desk.hub, asked=False) is None
    assert await demo_where_wanted(desk.hub, asked=True) is not None
    assert await demo_where_wanted(desk.hub, asked=True) is None
    assert await demo_company_id(desk.hub) not in (None, desk.company.id)


def test_a_server_without_a_company_says_how_to_create_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = "http://127.0.0.1:4000"
    welcome(Welcome(url=url, data_dir=tmp_path, demo=None, demo_company_id=None, is_empty=True), as_json=False)
    assert "-m app create-company --name Acme" in capsys.readouterr().out


def test_commands_are_told_with_a_python_that_has_what_they_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))  # whatever is activated where the tests run
    monkeypatch.setattr("sys.executable", str(Path.cwd() / ".venv" / "bin" / "python"))
    assert command_line("watch") == ".venv/bin/python -m app watch"
    monkeypatch.setattr("sys.executable", str(python))
    assert command_line("watch", "--key", "a b") == "python -m app watch --key 'a b'"


def test_every_line_is_later_than_the_one_before() -> None:
    for talk in TALKS:
        minutes = [line[0] for line in talk.lines]
        assert minutes == sorted(minutes, reverse=True)
        assert talk.lines[0][1] is Speaker.CUSTOMER


async def executed(http: aiohttp.ClientSession, curl: list[str]) -> tuple[int, Any]:
    """Do what a curl command line does."""
    _, _, method, url, *options = curl
    given = list(zip(options[::2], options[1::2], strict=True))
    headers = dict(value.split(": ", 1) for option, value in given if option == "-H")
    (data,) = (value for option, value in given if option == "-d")
    async with http.request(method, url, data=data, headers=headers) as response:
        return response.status, await response.json()


def secrets_of(demo: dict[str, Any]) -> list[str]:
    """List what only who made the demo may know."""
    return [demo["bot_key"], demo["service_key"], *(login["password"] for login in demo["logins"])]
