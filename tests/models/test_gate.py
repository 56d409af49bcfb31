"""A channel rests when its platform asks for it, and when everything fails; nothing else stops it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.models.failure import Failure, FailureClass
from app.models.gate import MOST_OUTAGES, Gate

NOW = datetime(2026, 11, 1, tzinfo=UTC)
OUTAGE = Failure(kind=FailureClass.TRANSIENT, code="502", reason="Away.", outage=True)
ODD = Failure(kind=FailureClass.CONTENT, code="100", reason="Odd.")
BUSY = Failure(kind=FailureClass.RATE, code="613", reason="Busy.")


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def after(gate: Gate, *failures: Failure) -> Gate:
    for failure in failures:
        gate = gate.after(failure, NOW)
    return gate


@pytest.mark.parametrize("kind", [kind for kind in FailureClass if kind is not FailureClass.RATE])
def test_what_concerns_one_message_stops_nobody_else(kind: FailureClass) -> None:
    assert after(Gate(), Failure(kind=kind, code="x", reason="So.")).is_open(NOW)


def test_a_named_time_is_kept_to_the_second() -> None:
    gate = after(Gate(), Failure(kind=FailureClass.RATE, code="429", reason="Busy.", wait=30))
    assert not gate.is_open(later(29.9))
    assert gate.is_open(later(30))


def test_without_a_named_time_rests_double_up_to_a_quarter_of_an_hour() -> None:
    gate, rests = Gate(), []
    for _ in range(10):
        gate = Gate(unnamed=gate.unnamed).after(BUSY, NOW)
        assert gate.shut_until is not None
        rests.append((gate.shut_until - NOW).total_seconds())
    assert rests == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]
    assert gate.after_success(later(1000)) == Gate()


def test_a_shorter_wait_does_not_end_a_longer_one() -> None:
    long, short = (Failure(kind=FailureClass.RATE, code="4", reason="Busy.", wait=wait) for wait in (60, 5))
    assert after(Gate(), long, short) == after(Gate(), short, long)


def test_a_pair_that_is_too_quick_stops_nobody_else() -> None:
    pair = Failure(kind=FailureClass.RATE, code="131056", reason="Slower.", pair_only=True)
    assert after(Gate(), pair) == Gate()


def test_ten_outages_in_a_row_leave_a_probe_every_five_seconds() -> None:
    nearly = after(Gate(), *[OUTAGE] * (MOST_OUTAGES - 1))
    assert nearly.is_open(NOW)
    assert not nearly.probes
    broken = nearly.after(OUTAGE, NOW)
    assert not broken.is_open(later(4.9))
    assert broken.is_open(later(5))
    assert broken.probes
    again = broken.after(OUTAGE, later(5))
    assert not again.is_open(later(9.9))
    assert again.after_success(later(11)) == Gate()


def test_an_answer_of_any_kind_ends_the_row_of_outages() -> None:
    gate = after(Gate(), *[OUTAGE] * 9, ODD, *[OUTAGE] * 9)
    assert gate.is_open(NOW)
    assert gate.outages == 9


def test_refusals_of_what_left_together_are_one() -> None:
    assert after(Gate(), BUSY, BUSY, BUSY) == after(Gate(), BUSY)


def test_a_success_from_before_a_refusal_opens_nothing_early() -> None:
    gate = after(Gate(), Failure(kind=FailureClass.RATE, code="429", reason="Busy.", wait=30)).after_success(later(1))
    assert not gate.is_open(later(29))


@given(st.lists(st.sampled_from([OUTAGE, ODD, BUSY]), max_size=30))
def test_a_gate_never_stays_shut_by_itself(failures: list[Failure]) -> None:
    assert after(Gate(), *failures).is_open(later(900))
