"""Every knob is documented where people look for it, and read nowhere but in the settings."""

import ast
import re

import pytest

from app.settings import VARIABLES, Settings
from app.settings_text import env_example
from tests.house.source import ROOT, modules

# Where the process's environment is read, once; and NO_COLOR, which belongs to the terminal.
EDGE = {"app/outside/variables.py", "app/commands/output.py"}


def test_env_example_is_what_the_settings_say() -> None:
    assert (ROOT / ".env.example").read_text("utf-8") == env_example(), (
        "python -m app.settings_text > .env.example brings it up to date"
    )


def test_every_setting_has_one_sentence() -> None:
    for name, field in Settings.model_fields.items():
        assert re.fullmatch(r"[A-Z][^\n]*\w\.", field.description or ""), name


@pytest.mark.parametrize("variable", VARIABLES)
def test_every_setting_stands_once_in_env_example(variable: str) -> None:
    assert env_example().count(f"\n#{variable}=") == 1


def test_nothing_else_reads_the_environment() -> None:
    assert not [
        f"{path}:{node.lineno}"
        for path, module in modules().items()
        if path not in EDGE
        for node in ast.walk(module)
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv") and ast.unparse(node.value) == "os"
    ]
