"""What docs/benchmarks.md says of the end-to-end run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.figures import table
from bench.section import Section, color_of, describe_machine, plot

ROWS = {
    "requests_per_second": "requests a second",
    "p50_ms": "answered within, p50 (ms)",
    "p99_ms": "answered within, p99 (ms)",
    "seen_p50_ms": "seen by a listener within, p50 (ms)",
    "seen_p99_ms": "seen by a listener within, p99 (ms)",
    "delivered_per_second": "events delivered a second",
    "cpu_us_per_request": "server CPU a request (µs)",
}
SHARES = ("p10", "p25", "p50", "p75", "p90", "p95", "p99", "p99.9")


def text(results: Mapping[str, Any]) -> str:
    """The table of medians with the ratios, how it was run, and the plot."""
    how, peers, ratios = results["how"], results["peers"], results["ratios"]
    rows = [
        [label, *(f"{peer['median'][name]:,.1f}" for peer in peers.values()), f"{ratios[name]:.2f}"]
        for name, label in ROWS.items()
    ]
    table_of_medians = table(["", *peers, "ours / theirs"], rows)
    image = "![Requests a second and latency, one line a peer](images/end_to_end.svg)"
    return "\n\n".join([conditions(how), table_of_medians, image, describe_machine(results["machine"])])


def conditions(how: Mapping[str, Any]) -> str:
    """How it was run, in one sentence."""
    return (
        f"POST at concurrency {how['concurrency']}, {how['listeners']} listeners, {how['contacts']} conversations of "
        f"one company; the server on one core, the load on the other; {how['rounds']} interleaved rounds of "
        f"{how['seconds']:g} s after {how['warm_seconds']:g} s of warm-up each; medians."
    )


def draw(results: Mapping[str, Any], folder: Path) -> None:
    """Requests a second in each round, and the latency that each share of the requests stayed within."""
    peers = results["peers"]
    with plot(folder / "end_to_end.svg", panels=2) as (speed, latency):
        for name, peer in peers.items():
            style = {"color": color_of(name, list(peers)), "label": name, "marker": "o", "markersize": 4}
            rounds = [one["requests_per_second"] for one in peer["rounds"]]
            speed.plot([str(number) for number in range(1, len(rounds) + 1)], rounds, **style)
            latency.plot(SHARES, [peer["median"][f"{share}_ms"] for share in SHARES], **style)
        speed.set(title="Requests a second", xlabel="round", ylabel="requests/s", ylim=(0, None))
        latency.set(title="POST answered within", xlabel="share of the requests", ylabel="ms", yscale="log")
        latency.legend()


SECTION = Section("end_to_end", text, draw)
