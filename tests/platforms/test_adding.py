"""docs/adding-a-platform.md is true: its code and its payload pass what every platform has to pass."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from app.models.exchange import Reply
from app.models.failure import FailureClass, Refused
from app.platforms.network import Account, Network, Piece
from tests.platforms.test_recorded import shown

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-platform.md"


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def pigeon() -> Network:
    """The network that the page adds."""
    scope: dict[str, Any] = {"__name__": "pigeon"}
    exec(compile(block("python"), str(PAGE), "exec"), scope)
    network: Network = scope["Pigeon"]()
    return network


def test_the_recorded_payload_tells_what_the_page_says(pigeon: Network) -> None:
    recording = json.loads(block("json"))
    assert [shown(each) for each in pigeon.hear(recording["payload"])] == recording["heard"]


@pytest.mark.parametrize("odd", [None, 1, "x", [], {}])
def test_odd_payloads_are_no_error(pigeon: Network, odd: object) -> None:
    payload = json.loads(block("json"))["payload"]
    for name in payload:
        assert list(pigeon.hear({**payload, name: odd}))


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, "auth"), (404, "recipient"), (429, "rate"), (503, "transient"), (200, "uncertain")],
)
def test_each_refusal_has_its_class(pigeon: Network, status: int, kind: str) -> None:
    exchange = pigeon.send(Account(external_id="L1", secrets={"access_token": "t"}), Piece(to="ann", text="Coo"))
    next(exchange)
    with pytest.raises(Refused) as refused:
        exchange.send(Reply(status=status))
    assert refused.value.failure.kind is FailureClass(kind)


def test_a_letter_goes_out(pigeon: Network) -> None:
    exchange = pigeon.send(Account(external_id="L1", secrets={"access_token": "t"}), Piece(to="ann", text="Coo"))
    request = next(exchange)
    assert (request.url, request.body) == ("https://pigeon.example/lofts/L1/letters", {"to": "ann", "text": "Coo"})
    with pytest.raises(StopIteration) as sent:
        exchange.send(Reply(status=200, body=b'{"letter": "p-1"}'))
    assert sent.value.value == "p-1"
