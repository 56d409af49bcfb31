"""What a connection costs that says nothing: memory, and CPU for its heartbeats."""

from uuid import uuid4

from bench.engine.contenders import STARTS, cpu_of, settled
from bench.engine.plan import Plan
from bench.engine.speed import Figures
from bench.load import Listeners, listen
from bench.process import BenchError, Running

BASE = 1000  # connections that are there before we count: they fill what start and warm-up left free
HANDSHAKES = 50  # under way at once


async def memory(name: str, plan: Plan, *, beating: bool) -> Figures:
    """Bytes of resident memory that each further connection of a fresh server takes; the CPU of all if `beating`."""
    async with (
        STARTS[name](plan.cores.server, uuid4().hex) as peer,
        listen(peer.door, BASE, plan.cores.load, at_once=HANDSHAKES) as base,
    ):
        await settled(peer.running)
        before = await base.call("stats", None)
        async with listen(peer.door, plan.idle, plan.cores.load, at_once=HANDSHAKES) as idle:
            await settled(peer.running)
            after = await base.call("stats", None)
            return {
                "idle_bytes": (after["rss_bytes"] - before["rss_bytes"]) / plan.idle,
                **(await heartbeats(peer.running, idle, plan) if beating else {}),
            }


async def heartbeats(running: Running, idle: Listeners, plan: Plan) -> Figures:
    """The share of a core that goes into pings and pongs; nobody may be lost meanwhile."""
    before = cpu_of(running)
    heard = await idle.wait(1 << 60, plan.idle_seconds)
    if heard.closed:
        raise BenchError(f"{running.name} lost {heard.closed} idle connections")
    return {"idle_core_percent": (cpu_of(running) - before) / plan.idle_seconds * 100}
