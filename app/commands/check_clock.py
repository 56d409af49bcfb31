"""The check of `doctor` that compares this machine's clock with the database's, which decides every "when"."""

import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

from app.commands.finding import Finding, State
from app.outside.clock import EPOCH, Clock
from app.settings import Settings
from app.stores.database import Stores

CHECK = "clock"
WORTH_A_WARNING = 1.0  # seconds
EMBEDDED = "the embedded MongoDB keeps time by this machine's clock: setting that one moves every deadline"
MEND = (
    "Run NTP on both machines. Deadlines, leases and tokens go by the database's clock and are right; the times in "
    "this machine's log are not, and its TLS certificates may seem to have run out."
)


async def of_clock(
    settings: Settings, stores: Stores, wall_clock: Callable[[], float] = time.time
) -> AsyncIterator[Finding]:
    """Compare the two. `wall_clock` returns seconds since 1970."""
    async with Clock(stores.client) as clock:
        offset = wall_clock() - (clock.now() - EPOCH) / timedelta(seconds=1)
    facts = {"seconds_ahead": round(offset, 3)}
    if abs(offset) > WORTH_A_WARNING:
        which = "ahead of" if offset > 0 else "behind"
        says = f"this machine's clock is {abs(offset):.1f} s {which} the database's"
        yield Finding(CHECK, State.WARNING, says, MEND, facts)
    elif settings.mongodb_uri is None:
        yield Finding(CHECK, State.OK, EMBEDDED, facts=facts)
    else:
        yield Finding(CHECK, State.OK, f"within {max(abs(offset), 0.001):.3f} s of the database's", facts=facts)
