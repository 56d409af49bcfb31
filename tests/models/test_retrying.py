"""Tries come later and later, never beyond the deadline, and never before a platform's own time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.models.failure import Failure, FailureClass
from app.models.retrying import AGAIN, LONGEST, next_try, pause_after

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DAY = NOW + timedelta(days=1)
chances = st.floats(0, 1)


def failed(kind: FailureClass = FailureClass.TRANSIENT, **more: float | bool) -> Failure:
    return Failure(kind=kind, code="x", reason="So it is.", **more)  # type: ignore[arg-type]  # fields by name


def test_the_series_is_the_one_that_the_docstring_lists() -> None:
    series = [pause_after(attempts, 0.5) for attempts in range(1, 14)]
    assert series == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


@given(st.integers(1, 10_000), chances)
def test_a_pause_stays_within_a_fifth_of_its_place_and_a_quarter_of_an_hour(attempts: int, chance: float) -> None:
    middle = pause_after(attempts, 0.5)
    assert 0.8 * middle <= pause_after(attempts, chance) <= min(1.2 * middle, LONGEST)


@pytest.mark.parametrize("kind", FailureClass)
def test_only_what_time_may_mend_is_tried_again(kind: FailureClass) -> None:
    assert (next_try(failed(kind), 1, NOW, DAY, 0.5) is not None) is (kind in AGAIN)


def test_a_time_that_the_platform_names_is_kept() -> None:
    assert next_try(failed(FailureClass.RATE, wait=7), 1, NOW, DAY, 0.0) == NOW + timedelta(seconds=7)
    assert next_try(failed(wait=900), 1, NOW, DAY, 1.0) == NOW + timedelta(seconds=900)


def test_a_refusal_without_a_time_leaves_the_waiting_to_the_gate() -> None:
    assert next_try(failed(FailureClass.RATE), 5, NOW, DAY, 0.5) == NOW
    assert next_try(failed(FailureClass.RATE, pair_only=True), 3, NOW, DAY, 0.5) == NOW + timedelta(seconds=4)


def test_the_most_tries_of_a_code_are_kept() -> None:
    assert next_try(failed(most_tries=10), 9, NOW, DAY, 0.5) is not None
    assert next_try(failed(most_tries=10), 10, NOW, DAY, 0.5) is None


@given(st.integers(1, 50), chances, st.integers(0, 2000))
def test_no_try_is_beyond_the_deadline(attempts: int, chance: float, left: int) -> None:
    deadline = NOW + timedelta(seconds=left)
    due = next_try(failed(), attempts, NOW, deadline, chance)
    assert due is None or NOW < due < deadline
    assert (due is None) is (NOW + timedelta(seconds=pause_after(attempts, chance)) >= deadline)
