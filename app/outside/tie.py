"""Tie a child's life to ours: even `kill -9` of the parent leaves no orphan."""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

NOT_RUNNABLE = 126  # as a shell's exit code
# PR_SET_PDEATHSIG is 1, and stays through exec: prctl(2). If the parent died before we asked, no signal will come.
_ASK = f"""
import ctypes, os, resource, sys
ctypes.CDLL(None).prctl(1, {int(signal.SIGTERM)})
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
try:
    os.execv(sys.argv[2], sys.argv[2:])
except OSError as error:
    print(error.strerror, file=sys.stderr)
    sys.exit({NOT_RUNNABLE})
"""


def tied(command: Sequence[str | Path]) -> Sequence[str | Path]:
    """Return the command to start instead, whose process asks for a SIGTERM at our death and becomes the program.

    It may open as many files as the system allows it: mongod keeps one open for each collection and index, and ends
    itself at the 1024 that a user's processes begin with.

    It is a small Python of its own, and no `preexec_fn` of ours: that would run in a copy of a process which has
    threads, and which libraries mend after each fork as if they were to go on in it. The program must be named by its
    path. Linux alone can do this; elsewhere the command stays as it is. The signal comes when the *thread* that started
    the child ends, so the main thread must.
    """
    if sys.platform != "linux":
        return command
    return (sys.executable, "-I", "-S", "-c", _ASK, str(os.getpid()), *command)
