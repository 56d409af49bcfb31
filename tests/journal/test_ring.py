"""The ring: events without a gap, never more than it may hold, whichever end they come in at."""

from datetime import UTC, datetime

import pytest

from app.journal import ring as ring_module
from app.journal.change import Recorded
from app.journal.log import PAGE_EVENTS
from app.journal.ring import Ring
from app.models.entity import CompanyId

AT = datetime(2026, 1, 1, tzinfo=UTC)


def events(first: int, last: int, *, size: int = 100) -> list[Recorded]:
    """Events of `size` bytes; every second one is of the conversation `even`."""
    names = ("even", "odd")
    return [
        Recorded(CompanyId("c"), seq, "x", names[seq % 2], AT, b'{"x":"' + b"." * (size - 8) + b'"}')
        for seq in range(first, last + 1)
    ]


def seqs(ring: Ring, since: int, conversation_id: str | None = None) -> list[int]:
    return [each.seq for each in ring.page(since, conversation_id).events]


def test_it_grows_at_both_ends_without_a_gap() -> None:
    ring = Ring(10)
    (new,) = events(11, 11)
    ring.append(new)
    assert not ring.prepend(events(3, 9)), "10 is missing"
    assert ring.prepend(events(5, 10))
    assert ring.prepend(events(3, 4))
    assert (ring.start, ring.end, ring.full) == (2, 11, False)
    assert seqs(ring, 2) == list(range(3, 12))
    assert seqs(ring, 9) == [10, 11]
    assert seqs(ring, 11) == []
    assert seqs(ring, 4, "even") == [6, 8, 10]


def test_what_has_gaps_is_taken_up_to_the_gap() -> None:
    ring = Ring(10)
    assert ring.prepend([*events(3, 5), *events(8, 10)])
    assert (ring.start, ring.prepend(events(3, 5))) == (7, False)


def test_it_holds_so_many_bytes_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring_module, "RING_BYTES", 1000)
    ring = Ring(100)
    assert ring.prepend(events(81, 100))
    assert (ring.start, ring.full) == (90, True)
    for event in events(101, 103):
        ring.append(event)
    assert seqs(ring, 93) == list(range(94, 104))
    assert ring.start == 93
    assert not ring.prepend(events(90, 93))


def test_what_alone_is_too_large_leaves_it_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring_module, "RING_BYTES", 1000)
    ring = Ring(0)
    ring.append(events(1, 1, size=1001)[0])
    assert (ring.start, ring.end, ring.full) == (1, 1, True)


def test_everyone_at_one_place_is_given_the_same_page_until_something_happens() -> None:
    ring = Ring(10)
    ring.prepend(events(1, 10))
    page = ring.page(3, None)
    assert ring.page(3, None) is page
    assert ring.page(3, "even") is not page
    ring.append(events(11, 11)[0])
    assert (page.covered, ring.page(3, None).covered) == (10, 11)
    page = ring.page(3, None)
    ring.forget_pages()
    assert ring.page(3, None) is not page
    for since in range(100):
        ring.page(since % 11, f"of {since}")
    assert len(ring._pages) <= ring_module.MOST_PAGES


def test_a_page_is_cut_by_bytes_and_by_count(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Ring(500)
    ring.prepend(events(1, 500))
    page = ring.page(0, None)
    assert (len(page.events), page.covered) == (PAGE_EVENTS, PAGE_EVENTS)
    monkeypatch.setattr(ring_module, "PAGE_BYTES", 250)
    assert ring.page(100, None).covered == 102
    monkeypatch.setattr(ring_module, "PAGE_BYTES", 50)
    assert ring.page(200, None).covered == 201, "one at least, or nobody would get on"
    assert next(event for _, event in ring.page(100, None).said()).startswith(b'{"seq":101,"prev":100,')
