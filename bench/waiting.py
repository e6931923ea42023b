"""Ports, conditions and the ends of processes."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable

STOP_WITHIN_S = 20.0
STEP_S = 0.02
"""Between two looks at a condition: short beside what is measured with it, long beside what a look costs."""


def wait_until(condition: Callable[[], bool], *, timeout_s: float, what: str, step_s: float = STEP_S) -> None:
    """Return as soon as `condition` holds; raise TimeoutError that names `what` after `timeout_s`."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {timeout_s:g} s: {what}")
        time.sleep(step_s)


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def end(process: subprocess.Popen[bytes] | subprocess.Popen[str], number: signal.Signals) -> None:
    """Ask a process for its end and wait for it; kill what does not obey."""
    if process.poll() is not None:
        return
    process.send_signal(number)
    try:
        process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_WITHIN_S)
