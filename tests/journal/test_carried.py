"""Events as one process rings them to another: what arrives is what was said, and garbage is refused."""

from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pytest

from app.journal.carried import packed, unpacked
from app.journal.change import Recorded
from app.models.entity import CompanyId
from app.stores.codec import new_id

COMPANY = CompanyId(new_id())
AT = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
FIRST = Recorded(COMPANY, 7, "message:new", new_id(), AT, b'{"type":"message:new","text":"a\\nb"}', "key", "digest")
SECOND = Recorded(COMPANY, 8, "contact:updated", None, AT, '{"name":"Łó"}'.encode())


def test_what_is_rung_is_heard_without_its_keys() -> None:
    assert unpacked(COMPANY, packed("epoch", [FIRST, SECOND])) == (
        "epoch",
        [replace(FIRST, key=None, digest=None), SECOND],
    )
    assert unpacked(COMPANY, packed("epoch", [])) == ("epoch", [])


def test_what_is_said_of_the_events_stands_in_the_first_line() -> None:
    line, _, bodies = packed("epoch", [FIRST, SECOND]).partition(b"\n")
    assert [facts[0] for facts in orjson.loads(line)[1]] == [7, 8]
    assert bodies == FIRST.body + SECOND.body


@pytest.mark.parametrize("garbage", [b"", b"\n", b"[]\n", b"garbage", b'["e",[[1]]]\n', b'["e",[]]\nmore'])
def test_garbage_is_refused(garbage: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpacked(COMPANY, garbage)


def test_a_batch_that_was_cut_or_grew_is_refused() -> None:
    whole = packed("epoch", [FIRST, SECOND])
    for changed in (whole[:-1], whole + b"x"):
        with pytest.raises(ValueError, match="length"):
            unpacked(COMPANY, changed)
