"""The settings as people read them: a table for `doctor`, and `.env.example`.

`python -m app.settings_text > .env.example` writes the latter; a test compares the two.
"""

import re
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from app.settings import Settings, is_secret
from app.settings_values import UNITS

HEADER = """\
# Every variable that Parley reads, with its default. Copy this file to .env and change what you need: a line
# behind '#' keeps its default. What the environment itself says goes before .env.
# Durations are 30s, 15m, 7d or plain seconds; lists are separated by commas.
# Made by: python -m app.settings_text > .env.example
"""
# Greedy up to the last @, for a password may hold any sign that somebody forgot to escape.
PASSWORD = re.compile(r"(?<=://)([^:@/]*):.*@")
SECRET_OPTION = re.compile(r"([?&][^=&]*(?:password|properties|secret|token)[^=&]*=)[^&]*", re.IGNORECASE)
HIDDEN = "********"


def describe(settings: Settings) -> list[tuple[str, str, str]]:
    """List each variable with its value and its sentence, fit to be shown to anyone: secrets are hidden."""
    return [
        (name.upper(), _shown(name, getattr(settings, name)), field.description or "")
        for name, field in Settings.model_fields.items()
    ]


def env_example() -> str:
    """Write the file that documents every variable and that can be copied to `.env`."""
    entries = [f"# {sentence}\n#{variable}={value}\n" for variable, value, sentence in describe(Settings())]
    return "\n".join([HEADER, *entries])


def duration_text(given: timedelta) -> str:
    """Write a duration in the largest unit that leaves it whole: 15m, not 900s."""
    for unit, length in sorted(UNITS.items(), key=lambda unit: unit[1], reverse=True):
        if not given % length:
            return f"{given // length}{unit}"
    return f"{given.total_seconds()}s"


def _shown(name: str, value: Any) -> str:
    if value is None or value == ():
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if is_secret(name):
        return _hidden(value)
    if isinstance(value, timedelta):
        return duration_text(value)
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _hidden(value: Any) -> str:
    """Show of an address all but its password, and of any other secret only that there is one."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else ""
    if "://" not in text:
        return HIDDEN
    return SECRET_OPTION.sub(rf"\1{HIDDEN}", PASSWORD.sub(rf"\1:{HIDDEN}@", text))


if __name__ == "__main__":
    print(env_example(), end="")
