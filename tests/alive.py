"""Processes that are nobody's child any more, and may stay in the table after their end until somebody reaps them."""

import os
from pathlib import Path


def runs(pid: int) -> bool:
    """Tell whether a process still does anything.

    One that has ended keeps its id until its parent has asked for its exit code. Of an orphan the parent is process 1,
    and in a container that may be a program which never asks.
    """
    try:
        os.kill(pid, 0)
        return not _is_zombie(pid)
    except ProcessLookupError:
        return False


def _is_zombie(pid: int) -> bool:
    """Read the state behind the program's name (proc(5)); where there is no /proc, no process is one."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return False


def mongod_on(port: int) -> int:
    """Return the process id of the mongod that was told this port."""
    for each in Path("/proc").glob("[0-9]*"):
        try:
            words = (each / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has ended since, or is none of ours
            continue
        if b"--dbpath" in words and str(port).encode() in words:
            return int(each.name)
    raise AssertionError(f"no mongod was told port {port}")
