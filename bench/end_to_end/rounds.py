"""One round of one contender: listen, warm up, post, and wait until everything posted has been seen."""

from dataclasses import dataclass

from bench.end_to_end.contenders import Contender
from bench.load import Heard, Posted, listen, post
from bench.process import Cores

SETTLE_SECONDS = 10.0
LEAD_IN_SECONDS = 0.5
PATH = "/api/v1/messages"


@dataclass(frozen=True)
class Plan:
    """How each round is run."""

    cores: Cores
    concurrency: int
    listeners: int
    seconds: float
    warm_seconds: float


async def warm_up(contender: Contender, plan: Plan) -> None:
    """Load it unmeasured: V8 compiles for about 12 s of this load, and serves half as many requests until then."""
    async with listen(contender.door, plan.listeners, plan.cores.load):
        await post_for(contender, plan, plan.warm_seconds)


async def measure(contender: Contender, plan: Plan) -> dict[str, float]:
    """The figures of one round."""
    async with listen(contender.door, plan.listeners, plan.cores.load) as listeners:
        lead_in = await post_for(contender, plan, LEAD_IN_SECONDS)
        await listeners.wait(lead_in.created * plan.listeners, SETTLE_SECONDS)
        await listeners.mark()
        before = contender.running.cpu_seconds()
        posted = await post_for(contender, plan, plan.seconds)
        heard = await listeners.wait(posted.created * plan.listeners, SETTLE_SECONDS)
        spent = contender.running.cpu_seconds() - before
    return figures_of(posted, heard, spent, plan)


async def post_for(contender: Contender, plan: Plan, seconds: float) -> Posted:
    """Post at the plan's concurrency for so long."""
    return await post(
        contender.door, PATH, contender.bodies, plan.cores.load, concurrency=plan.concurrency, seconds=seconds
    )


def figures_of(posted: Posted, heard: Heard, server_cpu: float, plan: Plan) -> dict[str, float]:
    """Name the figures; `seen` is from the POST's first byte to a listener's socket, `missing` must be 0.

    `load_busy` is the share of the load's core that both generators used: the rest of it was the database's.
    """
    return {
        "requests_per_second": posted.per_second,
        **{f"{name}_ms": value for name, value in posted.latency.within.items()},
        **{f"seen_{name}_ms": value for name, value in heard.age.within.items()},
        "delivered_per_second": heard.per_second,
        "cpu_us_per_request": server_cpu / max(posted.requests, 1) * 1e6,
        "load_busy": (posted.cpu_seconds + heard.cpu_seconds) / heard.seconds,
        "failed": float(posted.failed + posted.broken),
        "missing": float(posted.created * plan.listeners - heard.events),
        "backwards": float(heard.order["backwards"]),
        "gaps": float(heard.order["gaps"]),
    }
