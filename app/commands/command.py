"""What a command is made of."""

import argparse
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

DONE, WRONG, USAGE, INTERRUPTED = 0, 1, 2, 130
# EX_CONFIG of sysexits.h, https://man.openbsd.org/sysexits: supervisors know it as "do not try again".
SETTINGS = 78


class CommandError(Exception):
    """The command cannot go on; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Command:
    """One verb of `python -m app`: what it takes, and what it does with that; `run` returns the exit code."""

    name: str
    does: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], Coroutine[Any, Any, int]]
