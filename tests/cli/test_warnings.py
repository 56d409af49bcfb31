"""Settings that leave something open in production are said at the start, once each, and never with their value."""

from pathlib import Path

import pytest

from app.commands.warnings import unsafe_settings
from app.settings import Settings
from tests.cli.processes import run

PASSWORD = "correct-horse"
SAFE = {
    "public_url": "https://chat.example.com",
    "mongodb_uri": f"mongodb://parley:{PASSWORD}@db1,db2:27018/parley?replicaSet=rs0&tls=true",
    "redis_url": f"rediss://:{PASSWORD}@redis.example.com:6380/0",
}


def said(**given: str) -> list[str]:
    """Return what is said of settings that are safe but for these."""
    settings = Settings.model_validate({"environment": "production", **SAFE, **given})
    return [f"{each.variable} {each.sentence}" for each in unsafe_settings(settings)]


def test_nothing_is_said_of_settings_that_leave_nothing_open() -> None:
    assert said() == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("public_url", "http://chat.example.com", ["not https"]),
        ("mongodb_uri", f"mongodb://parley:{PASSWORD}@db1,db2/parley?replicaSet=rs0", ["no tls=true"]),
        ("mongodb_uri", f"mongodb://parley:{PASSWORD}@127.0.0.1,db2/parley", ["no tls=true"]),
        ("mongodb_uri", f"mongodb+srv://parley:{PASSWORD}@db.example.com/parley?tls=false", ["no tls=true"]),
        ("mongodb_uri", "mongodb://db1,db2/parley?ssl=true", ["names no user"]),
        ("mongodb_uri", "mongodb+srv://db.example.com/parley", ["names no user"]),
        ("mongodb_uri", "mongodb://db1/parley", ["no tls=true", "names no user"]),
        ("mongodb_uri", "mongodb://db1/parley?TLS=true&authMechanism=MONGODB-X509", []),
        ("mongodb_uri", f"mongodb://parley:{PASSWORD}@[::1]:27017,localhost/parley", []),
        ("redis_url", "redis://redis.example.com", ["no password", "not rediss"]),
        ("redis_url", "rediss://redis.example.com", ["no password"]),
        ("redis_url", f"redis://user:{PASSWORD}@redis.example.com", ["not rediss"]),
        ("redis_url", f"redis://:{PASSWORD}@127.0.0.1:6379", []),
        ("redis_url", f"rediss://redis.example.com?password={PASSWORD}", []),
        ("redis_url", "unix:///run/redis.sock", []),
    ],
)
def test_each_thing_that_is_left_open_is_one_sentence_without_its_value(
    name: str, value: str, words: list[str]
) -> None:
    sentences = said(**{name: value})
    assert len(sentences) == len(words)
    for sentence, each in zip(sentences, words, strict=True):
        assert sentence.startswith(f"{name.upper()} {name.upper()} ")
        assert each in sentence
        assert PASSWORD not in sentence
        assert "example.com" not in sentence


def test_development_says_nothing_of_it() -> None:
    assert not list(unsafe_settings(Settings.model_validate({**SAFE, "public_url": "http://chat.example.com"})))


async def test_a_server_says_it_at_its_start(tmp_path: Path) -> None:
    given = {
        "ENVIRONMENT": "production",
        "MONGODB_URI": "mongodb://127.0.0.1:1/parley",
        "MONGO_SERVER_SELECTION_TIMEOUT": "100ms",
        "BCRYPT_SALT_ROUNDS": "10",
        "PUBLIC_URL": "http://chat.acme.test",
        "JWT_ACCESS_SECRET": "j" * 32,
        "INTERNAL_SERVICE_API_KEY": "i" * 32,
        "ENCRYPTION_KEYS": "A" * 43 + "=",
    }
    done = await run(tmp_path, "serve", **given)
    assert done.code == 1
    assert done.err.count("PUBLIC_URL is not https") == 1
    assert done.err.count("MONGODB_URI names no user") == 1
