"""Composition root: the command line puts the houses together."""

import sys

from gridwatch.errors import GridwatchError, SettingsError
from gridwatch.lines import WrongLines

WRONG_INPUT, FAILED = 2, 1


def main() -> None:
    """Run the command line; what went wrong is one sentence and a non-zero exit status."""
    try:
        _run()
    except GridwatchError as error:
        print(f"gridwatch: {error}", file=sys.stderr)
        sys.exit(WRONG_INPUT if isinstance(error, SettingsError | WrongLines) else FAILED)


def _run() -> None:
    """Run the command that is asked for.

    `edge` alone is loaded without the others: a computer beside a camera has little memory, and they need the
    database's client and more, 30 MB.
    """
    if sys.argv[1:2] == ["edge"]:
        import typer

        from gridwatch.cli.edge import edge_command

        edge = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        edge.command()(edge_command)
        edge(args=sys.argv[2:], prog_name="gridwatch edge")
    else:
        from gridwatch.cli.every import app

        app()
