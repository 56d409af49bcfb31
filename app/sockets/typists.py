"""Who is writing in which conversation, here and in other processes: a passing fact, kept beside the log."""

import asyncio

import orjson

from app.hub import Hub
from app.models.wire import to_json
from app.signals import Typing

TYPING_LASTS = 6.0  # seconds after which one who said nothing more has stopped writing
LATE = 1.0  # seconds more that another process has to say so, before we do it for it: it may have died

Typist = tuple[str, str]  # the connection that writes, the conversation


class Typists:
    """Each is told of at once and rung to the other processes; one who falls silent has stopped."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self._here: dict[Typist, tuple[float, Typing]] = {}
        self._elsewhere: dict[Typist, tuple[float, Typing]] = {}
        hub.doorbell.on("typing", self._hear)

    def type(self, signal: Typing) -> None:
        """Say that somebody writes, or stopped."""
        _note(self._here, signal, TYPING_LASTS)
        self.hub.say(signal)
        said = [signal.conversation_id, signal.user_id, signal.name, signal.typing, signal.origin]
        self.hub.doorbell.ring("typing", to_json(said), signal.company_id)

    def leave(self, connection: str) -> None:
        """Let what was being written on a connection stop."""
        for origin, conversation_id in tuple(self._here):
            if origin == connection:
                self.type(self._here[origin, conversation_id][1].ended())

    def _hear(self, process: str, company_id: str | None, says: bytes) -> None:
        conversation_id, user_id, name, typing, origin = orjson.loads(says)
        signal = Typing(
            company_id=company_id or "",
            conversation_id=conversation_id,
            user_id=user_id,
            name=name,
            typing=typing,
            origin=origin,
        )
        _note(self._elsewhere, signal, TYPING_LASTS + LATE)
        self.hub.pass_on(signal)

    def look(self, now: float) -> None:
        """Let those stop who have said nothing for a while."""
        for until, signal in tuple(self._here.values()):
            if until <= now:
                self.type(signal.ended())
        for until, signal in tuple(self._elsewhere.values()):
            if until <= now:
                _note(self._elsewhere, signal.ended(), 0.0)
                self.hub.pass_on(signal.ended())


def _note(typists: dict[Typist, tuple[float, Typing]], signal: Typing, lasts: float) -> None:
    key = (signal.origin, signal.conversation_id)
    if signal.typing:
        typists[key] = (asyncio.get_running_loop().time() + lasts, signal)
    else:
        typists.pop(key, None)
