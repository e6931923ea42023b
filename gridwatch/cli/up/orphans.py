"""Processes whose parent ended before them: taken over and reaped, so that none stays behind as a zombie.

Where PID 1 is slow to reap, as in some containers, they would be seen for seconds after everything stopped.
"""

import ctypes
import os
import sys

import psutil

PR_SET_CHILD_SUBREAPER = 36
"""Of prctl(2), Linux."""


def adopt() -> None:
    """Become the parent of what our children leave behind from now on, where the kernel can do that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap(group: int) -> None:
    """Reap the orphans of a process group that have ended; its leader must have been waited for."""
    ended = True
    while ended:
        try:
            ended = os.waitpid(-group, os.WNOHANG)[0] != 0
        except ChildProcessError:
            return


def end_children() -> None:
    """Kill the children that are left: the set-up of a start that was given up."""
    for child in psutil.Process().children(recursive=True):
        try:
            child.kill()
        except psutil.NoSuchProcess:
            continue
