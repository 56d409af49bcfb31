"""What a command finds around it: its settings, a database that can be used, the hub."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from loguru import logger

from app.hub import Hub
from app.main import open_hub
from app.outside.log import set_up_logging
from app.outside.mongod import Role, embedded_mongo
from app.outside.secrets import FILE, complete
from app.outside.variables import given_variables
from app.settings import Settings
from app.settings_mistakes import Mistake, SettingsError
from app.settings_reading import read_settings
from app.stores.standing import standing_of


def variables_here() -> dict[str, str]:
    """Return what this process was told, by its environment and by `.env` in its folder. Raises SettingsError."""
    try:
        return given_variables(Path.cwd())
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([Mistake(".env", f".env cannot be read as UTF-8: {error}.")]) from None


def settings_for(**given: str) -> Settings:
    """Return the settings, whole, and log from now on as they say; `given` goes before every variable.

    Raises SettingsError with all mistakes.
    """
    settings = read_settings(variables_here() | given)
    set_up_logging(settings)
    settings, made = complete(settings)
    if made:
        kept = str(settings.data_dir / FILE)
        logger.bind(variables=", ".join(made), kept_in=kept).info("secrets were made for development")
    return settings


@asynccontextmanager
async def database_for(settings: Settings, role: Role) -> AsyncIterator[str]:
    """Give the URI of a database that can be used: that of MONGODB_URI, else the embedded one's.

    Raises Unfit or MongodError, with what to do.
    """
    if settings.mongodb_uri is not None:
        uri = settings.mongodb_uri.get_secret_value()
        await standing_of(settings, uri)
        yield uri
        return
    async with embedded_mongo(settings.data_dir, role, settings.mongod_binary) as uri:
        yield uri


@asynccontextmanager
async def hub_here() -> AsyncIterator[Hub]:
    """Open the hub for one command, on the running server's database or on one of its own."""
    settings = settings_for()
    async with database_for(settings, "command") as uri, open_hub(settings, uri) as hub:
        yield hub
