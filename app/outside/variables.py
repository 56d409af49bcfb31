"""The variables that the server was started with: read once, at the edge."""

import os
from pathlib import Path

from pydantic_settings import DotEnvSettingsSource

from app.settings import Settings


def given_variables(folder: Path) -> dict[str, str]:
    """Read a folder's `.env`, and over it the process's own environment."""
    written = DotEnvSettingsSource(Settings, env_file=folder / ".env", env_file_encoding="utf-8").env_vars
    return {name.upper(): text for name, text in written.items() if text is not None} | dict(os.environ)
