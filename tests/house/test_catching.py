"""Exceptions are caught as narrowly as they can be decided on; everything at once in four places only.

A clause that ends in a bare `raise` catches nothing: it only tidies up on the way.
"""

import ast
from collections.abc import Iterator

from tests.house.source import modules

# The adaptors of the doors, the scheduler, and the journal's `attempt`: one failure there must not become everyone's.
ALLOWED = {"app/handlers/endpoint.py", "app/sockets/namespace.py", "app/jobs/scheduler.py"}
EVERYTHING = {"Exception", "BaseException"}


def test_everything_is_caught_in_four_places_only() -> None:
    assert not [
        f"{path}:{line}"
        for path, module in modules().items()
        if path not in ALLOWED
        for line in catches_of_everything(module)
        if not (path.startswith("app/journal/") and within(module, "attempt", line))
    ]


def test_a_catch_of_everything_is_seen_however_it_is_written() -> None:
    for caught in ("except:", "except Exception:", "except (KeyError, Exception):", "except BaseException as error:"):
        assert list(catches_of_everything(ast.parse(f"try:\n  pass\n{caught}\n  pass"))), caught
    assert list(catches_of_everything(ast.parse("with contextlib.suppress(Exception):\n  pass")))


def catches_of_everything(module: ast.Module) -> Iterator[int]:
    for node in ast.walk(module):
        if isinstance(node, ast.ExceptHandler) and is_blind(node) and ast.unparse(node.body[-1]) != "raise":
            yield node.lineno
        if isinstance(node, ast.Call) and "suppress" in names(node.func) and EVERYTHING & names(*node.args):
            yield node.lineno


def is_blind(clause: ast.ExceptHandler) -> bool:
    return clause.type is None or bool(EVERYTHING & names(clause.type))


def names(*nodes: ast.AST) -> set[str]:
    """The names in an expression, with or without their module."""
    found = [inner for node in nodes for inner in ast.walk(node)]
    return {node.id for node in found if isinstance(node, ast.Name)} | {
        node.attr for node in found if isinstance(node, ast.Attribute)
    }


def within(module: ast.Module, function: str, line: int) -> bool:
    return any(
        node.lineno <= line <= (node.end_lineno or line)
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.strip("_") == function
    )
