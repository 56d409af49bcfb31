"""A long text is cut where it hurts least, and nothing of it is lost."""

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from app.platforms.splitting import Unit, size_of, split

FAMILY = "👨‍👩‍👧‍👦"  # seven code points, eleven units of UTF-16, 25 bytes, and one character to see
FLAG = "🇫🇷"
BITS = ["a", "é", "e\u0301", " ", "\n", ". ", "! ", FAMILY, FLAG, "क्षि", "한", "😀", "\r\n"]
texts = st.lists(st.sampled_from(BITS), max_size=80).map("".join)


def clusters(text: str) -> list[str]:
    return [each for each in regex.findall(r"\X", text) if not each.isspace()]


@given(texts, st.integers(25, 60), st.sampled_from(Unit))
def test_pieces_fit_and_together_show_every_character(text: str, limit: int, unit: Unit) -> None:
    pieces = split(text, limit, unit)
    assert all(0 < size_of(piece, unit) <= limit for piece in pieces)
    assert "".join(clusters("\n".join(pieces))) == "".join(clusters(text))
    assert [each for piece in pieces for each in clusters(piece)] == clusters(text)


@pytest.mark.parametrize(
    ("unit", "size"), [(Unit.CHARACTERS, 7), (Unit.UTF_16, 11), (Unit.BYTES, 25)], ids=["characters", "utf-16", "bytes"]
)
def test_each_platform_counts_in_its_own_way(unit: Unit, size: int) -> None:
    assert size_of(FAMILY, unit) == size
    assert split(FAMILY * 3, size * 2, unit) == (FAMILY * 2, FAMILY)


@pytest.mark.parametrize(
    ("text", "limit", "pieces"),
    [
        ("One. Two three four.", 12, ("One. Two", "three four.")),
        ("A first line here\nand a second", 20, ("A first line here", "and a second")),
        ("Paragraph one.\n\nTwo. And\nmore", 24, ("Paragraph one.", "Two. And\nmore")),
        ("It is done. Thanks a lot", 16, ("It is done.", "Thanks a lot")),
        ("short", 10, ("short",)),
        ("   ", 10, ()),
        ("", 10, ()),
        ("unbreakable", 4, ("unbr", "eaka", "ble")),
    ],
)
def test_a_cut_is_made_where_a_reader_pauses(text: str, limit: int, pieces: tuple[str, ...]) -> None:
    assert split(text, limit, Unit.CHARACTERS) == pieces


def test_a_letter_under_more_accents_than_fit_is_cut_all_the_same() -> None:
    tower = "e" + "\u0301" * 9
    pieces = split(tower, 4, Unit.CHARACTERS)
    assert "".join(pieces) == tower
    assert all(len(piece) <= 4 for piece in pieces)


def test_an_accent_on_a_blank_stays_with_it() -> None:
    assert split("abcdef \u0301ghij", 8, Unit.CHARACTERS) == ("abcdef \u0301", "ghij")
