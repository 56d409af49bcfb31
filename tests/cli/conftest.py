"""Commands called within the test's own process: the same code without a second of imports each."""

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from loguru import logger

from app.cli import main
from app.settings import VARIABLES
from tests.cli.processes import Done
from tests.desk import database_uri
from tests.outside.words import connected

Call = Callable[..., Done]


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Take a command's log sinks away again."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logger.remove()
    logger.configure(patcher=lambda _: None)
    root.handlers, root.level = handlers, level


@pytest.fixture
async def uri(mongo_uri: str) -> AsyncIterator[str]:
    """A database of its own, for a server or a command."""
    uri = database_uri(mongo_uri)
    yield uri
    async with connected(uri) as client:
        await client.drop_database(client.get_default_database().name)


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Return `call(*words, **variables)`, which runs a command in an empty folder; not where a loop runs."""

    def called(*words: str, **given: str) -> Done:
        monkeypatch.chdir(tmp_path)
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in {"BCRYPT_SALT_ROUNDS": "4", "LOG_LEVEL": "ERROR", **given}.items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        try:
            code = main(words)
        except SystemExit as error:  # argparse's way to end
            code = int(error.code or 0)
        return Done(code, *capsys.readouterr())

    return called
