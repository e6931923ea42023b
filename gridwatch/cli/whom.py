"""`gridwatch whom`: whom an alert would call, before it happens."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console

from gridwatch.cli.tables import wide_table
from gridwatch.cli.work import with_store
from gridwatch.errors import SettingsError
from gridwatch.escalation.times import read_times
from gridwatch.model import Severity
from gridwatch.policy import CHINA
from gridwatch.settings import read_settings
from gridwatch.store import Store
from gridwatch.store.whom import whom


def whom_command(
    device: Annotated[str, typer.Option(help="the device that would report")],
    at: Annotated[str, typer.Option(help="a time, as 2026-12-01T22:30; local without an offset")] = "now",
    label: Annotated[str | None, typer.Option(help="what it would report; unset: its scene's worst")] = None,
    severity: Annotated[Severity | None, typer.Option(help="unset: that of the label")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object, for programs")] = False,
) -> None:
    """Say whom an alert of a device would call, when and why, if nobody did anything."""
    moment, settings = _moment(at), read_settings()
    times = read_times(settings.escalation)

    async def ask(store: Store) -> dict[str, Any]:
        return await whom(store, device, moment, times=times, label=label, severity=severity)

    said = with_store(settings, ask)
    if as_json:
        print(json.dumps(said, ensure_ascii=False))
        return
    table = wide_table("time", "whom", "why")
    for step in said["steps"]:
        local = f"{datetime.fromisoformat(step['at']).astimezone(CHINA):%Y-%m-%d %H:%M:%S}"
        called = [f"{one.get('name', '-')} ({one['level'] or '-'})" for one in step["called"]]
        why = [one["why"] for one in step["called"]]
        table.add_row(local, "\n".join(called) or "nobody", "\n".join([step["because"], *why]))
    print(f"{said['severity']} {said['label'] or 'alert'} of {device} in {said['area'] or 'no area'}")
    Console().print(table)


def _moment(text: str) -> datetime:
    if text == "now":
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(f"--at {text}: write a time as 2026-12-01T22:30") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=CHINA)
