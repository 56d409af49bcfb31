"""What clients' authors read is true: the API's page names all that there is, the README shows the examples."""

import re
import textwrap
from collections.abc import Iterator

import pytest

from app.errors import Refusal
from app.events import DURABLE
from app.handlers.endpoint import Route
from app.handlers.routes import ROUTES
from app.models.people import Scope
from app.signals import Presence, Typing
from app.sockets import closing, company, conversation
from app.sockets.closing import Closing
from app.sockets.namespace import Heard
from tests.house.source import ROOT

PAGE = (ROOT / "docs" / "api.md").read_text("utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ")]
EVENTS = {event.name: event for event in (*company.EVENTS, *conversation.EVENTS)}
SHOWN = re.findall(r"```(?:js|python)\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)


def every(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    """Yield every refusal there is."""
    for sub in kind.__subclasses__():
        yield sub
        yield from every(sub)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_stands_there_with_its_scope(route: Route) -> None:
    (row,) = (row for row in ROWS if f"`{route.method} {route.path}`" in row.split(" | ")[0])
    assert route.needs is None or f"`{route.needs}`" in row.split(" | ")[1]


@pytest.mark.parametrize("name", sorted({*(each.type for each in DURABLE), Typing.type, Presence.type}))
def test_every_event_stands_there(name: str) -> None:
    assert re.search(rf"`{name}[` ]", PAGE)


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_every_event_of_a_client_stands_there_with_what_it_carries(event: Heard) -> None:
    table = PAGE.partition("## Sockets")[2].splitlines()
    (row,) = (row for row in table if row.startswith("| ") and f"`{event.name}`" in row.split(" | ")[0])
    assert not [name for name in event.payload.model_fields if name not in row]


@pytest.mark.parametrize("kind", list(every(Refusal)), ids=lambda kind: kind.code)
def test_every_error_stands_there_with_its_sentence(kind: type[Refusal]) -> None:
    assert f"| `{kind.code}` | {kind.status} | {kind.sentence} | {'yes' if kind.retryable else 'no'} |" in ROWS


@pytest.mark.parametrize("each", closing.ALL, ids=lambda each: str(each.code))
def test_every_close_code_stands_there(each: Closing) -> None:
    assert f"| {each.code} | {each.reason} | {'come back' if each.come_back else 'do not come back'} |" in ROWS


@pytest.mark.parametrize("scope", Scope)
def test_every_scope_stands_there(scope: Scope) -> None:
    assert f"`{scope}`" in PAGE.partition("## Requests")[0]


def test_the_page_names_no_route_that_there_is_not() -> None:
    known = {f"{route.method} {route.path}" for route in ROUTES}
    rows = PAGE.partition("## Routes")[2].partition("## Events")[0].splitlines()
    named = re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /[^`?]*)`", "\n".join(row.split(" | ")[0] for row in rows))
    assert {each for each in named if not each.startswith("GET /health")} == known


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: block.splitlines()[0][:40])
def test_what_the_readme_shows_is_what_the_examples_do(block: str) -> None:
    examples = [textwrap.dedent(path.read_text("utf-8")) for path in (ROOT / "examples").iterdir() if path.is_file()]
    assert any(bare(block) in bare(example) for example in examples)


def bare(text: str) -> str:
    """Return a text without indentation and empty lines, which a formatter sets by the place."""
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())
