"""What passes from staff to the customer's platform: somebody types, somebody has read."""

import asyncio
import time

from loguru import logger

from app.actions.show_sign import show_sign
from app.hub import Hub
from app.models.entity import CompanyId, ConversationId
from app.models.sign import Sign
from app.signals import Signal, Typing

AT_ONCE = 32  # asked for at a time; what comes on top is dropped
AGAIN = 5.0  # seconds: platforms show typing for five to twenty
REMEMBERED = 10_000  # conversations


class Signs:
    """Listens to the doors, and asks platforms beside them: nobody waits for a sign."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self._typed: dict[str, float] = {}
        self._asking: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Listen."""
        self.hub.bells.signal.append(self._heard)
        self.hub.bells.read.append(self._read)

    async def close(self) -> None:
        """Let go of what is under way."""
        self.hub.bells.signal.remove(self._heard)
        self.hub.bells.read.remove(self._read)
        for asking in self._asking:
            asking.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)

    def _heard(self, signal: Signal) -> None:
        if not isinstance(signal, Typing) or not signal.typing:
            return
        now = time.monotonic()
        if now - self._typed.get(signal.conversation_id, -AGAIN) < AGAIN:
            return
        if len(self._typed) >= REMEMBERED:
            self._typed.clear()
        self._typed[signal.conversation_id] = now
        self._ask(CompanyId(signal.company_id), ConversationId(signal.conversation_id), Sign.TYPING)

    def _read(self, company_id: CompanyId, conversation_id: ConversationId) -> None:
        self._ask(company_id, conversation_id, Sign.SEEN)

    def _ask(self, company_id: CompanyId, conversation_id: ConversationId, sign: Sign) -> None:
        if len(self._asking) >= AT_ONCE:
            return
        asking = asyncio.create_task(show_sign(self.hub, company_id, conversation_id, sign), name="sign")
        self._asking.add(asking)
        asking.add_done_callback(self._asked)

    def _asked(self, asking: "asyncio.Task[None]") -> None:
        self._asking.discard(asking)
        error = None if asking.cancelled() else asking.exception()
        if error is not None:
            logger.bind(error=type(error).__name__).debug("a sign fell over")
