"""Keep what a bench found: medians, ratios, the machine it ran on, and the file docs/benchmarks.md is made from."""

import datetime as dt
import importlib.metadata
import json
import os
import platform
import shutil
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
LIBRARIES = ("aiohttp", "python-socketio", "pymongo", "uvloop")


def medians(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median of each figure over the rounds; a figure that is missing once is left out."""
    names = [name for name in rounds[0] if all(name in each for each in rounds)]
    return {name: round(statistics.median(each[name] for each in rounds), 4) for name in names}


def paired_ratio(ours: Sequence[Mapping[str, float]], theirs: Sequence[Mapping[str, float]], name: str) -> float:
    """The median over interleaved rounds of ours divided by theirs: what disturbs a round disturbs both parts."""
    return round(statistics.median(mine[name] / other[name] for mine, other in zip(ours, theirs, strict=True)), 3)


def machine() -> dict[str, object]:
    """What a reader must know of the machine before believing a figure."""
    return {
        "measured_on": dt.datetime.now(dt.UTC).date().isoformat(),
        "cores": len(os.sched_getaffinity(0)),
        "processor": processor(),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "node": node_version(),
        **{name: importlib.metadata.version(name) for name in LIBRARIES},
    }


def processor() -> str:
    """The name the processor gives itself."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def node_version() -> str:
    """The version of the Node that runs the peers, empty without one."""
    if not shutil.which("node"):
        return ""
    return subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()


def save(name: str, figures: Mapping[str, object]) -> Path:
    """Write bench/results/NAME.json with the machine beside the figures."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"bench": name, "machine": machine(), **figures}, indent=1) + "\n")
    return path


def saved(name: str, folder: Path = RESULTS) -> Any:
    """What the last run of a bench wrote, None when it has not run."""
    path = folder / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table that also reads well in a terminal: the first column to the left, figures to the right."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    rule = [("-" * width if column == 0 else "-" * (width - 1) + ":") for column, width in enumerate(widths)]
    return "\n".join(table_line(row, widths) for row in [head, rule, *rows])


def table_line(row: Sequence[str], widths: Sequence[int]) -> str:
    """One line of the table."""
    cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
    return "| " + " | ".join(cells) + " |"
