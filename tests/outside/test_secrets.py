"""Secrets that were generated: the same for everyone who shares a DATA_DIR, and for nobody else."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.outside.secrets import complete
from app.settings import Settings
from app.settings_mistakes import SettingsError

ALL = ("JWT_ACCESS_SECRET", "INTERNAL_SERVICE_API_KEY", "ENCRYPTION_KEYS")


def test_missing_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    first, made = complete(Settings(data_dir=tmp_path / "new"))
    second, made_later = complete(Settings(data_dir=tmp_path / "new"))
    assert (made, made_later) == (ALL, ())
    assert first == second
    assert first.jwt_access_secret
    assert len({first.jwt_access_secret, first.internal_service_api_key, *first.encryption_keys}) == 3


def test_processes_that_start_together_get_the_same_ones(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(complete, [Settings(data_dir=tmp_path)] * 8))
    assert len({settings.jwt_access_secret for settings, _ in answers}) == 1
    assert sorted(made for _, made in answers) == [(), (), (), (), (), (), (), ALL]


def test_only_their_owner_can_read_them(tmp_path: Path) -> None:
    complete(Settings(data_dir=tmp_path))
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_a_given_secret_is_used_and_not_kept(tmp_path: Path) -> None:
    given = SecretStr("given-by-the-operator-0123456789")
    settings, made = complete(Settings(data_dir=tmp_path, jwt_access_secret=given))
    assert settings.jwt_access_secret == given
    assert made == ("INTERNAL_SERVICE_API_KEY", "ENCRYPTION_KEYS")
    assert "JWT_ACCESS_SECRET" not in json.loads((tmp_path / "secrets.json").read_bytes())


def test_nothing_is_written_when_nothing_is_missing(tmp_path: Path) -> None:
    known, _ = complete(Settings(data_dir=tmp_path / "elsewhere"))
    settings = known.model_copy(update={"data_dir": tmp_path / "here"})
    assert complete(settings) == (settings, ())
    assert not (tmp_path / "here").exists()


def test_production_generates_none(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        complete(Settings(environment="production", data_dir=tmp_path))
    assert tuple(mistake.variable for mistake in error.value.mistakes) == ALL
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["{", "[]", "7", '{"JWT_ACCESS_SECRET": "short"}'])
def test_a_damaged_file_is_named_and_left_alone(tmp_path: Path, content: str) -> None:
    (tmp_path / "secrets.json").write_text(content)
    with pytest.raises(SettingsError, match=r"DATA_DIR holds a damaged .*secrets\.json"):
        complete(Settings(data_dir=tmp_path))
    assert (tmp_path / "secrets.json").read_text() == content


def test_a_folder_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="DATA_DIR must be a folder that this server can write to"):
        complete(Settings(data_dir=tmp_path / "file"))
