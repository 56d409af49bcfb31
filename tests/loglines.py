"""The lines that are logged meanwhile, as production writes them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from loguru import logger

from app.outside.log import complete, json_line

if TYPE_CHECKING:
    from loguru import Message

Line = dict[str, Any]


@contextmanager
def log_lines(level: str = "INFO") -> Iterator[list[Line]]:
    """Gather all lines of this level and above; other tests' servers in this process may write some, too."""
    lines: list[Line] = []

    def gather(message: "Message") -> None:
        lines.append(json.loads(json_line(message.record)))

    logger.configure(patcher=complete)
    sink = logger.add(gather, level=level, format="{message}")
    try:
        yield lines
    finally:
        logger.remove(sink)
        logger.configure(patcher=lambda _: None)
