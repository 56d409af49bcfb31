"""What docs/benchmarks.md says of the journal."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.figures import table
from bench.section import Section, color_of, describe_machine, plot


def text(results: Mapping[str, Any]) -> str:
    """The table of medians with the ratio, and the plot."""
    rows = [
        [writers, *figures_of(found["journal"]), f"{found['insert']['per_second']:,.0f}", f"{found['ratio']:.2f}"]
        for writers, found in results["writers"].items()
    ]
    head = ["writers", "changes/s", "p50 ms", "p99 ms", "CPU µs each", "plain inserts/s", "changes / inserts"]
    how = (
        "A change is a message, its event and its conversation, by the product's own `send_message`, of one company; "
        f"a plain insert is one small document. {results['how']['rounds']} rounds of each in turn; medians."
    )
    image = "![Changes and plain inserts a second by the number of writers](images/journal.svg)"
    return "\n\n".join([how, table(head, rows), image, describe_machine(results["machine"])])


def figures_of(found: Mapping[str, float]) -> list[str]:
    """The journal's own columns."""
    return [f"{found['per_second']:,.0f}", *(f"{found[name]:,.1f}" for name in ("p50_ms", "p99_ms", "cpu_us"))]


def draw(results: Mapping[str, Any], folder: Path) -> None:
    """Both speeds by the number of writers."""
    writers = list(results["writers"])
    names = {"journal": "parley: message + event + conversation", "insert": "plain insert_one"}
    with plot(folder / "journal.svg") as (axes,):
        for name, label in names.items():
            speeds = [results["writers"][each][name]["per_second"] for each in writers]
            color = color_of("parley" if name == "journal" else name, list(names))
            axes.plot(writers, speeds, color=color, label=label, marker="o", markersize=4)
        axes.set(title="One company", xlabel="concurrent writers", ylabel="a second", ylim=(0, None))
        axes.legend()


SECTION = Section("journal", text, draw)
