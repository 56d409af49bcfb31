"""What doctor finds, and what it tells to do about it."""

import asyncio
import json
import re
import subprocess
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.commands import check_mongodb, checks
from app.commands.checks import FLOORS, PINNED, of_python
from app.commands.finding import Finding, State
from app.outside.mongod_binary import find_mongod
from app.outside.mongod_process import FLAGS, free_port
from app.settings import Settings
from app.settings_mistakes import SettingsError
from app.stores.standing import Standing, Unfit, standing_of
from tests.cli.conftest import Call
from tests.cli.processes import ROOT
from tests.waiting import until


def state_of(done: Any, check: str) -> dict[str, Any]:
    """Return what a check found last."""
    found: dict[str, Any] = [each for each in done.object["checks"] if each["check"] == check][-1]
    return found


def test_all_is_well_with_a_replica_set(call: Call, mongo_uri: str) -> None:
    done = call("doctor", "--json", MONGODB_URI=mongo_uri, PORT="0")
    assert (done.code, done.object["ok"]) == (0, True)
    assert state_of(done, "mongodb")["facts"]["replica_set"] == "rs0"
    assert state_of(done, "settings")["facts"]["PORT"] == {
        "value": "0",
        "means": "The port to listen on; 0 takes a free one.",
    }


def test_a_person_reads_every_setting_with_its_sentence_and_no_secret(call: Call) -> None:
    done = call("doctor", PORT="0", JWT_ACCESS_SECRET="s3cret" * 8)
    assert done.code == 0
    assert done.out.endswith("\n\nAll is well.\n")
    assert "JWT_ACCESS_SECRET=********" in done.out
    assert "The secret that signs access tokens, of 32 characters or more." in done.out
    assert "s3cret" not in done.out + done.err


def test_it_starts_the_embedded_mongodb_to_see_that_it_runs(call: Call, tmp_path: Path) -> None:
    done = call("doctor", "--json")
    assert (done.code, done.object["ok"]) == (0, True)
    assert state_of(done, "embedded mongod")["says"].startswith("db version v")
    assert state_of(done, "mongodb")["facts"]["transaction_lifetime_limit_seconds"] == 5
    assert not (tmp_path / ".parley" / "secrets.json").exists(), "it only looks"
    assert json.loads((tmp_path / ".parley" / "mongod.json").read_bytes())["pid"] is None, "and stops what it started"


def test_mistakes_in_the_settings_are_problems_with_a_way_out(call: Call) -> None:
    done = call("doctor", "--json", PORT="many", PING_TIMEOUT="soon", MONGO_URI="x")
    assert (done.code, done.object["ok"]) == (1, False)
    problems = [each for each in done.object["checks"] if each["state"] == "problem"]
    assert [each["do"] for each in problems] == [
        "Set PORT anew, or remove it.",
        "Set PING_TIMEOUT anew, or remove it.",
    ]


