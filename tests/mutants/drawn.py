"""Let mutmut try a sample drawn by lot, evenly over all functions; left to itself it begins with the quickest.

python -P drawn.py MOST SEED JOBS, in an area's folder. Every beginning of the sample holds about the same part of each
function, so what is known when the time is up speaks for the whole area.
"""

import random
import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Any

AGAIN = (0, 5, 33)  # survived, or was reached by no test: a test may have come since


def drawn(names: Iterable[str], most: int, seed: int) -> list[str]:
    """Return so many of these mutants, in the order in which to try them; the same for the same seed."""
    lot = random.Random(seed)
    of_function: dict[str, list[str]] = {}
    for name in sorted(names):
        of_function.setdefault(name.rpartition("__mutmut_")[0], []).append(name)
    placed: list[tuple[float, str]] = []
    for mutants in of_function.values():
        lot.shuffle(mutants)
        placed += (((place + lot.random()) / len(mutants), name) for place, name in enumerate(mutants))
    return [name for _, name in sorted(placed)[:most]]


def main() -> None:
    """Run mutmut with another choice and order of mutants than its own."""
    most, seed, jobs = map(int, sys.argv[1:])
    mutmut: Any = import_module("mutmut.__main__")
    every, places = mutmut.collect_source_file_mutation_data, {}

    def chosen(**given: Any) -> Any:
        mutants, files = every(**given)
        names = drawn((name for _, name, _ in mutants), most, seed)
        places.update({name: place for place, name in enumerate(names)})
        return [(file, name, None if code in AGAIN else code) for file, name, code in mutants if name in places], files

    mutmut.collect_source_file_mutation_data = chosen
    mutmut.estimated_worst_case_time = places.__getitem__  # by which mutmut sorts
    mutmut.cli(["run", "--max-children", str(jobs)])


if __name__ == "__main__":
    main()
