"""What docs/benchmarks.md says of webhooks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.figures import table
from bench.section import Section, describe_machine

NAMES = {
    "stored_per_second": "messages stored a second",
    "announced_per_second": "heard by a listener a second",
    "cpu_us_each": "server CPU a message, µs",
}


def text(results: Mapping[str, Any]) -> str:
    """One table."""
    how, found = results["how"], results["figures"]
    said = (
        f"Signed WhatsApp webhooks of {how['batch']} messages each, from {how['customers']} customers over "
        f"{how['connections']} connections; answered once everything in them is committed. Each run checks that "
        f"every message is stored once and announced once. Medians of {how['rounds']} rounds of "
        f"{how['batches']} batches; the server has one core, the load and the database the other."
    )
    rows = [[label, f"{found[name]:,.0f}"] for name, label in NAMES.items()]
    return "\n\n".join([said, table(["", "figure"], rows), describe_machine(results["machine"])])


def draw(results: Mapping[str, Any], folder: Path) -> None:
    """Three figures need no plot."""


SECTION = Section("webhooks", text, draw)
