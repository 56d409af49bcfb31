"""Tie a child's life to ours: even `kill -9` of the parent leaves no orphan."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1  # prctl(2)


def tie() -> Callable[[], None] | None:
    """Make what a child does before it becomes its program: ask for a SIGTERM when its parent dies.

    For Popen's `preexec_fn`. Linux alone can; elsewhere it is None. All that is needed is loaded before the fork. The
    signal comes when the *thread* that forked ends, so the main thread must.
    """
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before we asked, and no signal will come
            os._exit(1)

    return ask
