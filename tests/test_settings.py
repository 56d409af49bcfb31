"""Variables in, settings or every mistake at once out."""

import base64
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.outside.variables import given_variables
from app.settings import VARIABLES, Settings
from app.settings_mistakes import SettingsError
from app.settings_reading import likely_typos, read_settings
from app.settings_text import HIDDEN, describe, duration_text
from app.settings_values import LONGEST, Environment, LogLevel, duration

SECRET = "0123456789abcdef0123456789abcdef"
KEY = base64.urlsafe_b64encode(bytes(32)).decode()
PRODUCTION = {
    "ENVIRONMENT": "production",
    "MONGODB_URI": "mongodb://db.example/parley?replicaSet=rs0",
    "JWT_ACCESS_SECRET": SECRET,
    "INTERNAL_SERVICE_API_KEY": SECRET[::-1],
    "ENCRYPTION_KEYS": KEY,
}


def mistakes(**environ: str) -> dict[str, str]:
    with pytest.raises(SettingsError) as error:
        read_settings(environ)
    return {mistake.variable: mistake.sentence for mistake in error.value.mistakes}


def test_without_variables_there_are_the_documented_defaults() -> None:
    settings = read_settings({})
    assert settings == Settings()
    assert (settings.port, settings.host, settings.environment) == (4000, "127.0.0.1", Environment.DEVELOPMENT)
    assert (settings.access_token_ttl, settings.refresh_token_ttl) == (timedelta(minutes=15), timedelta(days=7))
    assert (settings.ping_interval, settings.ping_timeout) == (timedelta(seconds=25), timedelta(seconds=60))


def test_texts_become_values() -> None:
    settings = read_settings(
        {
            "ACCESS_TOKEN_TTL": "30s",
            "CORS_ORIGINS": "https://App.example.com/, http://localhost:3000",
            "ENCRYPTION_KEYS": f"{KEY},{KEY}",
            "LOG_LEVEL": "debug",
            "META_BOT_BASE_URL": "http://localhost:5001/",
            "RATE_LIMITS": "off",
            "TRUSTED_PROXIES": "127.0.0.1,10.0.0.0/8,::1",
        }
    )
    assert settings.access_token_ttl == timedelta(seconds=30)
    assert settings.cors_origins == ("https://app.example.com", "http://localhost:3000")
    assert [key.get_secret_value() for key in settings.encryption_keys] == [KEY, KEY]
    assert settings.log_level is LogLevel.DEBUG
    assert settings.meta_bot_base_url == "http://localhost:5001"
    assert settings.rate_limits is False
    assert settings.trusted_proxies == tuple(map(ip_network, ["127.0.0.1", "10.0.0.0/8", "::1"]))


@pytest.mark.parametrize(
    ("text", "seconds"), [("15m", 900), ("7d", 604_800), ("30s", 30), ("2h", 7200), ("90", 90), ("250ms", 0.25)]
)
def test_durations_are_written_as_people_do(text: str, seconds: float) -> None:
    assert duration(text) == timedelta(seconds=seconds)


