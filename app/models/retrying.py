"""When a message that did not get through is tried again: pure arithmetic on times that are passed in."""

from datetime import datetime, timedelta

from app.models.failure import Failure, FailureClass
from app.models.gate import LONGEST_WAIT

FIRST, LONGEST = 1.0, 900.0  # seconds
SPREAD = 0.2  # of a pause, either way, so that what failed together does not come back together
AGAIN = frozenset({FailureClass.TRANSIENT, FailureClass.RATE})  # classes that time may mend


def pause_after(attempts: int, chance: float) -> float:
    """Return the seconds to wait after so many attempts: 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900 …

    `chance`, from 0 to 1, moves each within 20 % either way; none is longer than 900.
    """
    pause = min(LONGEST, FIRST * 2.0 ** min(attempts - 1, 10))
    return min(LONGEST, pause * (1 + SPREAD * (2 * chance - 1)))


def next_try(failure: Failure, attempts: int, now: datetime, deadline: datetime, chance: float) -> datetime | None:
    """Return when to try again; None when this failure is final, or no try is left before the deadline.

    A wait that the platform named is kept to the second, and never shortened. A rate refusal that names none may be
    tried at once as far as this message goes: it is its channel's gate that waits.
    """
    if failure.kind not in AGAIN or (failure.most_tries is not None and attempts >= failure.most_tries):
        return None
    if failure.wait is not None:
        seconds = min(failure.wait, LONGEST_WAIT)
    else:
        seconds = 0.0 if failure.kind is FailureClass.RATE and not failure.pair_only else pause_after(attempts, chance)
    due = now + timedelta(seconds=seconds)
    return due if due < deadline else None
