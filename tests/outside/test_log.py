"""What a log line holds, and what it never holds."""

import json
import logging
import os
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from loguru import logger

from app.models.people import Role, Scope
from app.outside.log import set_up_logging
from app.settings import Settings
from app.settings_values import LogLevel


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Take our sinks and handlers away again."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logger.remove()
    logger.configure(patcher=lambda _: None)
    root.handlers, root.level = handlers, level


def in_production(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_production_writes_one_json_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(Settings(environment="production"))
    logger.bind(message_id="m1", attempt=2).info("message delivered")
    (line,) = in_production(capsys)
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "event": "message delivered",
        "message_id": "m1",
        "attempt": 2,
        "level": "INFO",
        "logger": "tests.outside.test_log",
        "pid": os.getpid(),
    }


def test_development_writes_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(Settings())
    logger.bind(name="{curly} <red>").info("delivered {it} <b>")
    assert "INFO    delivered {it} <b> name='{curly} <red>'\n" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["<b> {0}", r"\<b>", "<Role.OWNER: 'owner'>", "two\nlines"])
def test_development_changes_nothing_in_a_value(capsys: pytest.CaptureFixture[str], name: str) -> None:
    set_up_logging(Settings())
    logger.bind(name=name).info("an event")
    assert capsys.readouterr().err.endswith(f"an event name={name!r}\n")


def test_development_shows_a_traceback_below_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(Settings())
    logger.bind(name="<b>").opt(exception=ValueError("{no}")).error("refused")
    first, *below = capsys.readouterr().err.splitlines()
    assert first.endswith("refused name='<b>'")
    assert below[-1] == "ValueError: {no}"


@pytest.mark.parametrize("environment", ["development", "production"])
def test_a_member_of_an_enum_is_written_as_what_it_stands_for(
    capsys: pytest.CaptureFixture[str], environment: Literal["development", "production"]
) -> None:
    set_up_logging(Settings(environment=environment))
    logger.bind(role=Role.OWNER, scopes=[Scope.FEED_READ], by={"role": Role.AGENT}).info("an event")
    if environment == "production":
        (line,) = in_production(capsys)
        assert (line["role"], line["scopes"], line["by"]) == ("owner", ["feed:read"], {"role": "agent"})
    else:
        assert "role='owner' scopes=['feed:read'] by={'role': 'agent'}\n" in capsys.readouterr().err


def test_stdout_is_left_to_the_answer_of_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(Settings())
    logger.info("an event")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "name", ["password", "access_token", "jwt_access_secret", "Authorization", "content", "tokens"]
)
def test_what_is_private_is_hidden_however_deep(capsys: pytest.CaptureFixture[str], name: str) -> None:
    set_up_logging(Settings(environment="production"))
    logger.bind(**{name: "private"}, outer={"list": [{name: "private"}]}).info("an event")
    assert "private" not in capsys.readouterr().err


def test_a_traceback_shows_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(Settings(environment="production"))
    token = bytes.fromhex("70726976617465").decode()
    try:
        token.index("x")
    except ValueError:
        logger.exception("refused")
    (line,) = in_production(capsys)
    assert line["error"] == "ValueError: substring not found"
    assert "private" not in json.dumps(line)


def test_what_libraries_log_arrives_under_their_name(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(Settings(environment="production"))
    logging.getLogger("some.library").warning("%s failed {really}", "it")
    (line,) = in_production(capsys)
    assert (line["logger"], line["event"], line["level"]) == ("some.library", "it failed {really}", "WARNING")


def test_libraries_may_have_levels_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(Settings(environment="production"))
    logging.getLogger("some.library").log(25, "noteworthy")
    assert in_production(capsys)[0]["level"] == "Level 25"


@pytest.mark.parametrize("name", ["socketio.server", "engineio.server", "pymongo.command"])
def test_packets_and_commands_are_not_logged_even_when_debugging(capsys: pytest.CaptureFixture[str], name: str) -> None:
    set_up_logging(Settings(log_level=LogLevel.DEBUG))
    logging.getLogger(name).info("a packet with a token in it")
    assert capsys.readouterr().err == ""
