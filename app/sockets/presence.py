"""Who of the staff is here: online, away, or offline; and who is writing. Passing facts, kept beside the log.

A person is online while one of their connections lives (a dead one is found by its missing pong), away when they say
so, and offline when the last connection has been gone for a moment, so that a reconnect shows nothing. All of it is of
this process and forgotten with it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from app.models.caller import Caller, CallerKind
from app.signals import Presence, PresenceStatus, Signal, Typing

GRACE = 5.0  # seconds after the last connection in which a reconnect is no absence
TYPING_LASTS = 6.0  # seconds after which one who said nothing more has stopped writing
LOOK = 0.5  # seconds between two looks for what has run out

Say = Callable[[Signal], None]


@dataclass(slots=True)
class _Person:
    """One member of staff in one company: their connections, and what they said of themselves."""

    name: str
    connections: set[str] = field(default_factory=set)
    away: bool = False
    gone_at: float | None = None

    @property
    def status(self) -> PresenceStatus:
        if not self.connections:
            return PresenceStatus.OFFLINE
        return PresenceStatus.AWAY if self.away else PresenceStatus.ONLINE


class Attendance:
    """Every person of every company who is connected to this process, and what they are writing in."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._people: dict[tuple[str, str], _Person] = {}
        self._typing: dict[tuple[str, str], tuple[float, Typing]] = {}
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for what has run out."""
        self._looking = asyncio.create_task(self._look_on(), name="attendance")

    def stop(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()

    def arrive(self, caller: Caller, connection: str) -> None:
        """Count a connection in; the first one of a person says that they are online."""
        if caller.kind is not CallerKind.USER or caller.company_id is None:
            return
        person = self._people.setdefault((caller.company_id, caller.id), _Person(caller.name))
        was_here = person.connections or person.gone_at is not None
        person.connections.add(connection)
        person.gone_at = None
        if not was_here:
            self._announce(caller.company_id, caller.id, person)

    def leave(self, caller: Caller, connection: str) -> None:
        """Count a connection out; what was being written on it has stopped."""
        for key in [key for key in self._typing if key[0] == connection]:
            self._stop_typing(key)
        person = self._people.get((caller.company_id or "", caller.id))
        if person is not None:
            person.connections.discard(connection)
            if not person.connections:
                person.gone_at = _now()

    def declare(self, caller: Caller, *, away: bool) -> PresenceStatus:
        """Hear a person say that they are away, or back; return what they are now."""
        person = self._people.get((caller.company_id or "", caller.id))
        if person is None:
            return PresenceStatus.ONLINE  # a key is here as long as it is connected
        if person.away != away:
            person.away = away
            self._announce(caller.company_id or "", caller.id, person)
        return person.status

    def of(self, company_id: str) -> list[dict[str, object]]:
        """Return who of a company is here."""
        return [
            {"user": {"id": user_id, "name": person.name}, "status": person.status}
            for (company, user_id), person in self._people.items()
            if company == company_id and person.connections
        ]

    def type(self, signal: Typing) -> None:
        """Say that somebody writes, or stopped; one who says nothing more has stopped after 6 s."""
        key = (signal.origin, signal.conversation_id)
        if signal.typing:
            self._typing[key] = (_now() + TYPING_LASTS, signal)
        else:
            self._typing.pop(key, None)
        self._say(signal)

    def _stop_typing(self, key: tuple[str, str]) -> None:
        _, signal = self._typing.pop(key)
        self._say(signal.ended())

    def _announce(self, company_id: str, user_id: str, person: _Person) -> None:
        self._say(Presence(company_id=company_id, user_id=user_id, name=person.name, status=person.status))

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            self.look(_now())

    def look(self, now: float) -> None:
        """Let go of what has run out by now."""
        for key in [key for key, (until, _) in self._typing.items() if until <= now]:
            self._stop_typing(key)
        gone = [key for key, each in self._people.items() if each.gone_at is not None and now - each.gone_at >= GRACE]
        for key in gone:
            self._announce(*key, self._people.pop(key))


def _now() -> float:
    return asyncio.get_running_loop().time()
