"""Doors know who asked; what happens is the actions' business.

Handlers, sockets and jobs reach data through `app.actions`, and events through `hub.journal`: never through
`hub.store`, a store or a platform.
"""

import ast
from collections.abc import Iterator

import pytest

from tests.house.source import imported, modules

DOORS = ("app/handlers", "app/sockets", "app/jobs")
STORES = ("store", "stores")
BEHIND = ("app.stores", "app.platforms")


@pytest.mark.parametrize("door", DOORS)
def test_a_door_never_uses_the_store(door: str) -> None:
    assert not [f"{path}:{line}" for path, module in modules(door).items() for line in uses_of_the_store(module)]


@pytest.mark.parametrize("door", DOORS)
def test_a_door_never_imports_a_store_or_a_platform(door: str) -> None:
    assert not [
        f"{path}:{line} imports {name}"
        for path, module in modules(door).items()
        for line, name in imported(module)
        if name.startswith(BEHIND)
    ]


def test_a_use_of_the_store_is_seen_however_it_is_written() -> None:
    for source in ("hub.store.find()", "self.hub.store", "request.app[HUB].store", "getattr(hub, 'store')"):
        assert list(uses_of_the_store(ast.parse(source))), source


def uses_of_the_store(module: ast.Module) -> Iterator[int]:
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute) and node.attr in STORES:
            yield node.lineno
        if isinstance(node, ast.Constant) and node.value in STORES:
            yield node.lineno
