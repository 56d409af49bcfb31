"""The request, socket event, job or command that is under way: its facts stand in each line that is logged meanwhile.

It is a context variable, so tasks inherit it. Work that is shared, or outlives whoever happened to begin it, is begun
in an `untraced()` context: its lines would name one caller of many.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from typing import Any, Protocol


class Traced(Protocol):
    """Something that log lines can belong to."""

    def facts(self) -> dict[str, Any]:
        """Return the fields of its lines; asked for only when a line is written."""


TRACE: ContextVar[Traced | None] = ContextVar("trace", default=None)


class Named:
    """A trace with fixed fields: a job's name, a command's."""

    def __init__(self, **facts: Any) -> None:
        self._facts = facts

    def facts(self) -> dict[str, Any]:
        """Return the fields."""
        return self._facts


def traced_facts() -> dict[str, Any]:
    """Return the fields of what is under way here, none where nothing is."""
    trace = TRACE.get()
    return {} if trace is None else trace.facts()


@contextmanager
def tracing(trace: Traced) -> Iterator[None]:
    """Let the lines that the block writes belong to this."""
    token = TRACE.set(trace)
    try:
        yield
    finally:
        TRACE.reset(token)


def untraced() -> Context:
    """Return this context without a trace, for a task or a timer that belongs to nobody in particular."""
    context = copy_context()
    context.run(TRACE.set, None)
    return context
