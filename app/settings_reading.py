"""Variables turned into settings: every mistake is reported at once, and production has rules of its own."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from app.settings import GENERATED, VARIABLES, Settings, is_secret
from app.settings_mistakes import Mistake, SettingsError, in_words, likely_typo, missing_secret

# OWASP's floor for bcrypt: https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
PRODUCTION_BCRYPT_ROUNDS = 10


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Turn variables into settings, without touching anything outside.

    Empty variables count as unset and unknown ones are ignored. Raises SettingsError with every mistake at once.
    """
    given = {name.lower(): environ[name].strip() for name in VARIABLES if environ.get(name, "").strip()}
    settings, mistakes = _parse(given)
    blamed = {mistake.variable for mistake in mistakes}
    mistakes += [mistake for mistake in _unfit_for_production(settings) if mistake.variable not in blamed]
    if mistakes:
        raise SettingsError(sorted(mistakes, key=lambda mistake: VARIABLES.index(mistake.variable)))
    return settings


def likely_typos(environ: Mapping[str, str]) -> tuple[Mistake, ...]:
    """Find variables that nobody reads and that look like one that is read but was not given."""
    absent = [variable for variable in VARIABLES if variable not in environ]
    suspects = (likely_typo(name, absent) for name in environ if name not in VARIABLES)
    return tuple(mistake for mistake in suspects if mistake)


def _parse(given: Mapping[str, Any]) -> tuple[Settings, list[Mistake]]:
    """Read what can be read, so that the rules for production see it even when something else is wrong."""
    try:
        return Settings(**given), []
    except ValidationError as refused:
        errors = refused.errors(include_url=False)
    wrong = {str(error["loc"][0]): error for error in errors}
    mistakes = [in_words(error, None if is_secret(name) else given[name]) for name, error in wrong.items()]
    return Settings(**{name: text for name, text in given.items() if name not in wrong}), mistakes


def _unfit_for_production(settings: Settings) -> Iterator[Mistake]:
    if not settings.is_production:
        return
    if settings.mongodb_uri is None:
        yield Mistake("MONGODB_URI", "MONGODB_URI must be set in production; the embedded MongoDB is for development.")
    for name in GENERATED:
        if not getattr(settings, name):
            yield missing_secret(name.upper())
    if settings.bcrypt_salt_rounds < PRODUCTION_BCRYPT_ROUNDS:
        yield Mistake("BCRYPT_SALT_ROUNDS", "BCRYPT_SALT_ROUNDS must be at least 10 in production.")
    if "*" in settings.cors_origins:
        yield Mistake("CORS_ORIGINS", "CORS_ORIGINS must name each origin in production, not *.")
