"""Stops the parts when `up` itself is killed: a process of its own that reads what `up` started.

Each line on its standard input is `+ GROUP ORDER SIGNAL` or `- GROUP`. End of file with groups left means
that `up` died: they are stopped in order. It runs as a bare script, so that it costs little memory, works
where the kernel knows no parent-death signal, and takes the parts' own children along.
"""

import os
import signal
import sys
import time

PATIENCE_S = 3.0
LOOK_EVERY_S = 0.05


def send(group: int, number: int) -> bool:
    """Send a signal to a process group; say whether anybody was there."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def stop(groups: dict[int, int], *, patience_s: float = PATIENCE_S) -> None:
    """Stop process groups, each with its signal; kill what is left after `patience_s`."""
    left = {group for group, number in groups.items() if send(group, number)}
    end = time.monotonic() + patience_s
    while left and time.monotonic() < end:
        time.sleep(LOOK_EVERY_S)
        left = {group for group in left if send(group, 0)}
    for group in left:
        send(group, signal.SIGKILL)


def main() -> None:
    """Read until the end of file, then stop what is left, lowest order first."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    started: dict[int, tuple[int, int]] = {}
    for line in sys.stdin:
        sign, group, *rest = line.split()
        if sign == "+":
            started[int(group)] = (int(rest[0]), int(rest[1]))
        else:
            started.pop(int(group), None)
    for order in sorted({order for order, _ in started.values()}):
        stop({group: number for group, (when, number) in started.items() if when == order})


if __name__ == "__main__":
    main()
