"""A part of docs/benchmarks.md that is written from one results file, and how its plots look."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = {"parley": "#1257a8", "floor": "#8a8a8a"}
OTHER_COLORS = ("#d1641b", "#3f8f4f", "#7a4fa3", "#b03a48")
STYLE: dict[Any, Any] = {
    "font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.25,
    "axes.titlesize": 10, "axes.titleweight": "bold", "legend.frameon": False, "lines.linewidth": 2,
    "svg.hashsalt": "parley",  # the same figures give the same file
    "svg.fonttype": "none", "font.family": "sans-serif",
}  # fmt: skip


@dataclass(frozen=True)
class Section:
    """`name` is that of the results file and of the markers; `text` gives Markdown; `draw` writes its plots."""

    name: str
    text: Callable[[Any], str]
    draw: Callable[[Any, Path], None]


def color_of(peer: str, peers: Sequence[str]) -> str:
    """The same color for a peer in every plot: ours is blue, the floor grey."""
    others = sorted(set(peers) - set(COLORS))
    return COLORS.get(peer) or OTHER_COLORS[others.index(peer) % len(OTHER_COLORS)]


@contextmanager
def plot(path: Path, panels: int = 1) -> "Iterator[list[Axes]]":
    """Axes side by side in our style; saved as SVG when the block ends."""
    import matplotlib as mpl  # only here: benches run without it

    mpl.use("svg")
    import matplotlib.pyplot as plt

    with plt.rc_context(STYLE):
        figure: Figure
        figure, axes = plt.subplots(1, panels, figsize=(4.6 * panels, 3.4), squeeze=False, layout="constrained")
        yield list(axes[0])
        figure.savefig(path, format="svg", metadata={"Date": None})
        plt.close(figure)


def describe_machine(machine: Mapping[str, object]) -> str:
    """One line for under a table: where and when it was measured."""
    return (
        f"Measured {machine['measured_on']} on {machine['cores']} cores of {machine['processor']}, "
        f"{machine['system']}, Python {machine['python']}, Node {machine['node']}. "
        "Believe the ratios, not the absolute figures."
    )
