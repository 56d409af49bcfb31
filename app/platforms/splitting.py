"""Cut a long text where a reader would, never inside what a reader sees as one character."""

import itertools
from enum import StrEnum

import regex

# An extended grapheme cluster: a flag, a family, a letter with its accents. https://unicode.org/reports/tr29/
GRAPHEME = regex.compile(r"\X")
# Where a cut hurts least, best first; each is looked for in the last part of what fits.
SEAMS = ("\n\n", "\n", ". ", "! ", "? ", " ")
TAIL = 0.5  # of a piece: a seam further ahead would make the piece needlessly short


class Unit(StrEnum):
    """What a platform counts."""

    CHARACTERS = "characters"
    UTF_16 = "utf-16"
    BYTES = "bytes"


def size_of(text: str, unit: Unit) -> int:
    """Return the size of a text as a platform counts it."""
    if unit is Unit.BYTES:
        return len(text.encode())
    if unit is Unit.UTF_16:
        return len(text.encode("utf-16-le")) // 2
    return len(text)


def split(text: str, limit: int, unit: Unit) -> tuple[str, ...]:
    """Return the pieces of a text, each within the limit and with a character to see; the blanks at a cut go.

    Nothing else is lost or moved. A lone cluster beyond the limit (a letter under a thousand accents) is cut between
    its code points.
    """
    pieces = []
    rest = text.strip()
    while rest:
        end = len(rest) if size_of(rest, unit) <= limit else _cut(rest, limit, unit)
        pieces.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return tuple(pieces)


def _cut(text: str, limit: int, unit: Unit) -> int:
    """Return where the first piece ends: at the best seam in its second half, else between two clusters."""
    ends = list(itertools.takewhile(lambda end: size_of(text[:end], unit) <= limit, _cluster_ends(text)))
    if not ends:
        return max(1, sum(size_of(text[: end + 1], unit) <= limit for end in range(_cluster_ends(text)[0])))
    fits, whole = ends[-1], {*ends}
    for seam in SEAMS:
        found = text.rfind(seam, int(fits * TAIL), fits)
        cut = found + len(seam.rstrip())
        if found > 0 and {cut, found + len(seam)} <= whole:  # an accent may stand on a blank
            return cut
    return fits


def _cluster_ends(text: str) -> list[int]:
    return [match.end() for match in GRAPHEME.finditer(text)]
