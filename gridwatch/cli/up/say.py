"""What `up` tells the person at the terminal."""

import os
import sys
import time

from rich.console import Console
from rich.status import Status


class Say:
    """Lines on standard output, with a spinner for the current step on a terminal.

    A terminal that was closed takes nothing down: what is said then is lost.
    """

    def __init__(self) -> None:
        self._console = _LastingConsole(highlight=False, soft_wrap=True, emoji=False, markup=False)
        self._spinner: Status | None = None
        self._began = time.monotonic()

    def step(self, doing: str) -> None:
        """Say what is being done now."""
        if not self._console.is_terminal:
            self.line(f"{doing} …")
        elif self._spinner is None:
            self._spinner = self._console.status(doing)
            self._spinner.start()
        else:
            self._spinner.update(doing)

    def done(self, what: str) -> None:
        """Say that a step is done, with the seconds since the start."""
        self.line(f"{time.monotonic() - self._began:6.1f} s  {what}")

    def part(self, name: str, text: str) -> None:
        """Say what happened to a part, or what it complains about."""
        self._print(f"[{name}] {text}", style="yellow")

    def problem(self, text: str) -> None:
        """Say why nothing goes on."""
        self.settle()
        self._print(f"gridwatch up: {text}", style="bold red")

    def line(self, text: str) -> None:
        """Say something."""
        self._print(text, style=None)

    def settle(self) -> None:
        """Take the spinner away."""
        if self._spinner is not None:
            self._spinner.stop()
            self._spinner = None

    def _print(self, text: str, *, style: str | None) -> None:
        try:
            self._console.print(text, style=style)
        except OSError:
            _let_go_of_standard_output()


class _LastingConsole(Console):
    def on_broken_pipe(self) -> None:
        _let_go_of_standard_output()


def _let_go_of_standard_output() -> None:
    """Send what is printed from now on nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
