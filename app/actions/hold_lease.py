"""Do something alone among all processes: take a lease, keep it while working, give it back."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from app.errors import Unavailable
from app.hub import Hub
from app.models.job import Lease, Ran

T = TypeVar("T")

SECONDS = 30.0  # a process that died is replaced after so long


class LeaseLost(Exception):
    """The lease ran out, or is another's by now: whatever was done under it has been cut off."""


async def take_lease(hub: Hub, name: str, *, seconds: float = SECONDS, rested: float = 0.0) -> Lease | None:
    """Return the lease, None when another process has it or its last run began less than `rested` seconds ago."""
    return await hub.store.leases.acquire(name, hub.process, seconds, rested=rested)


async def hold_lease(hub: Hub, lease: Lease, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Return what the work came to, with the lease kept all the while. Raises LeaseLost."""
    working = asyncio.create_task(work(), name=f"under {lease.name}")
    keeping = asyncio.create_task(_keep(hub, lease), name=f"keep {lease.name}")
    try:
        await asyncio.wait((working, keeping), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise LeaseLost(lease.name)
        return working.result()
    finally:
        working.cancel()
        keeping.cancel()
        await asyncio.gather(working, keeping, return_exceptions=True)


async def leave_lease(hub: Hub, lease: Lease, ran: Ran | None = None, *, every: float = 0.0) -> None:
    """Give a lease back, with what became of the run; without that, it is forgotten."""
    if ran is None:
        await hub.store.leases.drop(lease)
    else:
        await hub.store.leases.release(lease, ran, every)


async def _keep(hub: Hub, lease: Lease) -> None:
    """Renew the lease; return when it is another's, or when for its whole length nobody said that it is ours."""
    loop = asyncio.get_running_loop()
    with suppress(TimeoutError):
        async with asyncio.timeout(lease.seconds) as sure:
            while True:
                await asyncio.sleep(lease.seconds / 3)
                asked = loop.time()
                with suppress(Unavailable):
                    if not await hub.store.leases.renew(lease):
                        return
                    sure.reschedule(asked + lease.seconds)
