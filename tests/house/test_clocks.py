"""No code asks this machine's wall clock: "when" is the database's (app/outside/clock.py), "how long" the monotonic.

A machine's clock may be wrong, and is set while we run: what is due, over or expired must not depend on it.
"""

import ast
from collections.abc import Iterator

from tests.house.source import modules

ASKS_THE_MACHINE = {
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "time": {"time", "time_ns", "localtime", "gmtime", "ctime", "strftime"},
}


# `doctor` tells how far the two are apart.
COMPARES = {"app/commands/check_clock.py"}


def test_the_wall_clock_is_asked_nowhere() -> None:
    assert {path for path, module in modules().items() if list(readings(module))} == COMPARES


def test_a_reading_is_seen_however_it_is_written() -> None:
    for written in ("datetime.now(UTC)", "datetime.datetime.utcnow()", "time.time()", "f(time.time)", "date.today()"):
        assert list(readings(ast.parse(written))), written
    assert list(readings(ast.parse("from time import time")))
    assert not list(readings(ast.parse("time.monotonic(); hub.now(); loop.time()")))


def readings(module: ast.Module) -> Iterator[int]:
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute):
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            if node.attr in ASKS_THE_MACHINE.get(owner, ()):
                yield node.lineno
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (node.lineno for alias in node.names if alias.name in ASKS_THE_MACHINE["time"])
