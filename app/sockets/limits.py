"""How much one client, one person, one address and one company may ask of all processes together.

Each process counts its own connections and rings those counts that matter to the others, so that nobody is waited for;
without Redis each process allows as much as all together may.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass

import orjson

from app.models.wire import to_json
from app.outside.doorbell import Doorbell
from app.outside.peer import WIDE, site_of, wide_site_of
from app.sockets.bucket import Bucket
from app.sockets.connection import Connection
from app.sockets.incoming import Incoming

# A client's own frames beside its events: pongs, acks, connects, and what browsers cut large messages into.
FRAMES_OF_AN_EVENT = 4
LEAST_FRAMES = 200  # a second
FRAMES_AT_ONCE = 10  # seconds' worth: Autobahn's longest cases send a thousand messages as fast as they are echoed
SMALL = 20  # a process that holds less than this part of what is allowed keeps it to itself

Name = tuple[str, str]  # user, address, network or company, and which


@dataclass(frozen=True, slots=True)
class Limits:
    """The knobs, from the settings; None lifts all of them."""

    per_user: int
    per_address: int
    per_company: int
    rooms: int
    events_per_second: int

    def of(self, kind: str) -> int:
        """Return how many connections a user, an address, an IPv6 network of 48 bits or a company may hold."""
        most = {"user": self.per_user, "address": self.per_address, "company": self.per_company}
        return most.get(kind, WIDE * self.per_address)

    @property
    def burst(self) -> int:
        """Return how many events may come at once."""
        return 2 * self.events_per_second

    @property
    def frames_per_second(self) -> int:
        """Return how many frames one connection may send, whatever is in them."""
        return max(LEAST_FRAMES, FRAMES_OF_AN_EVENT * self.events_per_second)


def names_of(address: str) -> list[Name]:
    """Return what a connection from an address is counted under."""
    wide = wide_site_of(address)
    return [("address", site_of(address)), *([("network", wide)] if wide else [])]


class Turnstile:
    """Counts the connections of each user, address and company, here and, as far as they matter, elsewhere."""

    def __init__(self, limits: Limits | None, doorbell: Doorbell | None = None) -> None:
        self.limits = limits
        self._frames = limits.frames_per_second if limits else 0
        self._of: Counter[Name] = Counter()
        self._counted: dict[str, list[Name]] = {}
        self._elsewhere: dict[str, dict[Name, int]] = {}
        self._told = False
        if limits is not None and doorbell is not None:
            self._doorbell = doorbell
            doorbell.on("crowd", self._hear)
            doorbell.on_beat.append(self._tell)
            doorbell.on_gone.append(self._miss)

    def admits_address(self, address: str) -> bool:
        """Tell whether one more connection from here is welcome."""
        return all(map(self._has_room, names_of(address)))

    def admits_identity(self, principal: str, company_id: str) -> bool:
        """Tell whether one more connection of this person, and of this company, is welcome."""
        return self._has_room(("user", principal)) and self._has_room(("company", company_id))

    def _has_room(self, name: Name) -> bool:
        if self.limits is None:
            return True
        elsewhere = sum(counts.get(name, 0) for counts in self._elsewhere.values())
        return self._of[name] + elsewhere < self.limits.of(name[0])

    def _tell(self) -> None:
        """Ring the counts that are more than a small part of what is allowed; the first empty one takes them back."""
        assert self.limits is not None
        heavy = [(*name, count) for name, count in self._of.items() if count * SMALL >= self.limits.of(name[0])]
        if heavy or self._told:
            self._doorbell.ring("crowd", to_json(heavy))
        self._told = bool(heavy)

    def _hear(self, process: str, company_id: str | None, says: bytes) -> None:
        self._elsewhere[process] = {(kind, name): int(count) for kind, name, count in orjson.loads(says)}

    def _miss(self, process: str) -> None:
        self._elsewhere.pop(process, None)

    def lets_send(self, connection: Incoming) -> bool:
        """Take a token for one frame of this connection, from its handshake on: pings and the like cost time too."""
        if self.limits is None:
            return True
        now = asyncio.get_running_loop().time()
        if connection.frames is None:
            connection.frames = Bucket(FRAMES_AT_ONCE * self._frames, now)
        return connection.frames.take(self._frames, FRAMES_AT_ONCE * self._frames, now)

    def lets_speak(self, connection: Connection) -> bool:
        """Take a token for one event of this connection."""
        if self.limits is None:
            return True
        now = asyncio.get_running_loop().time()
        if connection.bucket is None:
            connection.bucket = Bucket(self.limits.burst, now)
        return connection.bucket.take(self.limits.events_per_second, self.limits.burst, now)

    def lets_join(self, rooms: int) -> bool:
        """Tell whether a connection that is in so many rooms may join another."""
        return self.limits is None or rooms < self.limits.rooms

    def count(self, connection: Connection, *what: Name) -> None:
        """Count a connection in under these names, each once; one that ended meanwhile was counted out already."""
        if self.limits is None or connection.closed:
            return
        counted = self._counted.setdefault(connection.sid, [])
        for name in what:
            if name not in counted:
                counted.append(name)
                self._of[name] += 1

    def leave(self, connection: Connection) -> None:
        """Count it out."""
        for name in self._counted.pop(connection.sid, ()):
            self._of[name] -= 1
            if not self._of[name]:
                del self._of[name]