@given(st.timedeltas(min_value=timedelta(milliseconds=1), max_value=LONGEST))
def test_a_duration_survives_being_shown(length: timedelta) -> None:
    whole = timedelta(milliseconds=length // timedelta(milliseconds=1))
    assert duration(duration_text(whole)) == whole


@pytest.mark.parametrize("text", ["0", "0s", "-1", "15 minutes", "m", "", "1e9", "99999999999d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration such as 30s, 15m, 7d"):
        duration(text)


def test_every_mistake_is_reported_at_once_in_the_order_of_the_documentation() -> None:
    found = mistakes(PORT="abc", ACCESS_TOKEN_TTL="soon", LOG_LEVEL="loud", RATE_LIMITS="perhaps", ENVIRONMENT="prod")
    assert found == {
        "ENVIRONMENT": "ENVIRONMENT must be 'development', 'production' or 'test', not 'prod'.",
        "PORT": "PORT must be a whole number, not 'abc'.",
        "LOG_LEVEL": "LOG_LEVEL must be 'DEBUG', 'INFO', 'WARNING' or 'ERROR', not 'loud'.",
        "ACCESS_TOKEN_TTL": "ACCESS_TOKEN_TTL must be a duration such as 30s, 15m, 7d or a number of seconds, "
        "not 'soon'.",
        "RATE_LIMITS": "RATE_LIMITS must be on or off, not 'perhaps'.",
    }
    assert list(found) == [variable for variable in VARIABLES if variable in found]


@pytest.mark.parametrize(
    ("variable", "text", "sentence"),
    [
        ("PORT", "65536", "PORT must be at most 65535, not '65536'."),
        ("BCRYPT_SALT_ROUNDS", "3", "BCRYPT_SALT_ROUNDS must be at least 4, not '3'."),
        ("MONGO_SOCKET_TIMEOUT", "1h", "MONGO_SOCKET_TIMEOUT must be at most 5 minutes, not '1h'."),
        ("JWT_ACCESS_SECRET", "short", "JWT_ACCESS_SECRET must have at least 32 characters."),
        ("ENCRYPTION_KEYS", f"{KEY},x", "ENCRYPTION_KEYS must list keys of 32 bytes in URL-safe base64."),
        ("MONGODB_URI", "http://u:p@h", "MONGODB_URI must start with mongodb:// or mongodb+srv://."),
        ("GRAPH_BASE_URL", "graph", "GRAPH_BASE_URL must be an address such as https://example.com, not 'graph'."),
        ("FACEBOOK_GRAPH_VERSION", "25", "FACEBOOK_GRAPH_VERSION must look like v25.0, not '25'."),
        (
            "CORS_ORIGINS",
            "https://a/b",
            "CORS_ORIGINS must list origins such as https://app.example.com, without a path, not 'https://a/b'.",
        ),
        (
            "CORS_ORIGINS",
            "https://*.example.com",
            "CORS_ORIGINS must name each origin in full, since a * in one matches nothing, not 'https://*.example.com'.",
        ),
        (
            "TRUSTED_PROXIES",
            "10.0.0.1/8",
            "TRUSTED_PROXIES must list addresses or networks such as 127.0.0.1 or 10.0.0.0/8, not '10.0.0.1/8'.",
        ),
    ],
)
def test_a_mistake_is_a_sentence_that_shows_what_was_given_unless_it_is_secret(
    variable: str, text: str, sentence: str
) -> None:
    assert mistakes(**{variable: text}) == {variable: sentence}


def test_production_wants_its_secrets_given() -> None:
    found = mistakes(ENVIRONMENT="production")
    assert list(found) == ["MONGODB_URI", "JWT_ACCESS_SECRET", "INTERNAL_SERVICE_API_KEY", "ENCRYPTION_KEYS"]
    assert found["JWT_ACCESS_SECRET"].startswith("JWT_ACCESS_SECRET must be set in production. This makes one: openssl")


@pytest.mark.parametrize(("variable", "text"), [("BCRYPT_SALT_ROUNDS", "9"), ("CORS_ORIGINS", "*")])
def test_what_is_meant_for_tests_is_refused_in_production_alone(variable: str, text: str) -> None:
    read_settings({**PRODUCTION, "ENVIRONMENT": "test", variable: text})
    assert list(mistakes(**PRODUCTION, **{variable: text})) == [variable]


def test_production_rules_are_told_beside_other_mistakes_and_each_variable_once() -> None:
    found = mistakes(ENVIRONMENT="production", PORT="x", JWT_ACCESS_SECRET="short", CORS_ORIGINS="*")
    assert set(found) == {
        "PORT",
        "MONGODB_URI",
        "JWT_ACCESS_SECRET",
        "INTERNAL_SERVICE_API_KEY",
        "ENCRYPTION_KEYS",
        "CORS_ORIGINS",
    }
    assert found["JWT_ACCESS_SECRET"] == "JWT_ACCESS_SECRET must have at least 32 characters."


def test_production_listens_everywhere_unless_told_where() -> None:
    assert read_settings(PRODUCTION).host == "0.0.0.0"
    assert read_settings({**PRODUCTION, "HOST": "10.0.0.1"}).host == "10.0.0.1"


def test_empty_and_unknown_variables_are_passed_over() -> None:
    assert read_settings({"PORT": " ", "REDIS_URL": "", "SHELL": "/bin/sh"}) == Settings()


def test_a_likely_typo_is_mentioned() -> None:
    found = likely_typos({"MONGO_URI": "x", "CORS_ORIGIN": "x", "HOME": "x", "HOSTNAME": "x", "PATH": "x", "PROT": "1"})
    assert [typo.sentence for typo in found] == [
        "MONGO_URI is not read here; MONGODB_URI is.",
        "CORS_ORIGIN is not read here; CORS_ORIGINS is.",
        "PROT is not read here; PORT is.",
    ]
    assert not likely_typos({"PROT": "1", "PORT": "1"})


def test_a_variable_that_production_misses_is_told_with_the_name_it_was_given_under() -> None:
    found = mistakes(**{**PRODUCTION, "MONGODB_URI": "", "MONGO_URI": "mongodb://db"})
    assert list(found) == ["MONGODB_URI"]
    assert found["MONGODB_URI"].endswith("MONGO_URI is not read here; MONGODB_URI is.")


def test_one_secret_for_two_purposes_is_refused_in_production() -> None:
    found = mistakes(**{**PRODUCTION, "INTERNAL_SERVICE_API_KEY": SECRET})
    assert found == {
        "INTERNAL_SERVICE_API_KEY": "INTERNAL_SERVICE_API_KEY must not be the same secret as JWT_ACCESS_SECRET."
    }
    assert list(mistakes(**{**PRODUCTION, "JWT_ACCESS_SECRET": KEY})) == ["ENCRYPTION_KEYS"]
    assert read_settings({**PRODUCTION, "ENCRYPTION_KEYS": f"{KEY},{KEY}"}).is_production


@pytest.mark.parametrize("host", ["example.com", "chat.example.com", "chat.example.org:8443", "chat.example"])
def test_the_address_of_an_example_is_refused_in_production(host: str) -> None:
    found = mistakes(**PRODUCTION, PUBLIC_URL=f"https://{host}")
    assert found == {"PUBLIC_URL": "PUBLIC_URL must be this server's own address, not that of an example."}
    assert read_settings({"PUBLIC_URL": f"https://{host}"}).public_url
    assert read_settings({**PRODUCTION, "PUBLIC_URL": "https://chat.myexample.com/example.com"}).public_url


@pytest.mark.parametrize(
    ("uri", "database"),
    [
        ("", "parley"),
        ("mongodb://localhost", "parley"),
        ("mongodb://localhost/", "parley"),
        ("mongodb://u:p%40x@a:1,b:2/inbox?replicaSet=rs0", "inbox"),
        ("mongodb+srv://cluster.example/my%20inbox", "my inbox"),
    ],
)
def test_the_database_is_the_uris(uri: str, database: str) -> None:
    assert read_settings({"MONGODB_URI": uri}).database == database


def test_settings_are_frozen_and_know_their_own_names() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Settings(prot=1)  # type: ignore[call-arg]


def test_settings_never_read_the_environment_behind_our_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "1")
    assert Settings().port == 4000


def test_a_description_hides_every_secret() -> None:
    settings = read_settings(
        {
            **PRODUCTION,
            "MONGODB_URI": "mongodb://user:hidden:@/hidden@host/db?replicaSet=rs0&tlsCertificateKeyFilePassword=hidden",
            "REDIS_URL": "redis://:hidden@host:6379/0",
            "SMTP_URL": "smtp://user:hidden@host:25",
            "FACEBOOK_APP_SECRET": "hidden",
            "META_VERIFY_TOKEN": "hidden",
        }
    )
    shown = {variable: value for variable, value, _ in describe(settings)}
    assert not [value for value in shown.values() if "hidden" in value or SECRET in value or KEY in value]
    assert shown["REDIS_URL"] == f"redis://:{HIDDEN}@host:6379/0"
    assert shown["MONGODB_URI"] == (
        f"mongodb://user:{HIDDEN}@host/db?replicaSet=rs0&tlsCertificateKeyFilePassword={HIDDEN}"
    )
    assert (shown["JWT_ACCESS_SECRET"], shown["ENCRYPTION_KEYS"]) == (HIDDEN, HIDDEN)


def test_a_description_reads_as_it_is_written() -> None:
    given = {"ACCESS_TOKEN_TTL": "15m", "CORS_ORIGINS": "http://a.example,http://b.example", "RATE_LIMITS": "off"}
    shown = {variable: value for variable, value, _ in describe(read_settings(given))}
    assert {variable: shown[variable] for variable in given} == given


def test_the_environment_goes_before_the_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# a comment\nPORT=1\nMAIL_FROM=Desk <desk@example.com>\n")
    monkeypatch.setenv("PORT", "2")
    variables = given_variables(tmp_path)
    assert (variables["PORT"], variables["MAIL_FROM"]) == ("2", "Desk <desk@example.com>")


def test_an_env_file_is_not_needed(tmp_path: Path) -> None:
    assert "PATH" in given_variables(tmp_path)
