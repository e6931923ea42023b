"""`gridwatch channels`: how people are reached, from the command line."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from gridwatch.channel_files import read_lines, write_lines
from gridwatch.cli.tables import wide_table
from gridwatch.cli.work import at_the_command_line, with_store
from gridwatch.errors import NotFound, SettingsError
from gridwatch.lines import EXCEL_MARK, text_of
from gridwatch.services import read_service
from gridwatch.settings import read_settings
from gridwatch.store import Store
from gridwatch.store.channels import (
    delete_service,
    find_service,
    list_channels,
    list_services,
    put_service,
    replace_channels,
)
from gridwatch.strongbox import Strongbox

channels_app = typer.Typer(no_args_is_help=True, help="Services that carry messages, and the ways to people.")


@channels_app.command("service")
def service_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="what files of channels call it")],
    file: Annotated[
        Path | None, typer.Argument(help="its JSON, see docs/channels.md; none: standard input")
    ] = None,
) -> None:
    """Keep an account with a service, secrets encrypted; they are never shown again."""
    try:
        content = sys.stdin.buffer.read() if file is None else file.read_bytes()
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error
    service, settings = read_service(content), read_settings()
    box = Strongbox(settings.data_dir)

    async def put(store: Store) -> str:
        from api.reports_address import callback_address

        await put_service(store, box, name, service, by=at_the_command_line())
        return await callback_address(store, name, service, base=settings.link_base)

    typer.echo(f"kept: {name}")
    if address := with_store(settings, put):
        typer.echo(f"its reports and answers come in at {address}")


@channels_app.command("services")
def services_command() -> None:
    """List services and how they are doing."""
    table = wide_table("name", "kind", "changed", "failing since", "why")
    for state in with_store(read_settings(), list_services):
        since = f"{state.failing_since:%Y-%m-%d %H:%M:%S}Z" if state.failing_since else ""
        table.add_row(state.name, state.kind, f"{state.changed_at:%Y-%m-%d}", since, state.last_error)
    Console().print(table)


@channels_app.command("forget")
def forget_command(name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Forget a service, with all ways to people that use it."""

    async def forget(store: Store) -> None:
        await delete_service(store, name, by=at_the_command_line())

    with_store(read_settings(), forget)
    typer.echo(f"forgotten: {name}")


@channels_app.command("import")
def import_command(file: Annotated[Path, typer.Argument(help="CSV")]) -> None:
    """Let exactly these be the ways to people, all or none; every line that is wrong is told."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error
    lines, settings = read_lines(text_of(content)), read_settings()

    async def replace(store: Store) -> tuple[int, int]:
        box = Strongbox(settings.data_dir)
        return await replace_channels(store, box, lines, by=at_the_command_line())

    new, all_of_them = with_store(settings, replace)
    typer.echo(f"imported: {new} new, {all_of_them - new} as they were")


@channels_app.command("export")
def export_command(file: Annotated[Path | None, typer.Argument(help="none: here")] = None) -> None:
    """Write the ways to people as CSV; an address that is a secret itself is written as ***."""
    settings = read_settings()

    async def read(store: Store) -> Sequence[Mapping[str, Any]]:
        return await list_channels(store, Strongbox(settings.data_dir))

    rows = with_store(settings, read)
    text = write_lines(rows)
    if file is None:
        typer.echo(text, nl=False)
        return
    try:
        file.touch(mode=0o600)
        file.write_text(EXCEL_MARK + text, encoding="utf-8", newline="")
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error
    typer.echo(f"wrote {len(rows)} channels to {file}")


@channels_app.command("try")
def try_command(
    name: Annotated[str, typer.Argument(metavar="SERVICE")],
    address: Annotated[str, typer.Argument(help="user id, telephone or address; none for a robot")] = "",
) -> None:
    """Send a test message by a service to one address, now."""
    settings = read_settings()

    async def send(store: Store) -> str:
        from api.channels.senders import Senders, new_client
        from api.dispatch.summons import trial_message

        service = await find_service(store, Strongbox(settings.data_dir), name)
        if service is None:
            raise NotFound(f"there is no service {name!r}")
        async with new_client() as client:
            return await Senders(client).send(service, address, trial_message(settings.link_base))

    receipt = with_store(settings, send)
    typer.echo(f"taken by the service{f', receipt {receipt}' if receipt else ''}")
