"""`gridwatch command`: ask something of a device, and see what became of it."""

import asyncio
import getpass
import json
from typing import Annotated, Any

import typer
from rich.console import Console

from gridwatch.cli.tables import wide_table
from gridwatch.cli.work import with_store
from gridwatch.commands import CommandState, Order
from gridwatch.errors import SettingsError
from gridwatch.settings import read_settings
from gridwatch.store import Store
from gridwatch.store.commands import Command, add_command, get_command, list_commands
from gridwatch.store.devices import get_device

LOOK_S = 0.2
SHOWN = 20
OPEN = (CommandState.WAITING, CommandState.SENT)
NOT_DONE = 1


def command_command(
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="its id")],
    action: Annotated[
        str | None, typer.Argument(help="hold_open, release, speak …; none: list its commands")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="one of its parameters; several times")
    ] = None,
    ttl: Annotated[
        float | None, typer.Option(help="seconds after which nobody obeys any more; 60, for hold_open 3")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="for the answer; status 1 where it is none or no")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON, for programs")] = False,
) -> None:
    """Ask something of a device, or list what was asked of it."""
    if action is None:
        _list(device, as_json=as_json)
        return
    try:
        order = Order.of(action, _params(param or []), ttl)
    except ValueError as error:
        raise SettingsError(str(error)) from error

    async def ask(store: Store) -> Command:
        asked = await add_command(store, device, order, actor=f"cli:{getpass.getuser()}")
        while wait and asked.state in OPEN:
            await asyncio.sleep(LOOK_S)
            asked = await get_command(store, device, asked.id)
        return asked

    done = with_store(read_settings(), ask)
    if as_json:
        typer.echo(json.dumps(_row(done), ensure_ascii=False))
    else:
        said = f": {done.detail}" if done.detail else ""
        typer.echo(f"command {done.id} ({done.action}, number {done.seq}) is {done.state}{said}")
    if wait and done.state is not CommandState.DONE:
        raise typer.Exit(NOT_DONE)


def _list(device: str, *, as_json: bool) -> None:
    async def read(store: Store) -> list[Command]:
        await get_device(store, device)
        return await list_commands(store, device, limit=SHOWN)

    rows = [_row(command) for command in with_store(read_settings(), read)]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    columns = (
        "seq",
        "action",
        "state",
        "late",
        "created_at",
        "created_by",
        "expires_at",
        "attempts",
        "detail",
    )
    table = wide_table(*columns)
    for row in rows:
        table.add_row(*(str(row[name] or "") for name in columns))
    Console().print(table)


def _row(command: Command) -> dict[str, Any]:
    times = {"created_at", "expires_at", "sent_at", "answered_at"}
    fields = {name: getattr(command, name) for name in command.__slots__}
    said = {name: fields[name].isoformat(timespec="seconds") for name in times if fields[name] is not None}
    return {**fields, **said}


def _params(given: list[str]) -> dict[str, object]:
    """Return parameters from `name=value`; a value that is JSON is what it says, any other is text."""
    params: dict[str, object] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise SettingsError(f"--param {one!r}: write NAME=VALUE")
        try:
            params[name] = json.loads(value)
        except ValueError:
            params[name] = value
    return params
