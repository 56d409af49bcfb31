"""Whether a channel may send now: what its platform asked for, and what its failures advise."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from app.models.failure import Failure, FailureClass

SLOWEST = 900.0  # seconds between two tries of a channel whose platform names no time
FIRST_REST = 5.0  # seconds after the first such refusal; twice as long after each further one
LONGEST_WAIT = 7 * 86_400.0  # seconds, whatever a platform names
MOST_OUTAGES = 10  # in a row, then nothing goes out but a probe
PROBE_AFTER = 5.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One channel's gate. It is kept with the channel, so that a restart does not forget what a platform asked for.

    `shut_until`: nothing goes before. `unnamed`: rate refusals in a row that named no time. `outages`: 5xx and failed
    connections in a row; from MOST_OUTAGES on one message at a time goes as a probe.
    """

    shut_until: datetime | None = None
    unnamed: int = 0
    outages: int = 0

    def is_open(self, now: datetime) -> bool:
        """Tell whether something may go."""
        return self.shut_until is None or now >= self.shut_until

    @property
    def probes(self) -> bool:
        """Tell whether only one may go, to see whether the platform is back."""
        return self.outages >= MOST_OUTAGES

    def after_success(self, now: datetime) -> Self:
        """Return the gate after a message went through. One that left before a refusal opens nothing early."""
        shut = self.shut_until if self.shut_until and self.shut_until > now else None
        return replace(self, shut_until=shut, unnamed=self.unnamed if shut else 0, outages=0)

    def after(self, failure: Failure, now: datetime) -> Self:
        """Return the gate after a failure. What concerns one message or one customer alone leaves it as it is."""
        if failure.outage:
            return self._after_outage(now)
        if failure.kind is FailureClass.UNCERTAIN:
            return self  # perhaps it answered nothing at all
        gate = replace(self, outages=0)  # the platform answered
        if failure.kind is FailureClass.RATE and not failure.pair_only:
            return gate._after_rate(failure.wait, now)
        return gate

    def _after_outage(self, now: datetime) -> Self:
        gate = replace(self, outages=self.outages + 1)
        return gate._shut(PROBE_AFTER, now) if gate.probes else gate

    def _after_rate(self, named: float | None, now: datetime) -> Self:
        if named is not None:
            return replace(self, unnamed=0)._shut(named, now)
        if not self.is_open(now):  # an answer to one of several that left together: the rest has begun
            return self
        rest = min(SLOWEST, FIRST_REST * 2.0 ** min(self.unnamed, 10))
        return replace(self, unnamed=self.unnamed + 1)._shut(rest, now)

    def _shut(self, seconds: float, now: datetime) -> Self:
        """Return the gate shut for at least so long: answers to what went before come in any order."""
        until = now + timedelta(seconds=min(seconds, LONGEST_WAIT))
        return replace(self, shut_until=until if self.shut_until is None else max(self.shut_until, until))
