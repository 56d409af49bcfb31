"""Short files, short functions: a reader holds either in the head.

What is longer for a good reason says so: `# long: reason` on the line of its `def`, or on the first line of the file.
"""

import ast
import statistics

from tests.house.source import Function, functions, lines, modules

FILE_LIMIT = 250
FUNCTION_LIMIT = 40
NINETIETH_PERCENTILE = 20
MEDIAN = 8
EXCUSE = "# long: "


def test_no_file_is_longer_than_250_lines() -> None:
    long = {path: len(lines(path)) for path in modules() if len(lines(path)) > FILE_LIMIT}
    assert not {path: count for path, count in long.items() if EXCUSE not in lines(path)[0]}


def test_no_function_is_longer_than_40_lines() -> None:
    found = {f"{path}:{node.lineno} {node.name}": length(node) for path, node in functions() if not excused(path, node)}
    assert not {name: count for name, count in found.items() if count > FUNCTION_LIMIT}


def test_most_functions_are_much_shorter() -> None:
    lengths = [length(node) for _, node in functions()]
    assert statistics.median(lengths) <= MEDIAN
    assert statistics.quantiles(lengths, n=10)[-1] <= NINETIETH_PERCENTILE


def length(node: Function) -> int:
    """The lines from `def` to the end, without the docstring: explaining oneself is never too long."""
    whole = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node) is None or first is node.body[-1]:
        return whole
    return whole - ((first.end_lineno or first.lineno) - first.lineno + 1)


def excused(path: str, node: Function) -> bool:
    return EXCUSE in lines(path)[node.lineno - 1]