def test_a_likely_slip_is_a_warning_and_not_all_is_well(call: Call, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PROT=5000\n")
    done = call("doctor")
    assert done.code == 0
    assert "PROT is not read here; PORT is." in done.out
    assert "warning" in done.out.splitlines()[-1]
    assert "All is well" not in done.out


def test_what_production_misses_is_to_be_set_and_not_removed(call: Call) -> None:
    done = call("doctor", "--json", ENVIRONMENT="production", MONGO_URI="mongodb://db", BCRYPT_SALT_ROUNDS="12")
    assert done.code == 1
    (mongodb,) = [each for each in done.object["checks"] if "MONGODB_URI" in each["says"]]
    assert mongodb["do"] == "Set MONGODB_URI."
    assert mongodb["says"].endswith("MONGO_URI is not read here; MONGODB_URI is.")


def test_it_says_what_its_exit_codes_mean(call: Call) -> None:
    assert "Exit code: 0 where nothing is wrong" in call("doctor", "--help").out


def test_a_binary_that_lacks_a_library_comes_with_the_line_that_installs_it(call: Call, tmp_path: Path) -> None:
    program = tmp_path / "mongod"
    program.write_text(
        "#!/bin/sh\necho 'mongod: error while loading shared libraries: libcurl.so.4: no' >&2; exit 127\n"
    )
    done = call("doctor", MONGOD_BINARY=str(program), PORT="0")
    assert done.code == 1
    assert "sudo apt-get install -y libcurl4 liblzma5" in done.out
    assert done.out.endswith("\n\n1 problem to fix.\n")


def test_no_binary_is_a_problem(call: Call, tmp_path: Path) -> None:
    done = call("doctor", "--json", MONGOD_BINARY=str(tmp_path / "nothing"))
    assert (done.code, state_of(done, "mongodb")["state"]) == (1, "problem")


def test_a_taken_port_is_a_warning(call: Call, mongo_uri: str) -> None:
    port = re.search(r":(\d+)", mongo_uri)
    assert port
    done = call("doctor", "--json", MONGODB_URI=mongo_uri, PORT=port[1])
    assert (done.code, state_of(done, "port")["state"]) == (0, "warning")


@pytest.mark.parametrize(("flags", "sentence"), [((), "is a standalone"), (("--replSet", "rs0"), "never initiated")])
def test_a_mongod_without_a_set_is_refused_with_the_command_that_mends_it(
    flags: tuple[str, ...], sentence: str, call: Call, tmp_path: Path
) -> None:
    with bare_mongod(tmp_path, *flags) as port:
        for uri in (f"mongodb://127.0.0.1:{port}", f"mongodb://127.0.0.1:{port}/?replicaSet=rs0"):
            given = {"MONGODB_URI": uri, "MONGO_SERVER_SELECTION_TIMEOUT": "300ms", "PORT": "0"}
            refused, looked_at = call("serve", "--json", **given), call("doctor", "--json", **given)
            assert (refused.code, refused.out) == (1, "")
            assert sentence in refused.err
            initiate = f'rs.initiate({{_id: "rs0", members: [{{_id: 0, host: "127.0.0.1:{port}"}}]}})'
            assert f"mongosh mongodb://127.0.0.1:{port}/ --eval '{initiate}'" in refused.err
            assert state_of(looked_at, "mongodb")["says"] in refused.err


UNUSABLE = [
    ("mongodb://127.0.0.1:9", "No MongoDB answers: 127.0.0.1:9"),
    ("mongodb://HOST/?replicaSet=other", "is of the replica set rs0, and MONGODB_URI names another"),
    ("mongodb://someone:wrong@HOST/", "MongoDB refuses the user name or the password of MONGODB_URI."),
    ("mongodb+srv://nowhere.invalid/", "MONGODB_URI does not lead to a MongoDB that can be used"),
]


@pytest.mark.parametrize(("uri", "sentence"), UNUSABLE)
async def test_an_address_that_leads_nowhere_is_a_sentence(uri: str, sentence: str, mongo_uri: str) -> None:
    host = re.search(r"//([^/?]+)", mongo_uri)
    assert host
    with pytest.raises(Unfit, match=re.escape(sentence)):
        await standing_of(Settings(mongo_server_selection_timeout="300ms"), uri.replace("HOST", host[1]))


async def test_an_address_that_cannot_be_read_is_told_without_its_password() -> None:
    with pytest.raises(SettingsError, match="must be percent-encoded") as error:
        await standing_of(Settings(), "mongodb://someone:hush@hush@host/")
    assert "hush" not in str(error.value)


def test_a_library_of_another_version_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        checks, "version", lambda name: {"python-socketio": "5.19.0", "aiohttp": "3.14.1"}.get(name, "99")
    )
    (finding,) = [each for each in of_python() if each.check == "libraries"]
    assert finding.state is State.PROBLEM
    assert "python-socketio is 5.19.0, not 5.18.1" in finding.says
    assert "aiohttp is 3.14.1, older than 3.14.3" in finding.says


def test_what_libraries_it_asks_for_is_what_setup_cfg_asks_for() -> None:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    ranges = dict(re.findall(r"^([\w-]+)[>=]=([\d.]+)", config["options"]["install_requires"], re.MULTILINE))
    for name, version in (PINNED | FLOORS).items():
        assert ranges[name] == version


def test_a_transaction_that_may_stay_open_for_long_is_a_warning() -> None:
    standing = Standing("10.0.0.1:27017", "8.0.1", "rs0", 60.0)
    *_, last = check_mongodb.of_standing(Settings(mongodb_uri="mongodb://h"), standing)
    assert (last.state, last.check) == (State.WARNING, "transactions")
    assert last.do
    assert last.do.startswith("mongosh mongodb://10.0.0.1:27017/ --eval 'db.adminCommand(")


def test_a_version_with_a_known_hole_is_a_warning() -> None:
    standing = Standing("10.0.0.1:27017", "6.0.5", "rs0", 5.0)
    found: list[Finding] = list(check_mongodb.of_standing(Settings(mongodb_uri="mongodb://h"), standing))
    assert [each.says for each in found if each.state is State.WARNING] == ["6.0.5 has CVE-2025-14847"]


@contextmanager
def bare_mongod(folder: Path, *flags: str) -> Iterator[int]:
    """Run a mongod as somebody else would: alone, or of a set that nobody initiated."""
    port, log = free_port(None), folder / "bare.log"
    (folder / "bare").mkdir()
    plain = FLAGS[2:]
    assert FLAGS[:1] == ("--replSet",)
    command = [find_mongod(None), "--dbpath", folder / "bare", "--port", str(port), "--logpath", log, *flags, *plain]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for(log, "Waiting for connections")
            yield port
        finally:
            process.kill()


def _wait_for(log: Path, words: str) -> None:
    asyncio.run(until(lambda: log.exists() and words in log.read_text(), within=20))
