"""Secrets that nobody was asked for: made once, kept under DATA_DIR, never in production."""

import base64
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.outside.files import private_folder, write_atomically
from app.outside.lockfile import LockFile
from app.settings import GENERATED, Settings
from app.settings_mistakes import Mistake, SettingsError, missing_secret
from app.settings_values import ENCRYPTION_KEY_BYTES

FILE = "secrets.json"
# Whoever holds the lock writes one small file.
LOCK_WAIT = 5.0  # seconds


def complete(settings: Settings) -> tuple[Settings, tuple[str, ...]]:
    """Fill in the secrets that were not given, and name the variables whose secret was made just now.

    Processes that share a DATA_DIR get the same ones, even when they start together. Raises SettingsError in
    production, and where DATA_DIR cannot be used.
    """
    missing = tuple(name for name in GENERATED if not getattr(settings, name))
    if not missing:
        return settings, ()
    if settings.is_production:
        raise SettingsError(missing_secret(name.upper()) for name in missing)
    kept, made = _kept(settings.data_dir, tuple(name.upper() for name in missing))
    return settings.model_copy(update={name: getattr(kept, name) for name in missing}), made


def recall(settings: Settings) -> Settings:
    """Fill in the secrets that were made here before, and make none. Raises SettingsError as `complete` does."""
    path = settings.data_dir / FILE
    if settings.is_production or not path.exists():
        return settings
    with _in_words(path):
        stored: dict[str, Any] = json.loads(path.read_bytes())
        known = [name for name in GENERATED if name.upper() in stored and not getattr(settings, name)]
        kept = Settings(**{name: stored[name.upper()] for name in known})
        return settings.model_copy(update={name: getattr(kept, name) for name in known})


def _kept(data_dir: Path, variables: tuple[str, ...]) -> tuple[Settings, tuple[str, ...]]:
    path = data_dir / FILE
    with _in_words(path):
        private_folder(data_dir)
        with LockFile.wait(path.with_suffix(".lock"), LOCK_WAIT):
            return _read_or_made(path, variables)


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """Turn what goes wrong with the file into a mistake in DATA_DIR."""
    try:
        yield
    except OSError as error:
        sentence = f"DATA_DIR must be a folder that this server can write to: {error}."
    except (ValueError, TypeError):  # pydantic's and json's refusals are ValueErrors
        sentence = f"DATA_DIR holds a damaged {path}: mend it, or remove it to have new secrets made."
    else:
        return
    raise SettingsError([Mistake("DATA_DIR", sentence)])


def _read_or_made(path: Path, variables: tuple[str, ...]) -> tuple[Settings, tuple[str, ...]]:
    stored: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
    made = tuple(variable for variable in variables if variable not in stored)
    stored = stored | {variable: _new_secret() for variable in made}
    # Before anything is written, so that a damaged file is left alone.
    kept = Settings(**{variable.lower(): stored[variable] for variable in variables})
    if made:
        write_atomically(path, json.dumps(stored, indent=2).encode())
    return kept, made


def _new_secret() -> str:
    """Make 32 random bytes as text: long enough to sign with, and an encryption key as it stands."""
    return base64.urlsafe_b64encode(secrets.token_bytes(ENCRYPTION_KEY_BYTES)).decode()
