"""The part of docs/benchmarks.md about attacks by strangers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.figures import table
from bench.section import Section, describe_machine

COLUMNS = {
    "live_p50_ms": "/health/live p50 ms", "live_p999_ms": "/health/live p99.9 ms", "post_p50_ms": "POST p50 ms",
    "post_p999_ms": "POST p99.9 ms", "post_refused": "POSTs refused", "sign_in_p50_ms": "sign-in p50 ms",
    "sign_in_p999_ms": "sign-in p99.9 ms", "sign_in_refused": "sign-ins refused", "stays_mb": "memory that stays MB",
    "cpu_seconds": "server CPU s", "seconds": "attack s",
}  # fmt: skip


def text(results: Mapping[str, Any]) -> str:
    """One table: a line an attack."""
    said = (
        "Other callers ask every 20 ms, on a schedule that does not wait for answers, from another address than the "
        "attack's; where keys, tokens or channels are made up, from the same one, with 20 good keys. The server has "
        "one core (two for the sign-ins), the attack, the callers and the database the other. The memory is what the "
        "server holds 3 s after the attack above what it held before."
    )
    attacks = results["attacks"]
    rows = [
        [name, *(f"{found[column]:,.1f}" if column in found else "" for column in COLUMNS)]
        for name, found in attacks.items()
    ]
    return "\n\n".join([said, table(["", *COLUMNS.values()], rows), describe_machine(results["machine"])])


def draw(results: Mapping[str, Any], folder: Path) -> None:
    """A table says it all."""


SECTION = Section("strangers", text, draw)
