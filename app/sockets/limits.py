"""How much one client, one person, one address and one company may ask of this process."""

from collections import Counter
from dataclasses import dataclass

from app.sockets.connection import Connection


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


class Bucket:
    """A token bucket on the loop's clock: `rate` a second, `burst` at once."""

    __slots__ = ("filled_at", "tokens")

    def __init__(self, burst: float, now: float) -> None:
        self.tokens = burst
        self.filled_at = now

    def take(self, rate: float, burst: float, now: float) -> bool:
        """Take a token if there is one."""
        self.tokens = min(burst, self.tokens + (now - self.filled_at) * rate)
        self.filled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


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

    def count(self, connection: Connection, *what: tuple[str, str]) -> None:
        """Count a connection in under these names, each once."""
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
