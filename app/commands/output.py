"""What a command says: with --json one line with one object on stdout, else sentences, coloured for a terminal."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

from app.models.wire import to_json

# ECMA-48, section 8.3.117: select graphic rendition.
STYLES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36}

Paint = Callable[[str, str], str]


def answer(body: Mapping[str, Any], sentence: str, *, as_json: bool) -> None:
    """Say what came of a command: to a script its object, to a person the sentence."""
    print(to_json(body).decode() if as_json else sentence, flush=True)


def note(sentence: str) -> None:
    """Say something beside the answer."""
    print(sentence, file=sys.stderr, flush=True)


def painter(stream: TextIO) -> Paint:
    """Return `paint(style, text)` for a stream; it colours for a terminal alone, and not where NO_COLOR is set.

    https://no-color.org
    """
    if not stream.isatty() or os.environ.get("NO_COLOR"):
        return lambda style, text: text
    return lambda style, text: f"\x1b[{STYLES[style]}m{text}\x1b[0m"


def one_line(text: str) -> str:
    """Return a text as one line that a terminal can show: a customer's message must not move its cursor."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def command_line(*words: str) -> str:
    """Return a command of ours as one types it in this folder, with the Python that runs here."""
    return shlex.join([_python(), "-m", "app", *words])


def _python() -> str:
    """Return how this Python is called: by its name where that finds it, else by its place in this folder."""
    this = Path(sys.executable)
    found = shutil.which("python")
    if found and Path(found).absolute() == this.absolute():
        return "python"
    return str(this.relative_to(Path.cwd()) if this.is_relative_to(Path.cwd()) else this)
