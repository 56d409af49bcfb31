"""How much one client, one person, one address and one company may ask of this process."""

import asyncio
from collections import Counter
from dataclasses import dataclass

from app.sockets.connection import Bucket, Connection


@dataclass(frozen=True, slots=True)
class Limits:
    """The knobs, from the settings; None lifts all of them."""

    per_user: int
    per_address: int
    per_company: int
    rooms: int
    events_per_second: int

    @property
    def burst(self) -> int:
        """Return how many events may come at once."""
        return 2 * self.events_per_second


class Turnstile:
    """Counts the connections of each user, address and company."""

    def __init__(self, limits: Limits | None) -> None:
        self.limits = limits
        self._of: Counter[tuple[str, str]] = Counter()
        self._counted: dict[str, list[tuple[str, str]]] = {}

    def admits_address(self, address: str) -> bool:
        """Tell whether one more connection from here is welcome."""
        return self.limits is None or self._of[("address", address)] < self.limits.per_address

    def admits_identity(self, principal: str, company_id: str) -> bool:
        """Tell whether one more connection of this person, and of this company, is welcome."""
        return self.limits is None or (
            self._of[("user", principal)] < self.limits.per_user
            and self._of[("company", company_id)] < self.limits.per_company
        )

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

    def count(self, connection: Connection, *what: tuple[str, str]) -> None:
        """Count a connection in under these names, each once."""
        if self.limits is None:
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
