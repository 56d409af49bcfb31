"""Where a client of the feed stands, and what it does with each frame: DESIGN.md section 5, the client's half.

Pure, so that the rule can be tested frame by frame; `subscription.py` does the talking.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any


class Verdict(Enum):
    """What to do with a frame."""

    APPLY = auto()
    DROP = auto()
    ASK = auto()


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last seq that is covered, and the epoch that it counts in; nothing before the first `sync:ready`."""

    epoch: str | None = None
    seq: int | None = None

    def auth(self) -> dict[str, Any]:
        """Return what a CONNECT says of it."""
        return {} if self.seq is None else {"epoch": self.epoch, "seq": self.seq}

    def verdict(self, prev: int, seq: int) -> Verdict:
        """Judge a frame that covers (prev, seq]: apply it iff prev <= cursor < seq; after a gap, ask."""
        if self.seq is None or seq <= self.seq:
            return Verdict.DROP
        return Verdict.APPLY if prev <= self.seq else Verdict.ASK

    def moved(self, seq: int) -> "Cursor":
        """Return the cursor after a frame, or a page, that ends here."""
        return Cursor(self.epoch, seq)
