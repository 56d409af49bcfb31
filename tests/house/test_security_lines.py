"""Every security line stands in the operator's page, with the sentence that it has in the code."""

import ast

import pytest

from app.outside import security_log
from app.outside.security_log import SecurityEvent
from tests.house.source import ROOT, modules

PAGE = (ROOT / "docs" / "deployment.md").read_text("utf-8").partition("### Security lines")[2].partition("\n## ")[0]
ROWS = [line.split(" | ")[:2] for line in PAGE.splitlines() if line.startswith("| `") and "means" not in line]


@pytest.mark.parametrize("event", security_log.ALL, ids=lambda event: event.name)
def test_every_security_line_stands_there_with_its_sentence(event: SecurityEvent) -> None:
    assert [f"| `{event.name}`", event.means] in ROWS


def test_the_page_names_no_other() -> None:
    assert len(ROWS) == len({event.name for event in security_log.ALL}) == len(security_log.ALL)


def test_every_security_line_is_written_somewhere() -> None:
    names = {name for name, value in vars(security_log).items() if isinstance(value, SecurityEvent)}
    used = {
        node.id
        for path, module in modules().items()
        if path != "app/outside/security_log.py"
        for node in ast.walk(module)
        if isinstance(node, ast.Name)
    }
    assert names <= used
