"""Our own source, as the house rules look at it."""

import ast
import configparser
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def modules(folder: str = "app") -> dict[str, ast.Module]:
    """Each Python file below a folder, parsed, by its path from the root."""
    paths = sorted((ROOT / folder).rglob("*.py"))
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text("utf-8")) for path in paths}


def lines(path: str) -> list[str]:
    return (ROOT / path).read_text("utf-8").splitlines()


def functions(folder: str = "app") -> Iterator[tuple[str, Function]]:
    """Each function, with the path of its file."""
    for path, module in modules(folder).items():
        for node in ast.walk(module):
            if isinstance(node, Function):
                yield path, node


def imported(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Each name that a module imports, in full, with its line."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def setup_cfg() -> configparser.ConfigParser:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", "utf-8")
    return config


def kept_files() -> list[Path]:
    """Each file that is in git, or would be with the next `git add`."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout, so nobody can tell what is kept")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [path for name in names if name and (path := ROOT / name).is_file()]
