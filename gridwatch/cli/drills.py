"""What the commands that raise a drill share."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from gridwatch.store.drills import LABELS, Foreseen

By = Annotated[str, typer.Option(metavar="NAME", help="who raises it; the timeline says so")]
DrillLabel = Annotated[str, typer.Option("--label", help=f"of what: {', '.join(LABELS)}")]
Why = Annotated[str, typer.Option(metavar="TEXT", help="what it is for; the timeline says so")]


def say_drill(alert: Mapping[str, Any], foreseen: Foreseen) -> None:
    """Print which alert a drill is, and whether it calls anybody."""
    if foreseen.simulated:
        calls = "its device is simulated, so nobody is called"
    elif not foreseen.people:
        calls = "nobody on the roster answers for the place, so nobody is called"
    else:
        calls = "people are called now"
    typer.echo(f"drill: alert {alert['id']} at {alert['device']}; {calls}")
