"""Every knob is documented where people look for it, and read nowhere but in the settings."""

import ast
import re
from functools import cache

import pytest

from app.settings import VARIABLES, Settings
from app.settings_text import env_example
from tests.house.source import ROOT, modules

# Where the process's environment is read, once; and NO_COLOR, which belongs to the terminal.
EDGE = {"app/outside/variables.py", "app/commands/output.py"}
NO_EFFECT = "has no effect yet"


def test_env_example_is_what_the_settings_say() -> None:
    assert (ROOT / ".env.example").read_text("utf-8") == env_example(), (
        "python -m app.settings_text > .env.example brings it up to date"
    )


def test_every_setting_has_one_sentence() -> None:
    for name, field in Settings.model_fields.items():
        assert re.fullmatch(r"[A-Z][^\n]*\w\.", field.description or ""), name


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_says_that_it_has_no_effect_exactly_while_nothing_reads_it(name: str) -> None:
    says_so = NO_EFFECT in (Settings.model_fields[name].description or "")
    assert says_so is (name not in read_somewhere())


@cache
def read_somewhere() -> set[str]:
    """The fields that the server takes from its settings."""
    found: set[str] = set()
    for path, module in modules().items():
        holder = "self" if path == "app/settings.py" else "settings"
        found |= {
            node.attr
            for node in ast.walk(module)
            if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith(holder)
        }
    return found


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
