"""What docs/benchmarks.md says of resuming."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.figures import table
from bench.section import Section, describe_machine

ROWS = {
    "megabytes": "what the client takes (MB)",
    "catch_up_ms": "from CONNECT to sync:ready (ms)",
    "server_cpu_us_per_event": "server CPU an event (µs)",
    "plain_read_ms": "the same events read by the driver alone (ms)",
    "times_a_plain_read": "catching up / plain read",
    "slow_link_seconds": "behind 1 MB/s: until sync:ready (s)",
    "slow_link_memory_kb": "behind 1 MB/s: more memory at most (kB)",
}


def text(results: Mapping[str, Any]) -> str:
    """The table."""
    rows = [[label, f"{results['figures'][name]:,.2f}"] for name, label in ROWS.items()]
    how = f"A client that is {results['how']['events']:,} events behind; medians of {results['how']['rounds']} rounds."
    return "\n\n".join([how, table(["", "figure"], rows), describe_machine(results["machine"])])


def draw(results: Mapping[str, Any], folder: Path) -> None:
    """A table says it all."""


SECTION = Section("resume", text, draw)
