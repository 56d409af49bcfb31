"""What a delivery, an ack and a connect cost: server CPU in µs, and how many of them a second."""

import contextlib
from collections.abc import Mapping
from uuid import uuid4

from bench.engine.contenders import STARTS, cpu_of, settled
from bench.engine.plan import Plan
from bench.load import Listeners, listen
from bench.peers import Peer, floor
from bench.process import BenchError

BODY = 100  # characters
PATIENCE = 30.0  # seconds for what was sent to arrive
FLOOR_TEXT = '42["message:new",{"type":"message:new","seq":100000,"data":"' + "x" * BODY + '"}]'
AT_ONCE = 50  # sockets that wait for an ack, and handshakes under way

Figures = dict[str, float]


async def fan_out(peers: Mapping[str, Peer], plan: Plan) -> dict[str, Figures]:
    """CPU a delivery to each number of listeners in each burst, the peers and the floor in turn."""
    found: dict[str, Figures] = {name: {} for name in (*peers, "floor")}
    for count in plan.listeners:
        for name, peer in peers.items():
            async with listen(peer.door, count, plan.cores.load, spin=True) as listeners:
                for burst in plan.bursts:
                    events = plan.events(count, burst, name)
                    found[name] |= await one_fan_out(peer, listeners, burst, events)
            await settled(peer.running)
        found["floor"] |= await fan_out_of_floor(count, plan)
    return found


async def one_fan_out(peer: Peer, listeners: Listeners, burst: int, events: int) -> Figures:
    """One go: what the server spent until the last delivery was read, and what the load did."""
    await listeners.mark()
    before = cpu_of(peer.running)
    await listeners.call("go", {"n": events, "size": BODY, "burst": burst})
    heard = await listeners.wait(events * listeners.count, PATIENCE)
    spent = cpu_of(peer.running) - before
    wrong = {name: count for name, count in heard.order.items() if name != "seen" and count}
    if heard.events != events * listeners.count or wrong:
        raise BenchError(f"{peer.running.name}: {heard.events} of {events * listeners.count} arrived; {wrong}")
    return {
        fan_out_name(listeners.count, burst): spent / heard.events * 1e6,
        f"load_{fan_out_name(listeners.count, burst)}": heard.cpu_seconds / heard.events * 1e6,
    }


def fan_out_name(count: int, burst: int) -> str:
    """The name of a figure: µs a delivery to so many listeners in bursts of so many."""
    return f"fan_out_{count}_{burst}"


async def fan_out_of_floor(count: int, plan: Plan) -> Figures:
    """The same for the C floor, which serves one crowd and ends."""
    found: Figures = {}
    async with (
        floor(plan.cores.server, count) as bare,
        listen(bare.door, count, plan.cores.load, spin=True) as listeners,
    ):
        await bare.ready()
        for burst in plan.bursts:
            events = plan.events(count, burst)
            await listeners.mark()
            before = cpu_of(bare.running)
            await bare.go(events, burst, FLOOR_TEXT)
            await listeners.wait(events * count, PATIENCE)
            found[fan_out_name(count, burst)] = (cpu_of(bare.running) - before) / (events * count) * 1e6
    return found


async def acks(peer: Peer, plan: Plan) -> Figures:
    """CPU an ack when many ask at once, and how long one waits who asks alone."""
    async with listen(peer.door, AT_ONCE, plan.cores.load, spin=True) as listeners:
        await listeners.echo(AT_ONCE, plan.seconds / 4)
        before = cpu_of(peer.running)
        many = await listeners.echo(AT_ONCE, plan.seconds)
        spent = cpu_of(peer.running) - before
        one = await listeners.echo(1, plan.seconds / 2)
    await settled(peer.running)
    return {
        "ack_cpu_us": spent / many.round_trips * 1e6,
        "acks_per_second": many.round_trips / many.seconds,
        "ack_alone_us": one.seconds / one.round_trips * 1e6,
    }


async def connects(peer: Peer, plan: Plan) -> Figures:
    """Clients let in a second, each with a token that is checked."""
    before = cpu_of(peer.running)
    async with listen(peer.door, plan.comers, plan.cores.load, at_once=AT_ONCE) as listeners:
        spent = cpu_of(peer.running) - before
        found = {
            "connects_per_second": plan.comers / listeners.connected_in,
            "connect_cpu_us": spent / plan.comers * 1e6,
        }
    await settled(peer.running)
    return found


async def speed(plan: Plan) -> dict[str, list[Figures]]:
    """Every figure of every contender, round by round; the servers run side by side and are asked in turn."""
    secret = uuid4().hex
    rounds: dict[str, list[Figures]] = {name: [] for name in (*plan.peers, "floor")}
    async with contextlib.AsyncExitStack() as stack:
        peers = {name: await stack.enter_async_context(STARTS[name](plan.cores.server, secret)) for name in plan.peers}
        for number in range(1 + plan.rounds):  # the first warms up: V8 compiles what is hot, and we fill our free lists
            found = await one_round(peers, plan)
            if number:
                for name, figures in found.items():
                    rounds[name].append(figures)
    return rounds


async def one_round(peers: Mapping[str, Peer], plan: Plan) -> dict[str, Figures]:
    """Everything once, for each contender in turn."""
    found = await fan_out(peers, plan) if "fan_out" in plan.figures else {name: {} for name in (*peers, "floor")}
    for name, peer in peers.items():
        if "acks" in plan.figures:
            found[name] |= await acks(peer, plan)
    for name, peer in peers.items():
        if "connects" in plan.figures:
            found[name] |= await connects(peer, plan)
    return found
