"""What a server asks MongoDB for, as the driver itself tells it."""

from collections.abc import Callable, Mapping
from typing import Any

from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent


class Readings(CommandListener):
    """Every query of the log's pages by one server; `meanwhile` is called while the next one is under way."""

    def __init__(self) -> None:
        self.of_log: list[Mapping[str, Any]] = []
        self.meanwhile: Callable[[], object] | None = None

    def started(self, event: CommandStartedEvent) -> None:
        """Note a query that reads in order; those that look for keys do not."""
        if event.command.get("find") == "events" and "sort" in event.command:
            self.of_log.append(event.command)
            now, self.meanwhile = self.meanwhile, None
            if now is not None:
                now()

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Nothing to note."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Nothing to note."""
