"""Commands called within the test's own process: the same code without a second of imports each."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loguru import logger

from app.cli import main
from app.settings import VARIABLES
from tests.cli.processes import Done

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
