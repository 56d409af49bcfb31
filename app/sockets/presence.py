"""Who of the staff is here: online, away, or offline. A passing fact, kept beside the log.

A person is online while one of their connections lives (a dead one is found by its missing pong), away when they say
so, and offline when the last connection has been gone for a moment, so that a reconnect shows nothing. Each process
rings its people to the others, whole lists, so that a lost one is mended by the next; what another process said is
forgotten a moment after that process is gone.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson

from app.hub import Hub
from app.models.caller import Caller, CallerKind
from app.models.wire import to_json
from app.signals import Presence, PresenceStatus

GRACE = 5.0  # seconds after the last connection, or the end of its process, in which a reconnect is no absence
TELL_ALL = 30.0  # seconds between two lists of a company in which nothing changed


@dataclass(slots=True)
class Person:
    """One member of staff as one process knows them; `said_at` is when they last said away or back, in Unix ms."""

    name: str
    away: bool = False
    said_at: int = 0
    connections: set[str] = field(default_factory=set)
    gone_at: float | None = None


@dataclass(slots=True)
class Staff:
    """One company's people: those of this process, those of others by process, and what our clients were told."""

    here: dict[str, Person] = field(default_factory=dict)
    elsewhere: dict[str, dict[str, Person]] = field(default_factory=dict)
    heard_at: dict[str, float] = field(default_factory=dict)  # when each of those processes told so
    shown: dict[str, tuple[str, PresenceStatus]] = field(default_factory=dict)
    news: bool = False  # of ours, for the other processes
    told_at: float = 0.0
    ended: bool = False  # nobody of it is connected here any more

    def known(self, user_id: str) -> Iterator[Person]:
        """Yield a person as each process knows them."""
        for people in (self.here, *self.elsewhere.values()):
            if user_id in people:
                yield people[user_id]

    def last_said(self, user_id: str) -> Person | None:
        """Return the person as they last said of themselves; None while they are nowhere."""
        return max(self.known(user_id), key=lambda person: person.said_at, default=None)


