"""A sample of mutants speaks for all functions, wherever the time ends it."""

from collections import Counter

from tests.mutants.drawn import drawn

SIZES = {"long": 80, "middling": 40, "short": 8}
NAMES = [f"app.{function}__mutmut_{number}" for function, size in SIZES.items() for number in range(1, size + 1)]


def test_every_beginning_holds_about_the_same_part_of_each_function() -> None:
    for most in (16, 64, 120):
        count = Counter(name.split("__")[0].removeprefix("app.") for name in drawn(NAMES, most, seed=1))
        for function, size in SIZES.items():
            assert abs(count[function] - most * size / len(NAMES)) <= 2


def test_the_same_seed_draws_the_same_and_another_one_another() -> None:
    assert drawn(NAMES, 30, seed=1) == drawn(reversed(NAMES), 30, seed=1) != drawn(NAMES, 30, seed=2)


def test_a_small_area_is_drawn_whole() -> None:
    assert sorted(drawn(NAMES, 10**6, seed=1)) == sorted(NAMES)
