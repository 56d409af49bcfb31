"""Variables turned into settings: every mistake is reported at once, and production has rules of its own."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from app.settings import GENERATED, VARIABLES, Settings, is_secret
from app.settings_mistakes import Mistake, SettingsError, Typo, in_words, likely_typo, missing_secret

# OWASP's floor for bcrypt: https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
PRODUCTION_BCRYPT_ROUNDS = 10
# Names that are kept for examples, and never anybody's server: https://www.rfc-editor.org/rfc/rfc2606
EXAMPLE = re.compile(r"(^|\.)example(\.(com|net|org))?$")


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Turn variables into settings, without touching anything outside.

    Empty variables count as unset and unknown ones are ignored. Raises SettingsError with every mistake at once.
    """
    given = {name.lower(): environ[name].strip() for name in VARIABLES if environ.get(name, "").strip()}
    settings, mistakes = _parse(given)
    blamed = {mistake.variable for mistake in mistakes}
    mistakes += [mistake for mistake in _unfit_for_production(settings) if mistake.variable not in blamed]
    if mistakes:
        mistakes = _with_typos(mistakes, likely_typos(environ))
        raise SettingsError(sorted(mistakes, key=lambda mistake: VARIABLES.index(mistake.variable)))
    return settings


def likely_typos(environ: Mapping[str, str]) -> tuple[Typo, ...]:
    """Find variables that nobody reads and that look like one that is read but was not given."""
    absent = [variable for variable in VARIABLES if not environ.get(variable, "").strip()]
    suspects = (likely_typo(name, absent) for name in environ if name not in VARIABLES)
    return tuple(typo for typo in suspects if typo)


def _parse(given: Mapping[str, Any]) -> tuple[Settings, list[Mistake]]:
    """Read what can be read, so that the rules for production see it even when something else is wrong."""
    try:
        return Settings(**given), []
    except ValidationError as refused:
        errors = refused.errors(include_url=False)
    wrong = {str(error["loc"][0]): error for error in errors}
    mistakes = [in_words(error, None if is_secret(name) else given[name]) for name, error in wrong.items()]
    return Settings(**{name: text for name, text in given.items() if name not in wrong}), mistakes


def _with_typos(mistakes: list[Mistake], typos: Sequence[Typo]) -> list[Mistake]:
    """Say of a variable that is missing under which other name it was probably given."""
    given_as = {typo.meant: typo.sentence for typo in typos}
    return [
        replace(mistake, sentence=f"{mistake.sentence} {given_as[mistake.variable]}")
        if mistake.missing and mistake.variable in given_as
        else mistake
        for mistake in mistakes
    ]


def _unfit_for_production(settings: Settings) -> Iterator[Mistake]:
    if not settings.is_production:
        return
    if settings.mongodb_uri is None:
        sentence = "MONGODB_URI must be set in production; the embedded MongoDB is for development."
        yield Mistake("MONGODB_URI", sentence, missing=True)
    for name in GENERATED:
        if not getattr(settings, name):
            yield missing_secret(name.upper())
    yield from _shared_secrets(settings)
    if settings.public_url is not None and EXAMPLE.search(urlsplit(settings.public_url).hostname or ""):
        yield Mistake("PUBLIC_URL", "PUBLIC_URL must be this server's own address, not that of an example.")
    if settings.bcrypt_salt_rounds < PRODUCTION_BCRYPT_ROUNDS:
        yield Mistake("BCRYPT_SALT_ROUNDS", "BCRYPT_SALT_ROUNDS must be at least 10 in production.")
    if "*" in settings.cors_origins:
        yield Mistake("CORS_ORIGINS", "CORS_ORIGINS must name each origin in production, not *.")


def _shared_secrets(settings: Settings) -> Iterator[Mistake]:
    """Find secrets that do two things: a service that has one could sign tokens of anyone, or open credentials."""
    known: dict[str, str] = {}
    for name, secret in _secrets(settings):
        if secret in known and known[secret] != name:
            yield Mistake(name, f"{name} must not be the same secret as {known[secret]}.")
        known.setdefault(secret, name)


def _secrets(settings: Settings) -> Iterator[tuple[str, str]]:
    for name in GENERATED:
        given = getattr(settings, name)
        for secret in given if isinstance(given, tuple) else (given,):
            if secret is not None:
                yield name.upper(), secret.get_secret_value()
