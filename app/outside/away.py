"""MongoDB's absence in the log: `MongoWatch` says it for every job, beat, poll and request that fails meanwhile."""

from typing import Any

from loguru import logger
from pymongo.errors import ServerSelectionTimeoutError
from pymongo.monitoring import (
    TopologyClosedEvent,
    TopologyDescriptionChangedEvent,
    TopologyListener,
    TopologyOpenedEvent,
)
from pymongo.server_description import ServerDescription

from app.outside.outage import Outage

# A connection that breaks makes its server unknown for a moment; an election takes longer, and is worth a line.
GRACE = 2.0  # seconds


def log_trouble(error: Exception, words: str, **fields: Any) -> None:
    """Log an error of the database in one line: at DEBUG where no primary was there to ask, as that has been said."""
    level = "DEBUG" if isinstance(error, ServerSelectionTimeoutError) else "WARNING"
    logger.opt(depth=1).bind(error=type(error).__name__, **fields).log(level, words)


class MongoWatch(TopologyListener):
    """Hears from the driver whether a server takes writes, which it finds out without being asked."""

    def __init__(self) -> None:
        self._outage = Outage("MongoDB is away", "MongoDB is still away", "MongoDB is back", grace=GRACE)

    def opened(self, event: TopologyOpenedEvent) -> None:
        """Wait for the first description."""

    def description_changed(self, event: TopologyDescriptionChangedEvent) -> None:
        """Note whether there is a primary now."""
        if event.new_description.has_writable_server():
            self._outage.ends()
        else:
            servers = event.new_description.server_descriptions().values()
            self._outage.goes_on(servers=[_standing(each) for each in servers])

    def closed(self, event: TopologyClosedEvent) -> None:
        """Say nothing of a client that was closed."""
        self._outage.forget()


def _standing(server: ServerDescription) -> str:
    """Write how a server is: what it said last, or why it could not be asked."""
    host, port = server.address
    told = str(server.error).partition(" (configured")[0] if server.error else server.server_type_name
    return f"{host}:{port}: {told.removeprefix(f'{host}:{port}: ')}"
