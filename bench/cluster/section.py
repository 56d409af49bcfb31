"""What docs/benchmarks.md says of several processes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.figures import table
from bench.section import Section, describe_machine

FAULTS = ("steps down", "is killed", "stands still")


def text(results: Mapping[str, Any]) -> str:
    """Writing together, hearing each other, coming back, and losing a primary."""
    parts = (_writing(results["contention"]), _hearing(results["doorbell"]), _returning(results["reconnect"]))
    machine = describe_machine(results["machine"])
    return "\n\n".join([*parts, _losing(results["failover"]), machine])


def _writing(found: Mapping[str, Any]) -> str:
    rows = []
    for callers, each in found.items():
        ratios, alone = each["ratios"], each["figures"]["alone"]
        rows += [
            [f"one company, {callers} callers a process: commits in all", f"{ratios['shared_total']:.2f}"],
            [f"its p99 ({alone['p99_ms']:.0f} ms alone)", f"{ratios['shared_p99']:.2f}"],
            ["a company each, at 35 % of what one alone commits: commits in all", f"{ratios['apart_total']:.2f}"],
        ]
    said = (
        "Two processes write messages on two cores that they share with MongoDB; of what one process alone does. On "
        "one company both write the same 20 conversations, so nothing that either remembers stays true."
    )
    return f"{said}\n\n{table(['two processes beside one', 'ratio'], rows)}"


def _hearing(found: Mapping[str, Any]) -> str:
    how, median = found["how"], found["median"]
    said = (
        f"From a POST at one server to its listeners there and at another server, {how['per_second']} messages a "
        f"second, and what {how['listeners']} listeners cost the server that they are at. Medians of {how['rounds']} "
        "rounds."
    )
    rows = [
        ["heard at the same server, p50 ms", f"{median['here_p50']:.1f}"],
        ["heard at the other one, p50 ms more", f"{median['added_p50']:.2f}"],
        ["without Redis, at the other one, p50 ms", f"{median['alone_p50']:.0f}"],
        ["without Redis, at the other one, p99 ms", f"{median['alone_p99']:.0f}"],
        ["CPU of a message's fan-out there, of one here", f"{median['cpu_ratio']:.2f}"],
    ]
    return f"{said}\n\n{table(['', 'figure'], rows)}"


def _returning(found: Mapping[str, Any]) -> str:
    how, median = found["how"], found["median"]
    said = (
        f"A server is restarted, and its {how['clients']:,} clients dial in one step, each {how['behind']} events "
        "behind. Each must get every event once, in order."
    )
    rows = [
        ["all caught up, s", f"{median['caught_up_seconds']:.1f}"],
        ["reads of the log", f"{median['log_reads']:.0f}"],
        ["clients cut off", f"{median['cut_off']:.0f}"],
        ["server CPU, s", f"{median['server_cpu_seconds']:.1f}"],
        ["server memory at most, MB", f"{median['peak_rss_mb']:.0f}"],
    ]
    return f"{said}\n\n{table(['', 'figure'], rows)}"


def _losing(found: Mapping[str, Any]) -> str:
    said = (
        "A replica set of three loses its primary under load; the longest time without an acknowledgement, in seconds. "
        "Nothing acknowledged is lost, no seq is missing or spent twice, or the run fails."
    )
    rows = [
        [f"the primary {fault}", *(f"{found[kind][fault]:.1f}" for kind in ("brisk", "default"))] for fault in FAULTS
    ]
    return f"{said}\n\n{table(['', 'missed after 1 s', 'as MongoDB is set'], rows)}"


def draw(results: Mapping[str, Any], folder: Path) -> None:
    """These figures need no plot."""


SECTION = Section("cluster", text, draw)
