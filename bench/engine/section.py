"""What docs/benchmarks.md says of the engine, and the plot: cost a delivery against burst size, one line a peer."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.figures import table
from bench.section import Section, color_of, describe_machine, plot

PEERS = {
    "parley": "Parley", "node": "Node socket.io", "python": "python-socketio as shipped", "floor": "C floor",
}  # fmt: skip


AGAINST = ("node", "floor")


@dataclass(frozen=True)
class Row:
    """A line of the table: a figure, how to write it, and the bars of our ratio to Node and to the floor."""

    figure: str
    label: str
    form: str = "{:,.2f}"
    bar: str = ""


ROWS = (
    Row("fan_out_200_1", "µs of CPU a delivery, 200 listeners, 1 event a tick", bar="≤ 0.85; ≤ 1.6 of the floor"),
    Row("fan_out_200_8", "the same, 8 a tick", bar="≤ 0.25"),
    Row("fan_out_200_32", "the same, 32 a tick", bar="≤ 0.1"),
    Row("fan_out_1000_1", "1 000 listeners, 1 event a tick", bar="≤ 0.85; ≤ 1.6 of the floor"),
    Row("fan_out_1000_8", "the same, 8 a tick", bar="≤ 0.25"),
    Row("fan_out_1000_32", "the same, 32 a tick", bar="≤ 0.1"),
    Row("ack_cpu_us", "µs of CPU an ack, 50 sockets", "{:,.1f}", "≤ 1.1"),
    Row("ack_alone_us", "µs that a lone ack takes", "{:,.1f}", "≤ 1.1"),
    Row("connects_per_second", "connects a second, with token check", "{:,.0f}", "≥ 0.85"),
    Row("connect_cpu_us", "µs of CPU a connect", "{:,.0f}"),
    Row("idle_bytes", "bytes of memory an idle connection", "{:,.0f}", "≤ 1.2"),
    Row("idle_core_percent", "% of a core for heartbeats of all idle", "{:,.2f}", "recorded"),
)


def text(results: Mapping[str, Any]) -> str:
    """The table of medians with ratios and bars, what stuck peers do, how it was run, and the plot."""
    how, peers, ratios = results["how"], results["peers"], results["ratios"]
    rows = [
        [
            row.label,
            *(number(row, peers[name]["median"]) for name in peers),
            *(ratio(ratios, row, name) for name in AGAINST),
            row.bar,
        ]
        for row in ROWS
        if row.figure in peers["parley"]["median"]
    ]
    head = ["", *(PEERS[name] for name in peers), "ours / Node", "ours / floor", "bar"]
    image = "![Cost a delivery against burst size, one line a peer](images/engine.svg)"
    parts = [conditions(how), table(head, rows), about_load(peers), about_stuck(how, results["stuck"]), image]
    return "\n\n".join([*(part for part in parts if part), describe_machine(results["machine"])])


def number(row: Row, median: Mapping[str, float]) -> str:
    """A figure as it is written, a dash where there is none."""
    return row.form.format(median[row.figure]) if row.figure in median else "-"


def ratio(ratios: Mapping[str, Mapping[str, float]], row: Row, name: str) -> str:
    """Our ratio to one peer."""
    found = ratios.get(name, {}).get(row.figure)
    return "-" if found is None else f"{found:.2f}"


def conditions(how: Mapping[str, Any]) -> str:
    """How it was run."""
    return (
        f"One room, bodies of 100 characters; the server on one core, the load on the other; {how['rounds']} rounds "
        "after one of warm-up, in each of them every peer in turn; medians, and ratios taken round by round. CPU is "
        "what the kernel counted for all threads of the server until the last delivery had been read. Memory is what "
        f"{how['idle']:,} further connections added to the resident set of a fresh server. Below 1 is better for us, "
        "but for connects a second."
    )


def about_load(peers: Mapping[str, Any]) -> str:
    """How we know that the load generator is not what is measured."""
    median = peers["parley"]["median"]
    costs = [(name.removeprefix("load_fan_out_"), cost) for name, cost in median.items() if name.startswith("load_")]
    if not costs:
        return ""
    said = ", ".join(f"{cost:.2f} ({name.replace('_', ' listeners, burst ')})" for name, cost in costs)
    return (
        f"The load generator is a C program on a core of its own; it spent, in µs a delivery from our server: {said}."
    )


def about_stuck(how: Mapping[str, Any], stuck: Mapping[str, float]) -> str:
    """What peers that never read were owed and left behind, and what others felt."""
    if not stuck:
        return ""
    return (
        f"{how['stuck']} peers that never read, {stuck['waves']:.0f} times anew in {how['stuck_seconds']:g} s of load: "
        f"all together were owed at most {stuck['owed_of_limit']:.2f} of their limits (bar 1); after they were gone "
        f"the server's memory was {stuck['rss_after']:.2f} of what it was before (bar 1.2). While they were stuck, an "
        f"ack to others in the room took at p99 {stuck['others_p99_ratio']:.2f} of what it took without them (median "
        f"of {how['pairs']} interleaved pairs, bar 1.5), at p50 {stuck['others_p50_ratio']:.2f}."
    )


def draw(results: Mapping[str, Any], folder: Path) -> None:
    """Cost a delivery against burst size, for each number of listeners."""
    how, peers = results["how"], results["peers"]
    bursts = [str(burst) for burst in how["bursts"]]
    with plot(folder / "engine.svg", panels=len(how["listeners"])) as panels:
        for axes, count in zip(panels, how["listeners"], strict=True):
            for name, peer in peers.items():
                costs = [peer["median"][f"fan_out_{count}_{burst}"] for burst in bursts]
                axes.plot(bursts, costs, marker="o", color=color_of(name, list(peers)), label=PEERS[name])
            axes.set(title=f"{count:,} listeners", xlabel="events a tick", ylabel="µs of CPU a delivery", yscale="log")
        panels[-1].legend()


SECTION = Section("engine", text, draw)
