"""Peers that never read: what they are owed, what they leave behind, and whether the others feel them."""

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator

from bench.engine.contenders import parley, settled
from bench.engine.plan import Plan
from bench.engine.speed import Figures
from bench.load import Listeners, listen
from bench.peers import Peer
from bench.process import BenchError

LIMIT = 1 << 20  # bytes that the engine lets a socket owe; its default, and the setting's
EVENT = 4000  # characters
PACE = 0.02  # seconds between two bursts of the room while it is loaded
BURST = 8  # 1.6 MB a second to each: a stuck peer is over its limit in seconds
LOOK = 5  # bursts between two looks at what is owed
OTHERS, ASKING = 50, 8  # others in the room, and how many of them ask for acks
OTHERS_PACE, OTHERS_BURST = 0.04, 4
WARM = 1.0  # seconds


async def bounds(plan: Plan) -> Figures:
    """Load a room full of peers that never read, wave after wave, for so long."""
    async with parley(plan.cores.server) as peer, listen(peer.door, 1, plan.cores.load) as probe:
        async with listen(peer.door, plan.stuck, plan.cores.load):
            await loaded(probe, WARM)
        await settled(peer.running)
        before = await probe.call("stats", None)
        most, waves, ends = 0.0, 0, time.monotonic() + plan.stuck_seconds
        while time.monotonic() < ends:
            most = max(most, await wave(peer, probe, plan))
            waves += 1
        await settled(peer.running)
        after = await probe.call("stats", None)
        if after["connections"] != before["connections"]:
            raise BenchError(f"{after['connections']:.0f} connections are left of {before['connections']:.0f}")
        return {
            "owed_of_limit": most / (LIMIT * plan.stuck),
            "rss_after": after["rss_bytes"] / before["rss_bytes"],
            "waves": float(waves),
        }


async def wave(peer: Peer, probe: Listeners, plan: Plan) -> float:
    """Let so many connect, read nothing, and be ended; the most that all of them were owed at once."""
    async with listen(peer.door, plan.stuck, plan.cores.load) as stuck:
        await stuck.stall()
        most = 0.0
        while (stats := await loaded(probe, 0.0))["connections"] > 1:
            most = max(most, stats["owed_bytes"])
        return most


async def loaded(probe: Listeners, seconds: float) -> dict[str, float]:
    """Load the room for so long, at least until the next look; what the look found."""
    ends = time.monotonic() + seconds
    while True:
        for _ in range(LOOK):
            await probe.call("go", {"n": BURST, "size": EVENT, "burst": BURST})
            await asyncio.sleep(PACE)
        found: dict[str, float] = await probe.call("stats", None)
        if time.monotonic() >= ends:
            return found


async def neighbours(plan: Plan) -> Figures:
    """How long others wait for acks while a room is loaded: with stuck peers in it divided by without, pair by pair."""
    found: dict[str, list[float]] = {"p50": [], "p99": []}
    async with parley(plan.cores.server) as peer:
        await waited(peer, plan, 0)
        for number in range(plan.pairs):
            order = (0, plan.stuck) if number % 2 else (plan.stuck, 0)
            first, second = [await waited(peer, plan, stuck) for stuck in order]
            without, with_them = (first, second) if number % 2 else (second, first)
            for name, ratios in found.items():
                ratios.append(with_them[name] / without[name])
    return {f"others_{name}_ratio": statistics.median(ratios) for name, ratios in found.items()}


async def waited(peer: Peer, plan: Plan, stuck: int) -> Figures:
    """The time that acks take to others in the room, with so many stuck peers beside them."""
    async with (
        listen(peer.door, OTHERS, plan.cores.load) as others,
        listen(peer.door, 1, plan.cores.load) as probe,
        beside(peer, plan, stuck),
        loading(probe),
    ):
        echoed = await others.echo(ASKING, plan.seconds)
    await settled(peer.running)
    return dict(echoed.latency.within)


@contextlib.asynccontextmanager
async def beside(peer: Peer, plan: Plan, stuck: int) -> AsyncIterator[None]:
    """So many stuck peers, if any."""
    if not stuck:
        yield
        return
    async with listen(peer.door, stuck, plan.cores.load) as them:
        await them.stall()
        yield


@contextlib.asynccontextmanager
async def loading(probe: Listeners) -> AsyncIterator[None]:
    """The room is told something at a steady pace until the block ends."""

    async def go_on() -> None:
        while not over.is_set():
            await probe.call("go", {"n": OTHERS_BURST, "size": EVENT, "burst": OTHERS_BURST})
            await asyncio.sleep(OTHERS_PACE)

    over = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(go_on())
        try:
            yield
        finally:
            over.set()
