"""What docs/benchmarks.md says of the outbox."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.figures import table
from bench.section import Section, describe_machine


def text(results: Mapping[str, Any]) -> str:
    """What one core sends, how soon, what trouble costs others, and what a look costs."""
    how, idle, sent = results["how"], results["idle"], results["sustained"]
    said = (
        f"{how['channels']} channels whose platform answers in 50 ms; the sending process has one core, the platforms "
        "and the database the other. The backlog is five replies for each of 400 customers, queued while it is sent; "
        "every run checks that each arrives once and in its conversation's order."
    )
    rows = [
        ["replies sent a second, from the first call to the last", f"{sent['sends_per_second']:,.0f}"],
        ["CPU a reply, storing it included, µs", f"{sent['cpu_us_each']:,.0f}"],
        ["from commit to the platform's having it, idle, p50 ms", f"{idle['p50_ms']:.1f}"],
        ["the same, p99 ms", f"{idle['p99_ms']:.1f}"],
    ]
    trouble = [
        [f"one channel {name}", f"{found['p99_ms_without']:.0f}", f"{found['p99_ms']:.0f}", f"{found['ratio']:.2f}"]
        for name, found in results["trouble"].items()
    ]
    polls = [[f"{found['stored']:,}", f"{found['p50_ms']:.2f}"] for found in results["poll"]]
    pairs = f"What the other channels feel at 40 replies a second; the median of {how['pairs']} interleaved pairs:"
    return "\n\n".join(
        [
            said,
            table(["", "figure"], rows),
            pairs,
            table(["", "p99 ms without", "p99 ms with", "ratio"], trouble),
            "A look for what is due, beside so many stored messages:",
            table(["stored messages", "p50 ms"], polls),
            describe_machine(results["machine"]),
        ]
    )


def draw(results: Mapping[str, Any], folder: Path) -> None:
    """These figures need no plot."""


SECTION = Section("delivery", text, draw)