class Attendance:
    """Every person of every company that this process has clients of."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self._staffs: dict[str, Staff] = {}
        self._gone: dict[str, float] = {}  # processes that died, and when their people will have left
        hub.doorbell.on("people", self._hear)
        hub.doorbell.on("who", self._asked)
        hub.doorbell.on_gone.append(self._miss)
        hub.doorbell.on_attended.append(self._ask)
        hub.doorbell.on_reached.append(self._tell_again)

    def begin(self, company_id: str) -> None:
        """Care for a company: ask the other processes who is there."""
        self._staffs.setdefault(company_id, Staff()).ended = False
        self._ask(company_id)

    def end(self, company_id: str) -> None:
        """Care for it no more, once those who left a moment ago have not come back."""
        self._staffs[company_id].ended = True

    def arrive(self, caller: Caller, connection: str) -> None:
        """Count a connection in; the first one of a person says that they are online."""
        staff = self._staffs.get(caller.company_id or "")
        if caller.kind is not CallerKind.USER or staff is None:
            return
        person = staff.here.get(caller.id)
        if person is None:
            said = staff.last_said(caller.id) or Person(caller.name)
            person = staff.here[caller.id] = Person(caller.name, said.away, said.said_at)
        person.connections.add(connection)
        person.gone_at = None
        staff.news = True
        self._show(caller.company_id or "", caller.id)

    def leave(self, caller: Caller, connection: str) -> None:
        """Count a connection out."""
        staff = self._staffs.get(caller.company_id or "")
        person = staff.here.get(caller.id) if staff else None
        if person is not None:
            person.connections.discard(connection)
            if not person.connections:
                person.gone_at = _now()

    def declare(self, caller: Caller, *, away: bool) -> PresenceStatus:
        """Hear a person say that they are away, or back, wherever they are connected; return what they are now."""
        staff = self._staffs.get(caller.company_id or "", Staff())
        person = staff.here.get(caller.id)
        if person is None:
            return PresenceStatus.ONLINE  # a key is here as long as it is connected
        staff.news = True
        said_at = int(self.hub.now().timestamp() * 1000)  # processes compare it: it is everyone's clock
        person.away, person.said_at = away, max(said_at, person.said_at + 1)
        self._show(caller.company_id or "", caller.id)
        return _status(person)

    def of(self, company_id: str) -> list[dict[str, object]]:
        """Return who of a company is here, in whichever process."""
        shown = self._staffs.get(company_id, Staff()).shown
        return [{"user": {"id": id, "name": name}, "status": status} for id, (name, status) in shown.items()]

    def elsewhere(self, company_id: str) -> list[str]:
        """Return the processes that other people of a company, or other connections of theirs, are at."""
        return list(self._staffs.get(company_id, Staff()).elsewhere)

    def _show(self, company_id: str, user_id: str) -> None:
        """Tell our clients what a person is now, if that is news."""
        staff = self._staffs[company_id]
        person = staff.last_said(user_id)
        before = staff.shown.get(user_id)
        if person is None:
            if before is None:
                return
            name, status = staff.shown.pop(user_id)[0], PresenceStatus.OFFLINE
        else:
            name, status = staff.shown[user_id] = person.name, _status(person)
        if before is None or before[1] is not status:
            self.hub.say(Presence(company_id=company_id, user_id=user_id, name=name, status=status))

    # What the processes tell each other.

    def _tell(self, company_id: str, staff: Staff, now: float) -> None:
        people = [(id, each.name, each.away, each.said_at) for id, each in staff.here.items()]
        self.hub.doorbell.ring("people", to_json(people), company_id)
        staff.news, staff.told_at = False, now

    def _hear(self, process: str, company_id: str | None, says: bytes) -> None:
        people = {
            str(id): Person(str(name), bool(away), int(said_at)) for id, name, away, said_at in orjson.loads(says)
        }
        staff = self._staffs.get(company_id or "")
        if staff is None:
            return
        self._gone.pop(process, None)
        before = staff.elsewhere.pop(process, {})
        if people:
            staff.elsewhere[process], staff.heard_at[process] = people, _now()
        for user_id, person in people.items():
            ours = staff.here.get(user_id)
            if ours is not None and person.said_at > ours.said_at:
                ours.away, ours.said_at = person.away, person.said_at
        for user_id in people.keys() | before.keys():
            self._show(company_id or "", user_id)

    def _ask(self, company_id: str) -> None:
        """Ask who is elsewhere, and say who is here."""
        staff = self._staffs.get(company_id)
        if staff is not None:
            staff.news = True
            self.hub.doorbell.ring("who", b"", company_id)

    def _asked(self, process: str, company_id: str | None, says: bytes) -> None:
        staff = self._staffs.get(company_id or "")
        if staff is not None and staff.here:
            self._tell(company_id or "", staff, _now())

    def _tell_again(self) -> None:
        for staff in self._staffs.values():
            staff.news = True

    def _miss(self, process: str) -> None:
        self._gone[process] = _now() + GRACE

    def look(self, now: float) -> None:
        """Let go of those whose time has run out, and tell the other processes of ours."""
        for process in self._gone.keys() & self.hub.doorbell.seen.keys():
            del self._gone[process]  # it was only silent
        dead = {process for process, until in self._gone.items() if until <= now}
        for company_id, staff in tuple(self._staffs.items()):
            for user_id in _left(staff, dead, now):
                self._show(company_id, user_id)
            if staff.news or (staff.here and now - staff.told_at >= TELL_ALL):
                self._tell(company_id, staff, now)
            if staff.ended and not staff.here:
                del self._staffs[company_id]
        for process in dead:
            del self._gone[process]


def _left(staff: Staff, dead: set[str], now: float) -> list[str]:
    """Take out those whose time has run out."""
    left = [id for id, each in staff.here.items() if each.gone_at is not None and now - each.gone_at >= GRACE]
    for user_id in left:
        del staff.here[user_id]
        staff.news = True
    silent = {process for process, at in staff.heard_at.items() if now - at > 2 * TELL_ALL + GRACE}
    for process in (dead | silent) & staff.elsewhere.keys():
        left += staff.elsewhere.pop(process)
        del staff.heard_at[process]
    return left


def _status(person: Person) -> PresenceStatus:
    return PresenceStatus.AWAY if person.away else PresenceStatus.ONLINE


def _now() -> float:
    return asyncio.get_running_loop().time()
