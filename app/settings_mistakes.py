"""What is wrong with the given variables, in sentences that a person can act on."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

# How alike two names must be to be taken for one with a slip of the finger: MONGO_URI and MONGODB_URI are 0.9.
ALIKE = 0.85
# pydantic's errors, by its names for them: https://docs.pydantic.dev/latest/errors/validation_errors/
WORDS = {
    "bool_parsing": "must be on or off",
    "enum": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "int_parsing": "must be a whole number",
    "less_than_equal": "must be at most {le}",
    "too_short": "must have at least {min_length} characters",
    "value_error": "{error}",
}


@dataclass(frozen=True)
class Mistake:
    """One variable and what is wrong with it."""

    variable: str
    sentence: str
    missing: bool = False  # it was not given at all


@dataclass(frozen=True)
class Typo:
    """A variable that nobody reads, and the one that was probably meant."""

    given: str
    meant: str

    @property
    def sentence(self) -> str:
        """Say it to a person."""
        return f"{self.given} is not read here; {self.meant} is."


class SettingsError(Exception):
    """The server cannot start with these settings; every mistake is named, not only the first."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(mistake.sentence for mistake in self.mistakes))


def in_words(error: Any, given: str | None) -> Mistake:
    """Say one of pydantic's errors as a sentence.

    `error` is an item of `ValidationError.errors()`; `given` is the variable's text, or None where it is a secret.
    """
    variable = str(error["loc"][0]).upper()
    wrong = WORDS.get(error["type"], error["msg"]).format_map(error.get("ctx", {}))
    return Mistake(variable, f"{variable} {wrong}." if given is None else f"{variable} {wrong}, not {given!r}.")


def missing_secret(variable: str) -> Mistake:
    """Say how to make a secret that production wants to be given."""
    made = "openssl rand -base64 32 | tr '+/' '-_'"
    return Mistake(variable, f"{variable} must be set in production. This makes one: {made}", missing=True)


def likely_typo(given: str, known: Sequence[str]) -> Typo | None:
    """Say which variable was probably meant by a name that nobody reads."""
    alike = difflib.get_close_matches(given, known, n=1, cutoff=ALIKE)
    meant = alike or [name for name in known if _swapped(given, name)]
    return Typo(given, meant[0]) if meant else None


def _swapped(given: str, meant: str) -> bool:
    """Tell whether two letters changed places: in a name as short as PORT that is too unlike for a ratio."""
    return sorted(given) == sorted(meant) and sum(a != b for a, b in zip(given, meant, strict=True)) == 2
