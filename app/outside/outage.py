"""An outage in the log: said when it begins, again after 1, 2, 4 … minutes, and once when it is over."""

import asyncio
from typing import Any

from loguru import logger

from app.outside.trace import untraced

FIRST_REMINDER, LAST_REMINDER = 60.0, 3600.0  # seconds; each is twice as far off as the one before


class Outage:
    """One thing that may be away, and the words for that.

    An outage that is over within `grace` seconds is not worth a line.
    """

    def __init__(self, begun: str, lasting: str, over: str, *, grace: float = 0.0) -> None:
        self.begun = begun
        self.lasting = lasting
        self.over = over
        self.grace = grace
        self._since: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._said = False
        self._why: dict[str, Any] = {}

    def goes_on(self, **why: Any) -> None:
        """Note that it is away, and the latest reason."""
        self._why = why
        if self._since is None:
            loop = asyncio.get_running_loop()
            self._since = loop.time()
            self._timer = loop.call_later(self.grace, self._say, self.begun, FIRST_REMINDER, context=untraced())

    def ends(self) -> None:
        """Note that it is there."""
        if self._since is not None and self._said:
            lasted = asyncio.get_running_loop().time() - self._since
            logger.bind(seconds=round(lasted, 1)).info(self.over)
        self.forget()

    def forget(self) -> None:
        """Say nothing more: nobody needs it any longer."""
        if self._timer is not None:
            self._timer.cancel()
        self._since, self._timer, self._said = None, None, False

    def _say(self, words: str, next_after: float) -> None:
        self._said = True
        logger.bind(**self._why).warning(words)
        again = min(2 * next_after, LAST_REMINDER)
        self._timer = asyncio.get_running_loop().call_later(next_after, self._say, self.lasting, again)
