"""`gridwatch devices credential`: what devices prove themselves by, from the command line."""

import getpass
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gridwatch.cli.tables import wide_table
from gridwatch.cli.work import with_store
from gridwatch.errors import SettingsError
from gridwatch.secret import check_given
from gridwatch.settings import read_settings
from gridwatch.store.claims import MOST_TOKENS, access_log, make_tokens
from gridwatch.store.credentials import (
    OVERLAP,
    allow_topics,
    list_credentials,
    revoke_credentials,
    rotate_secret,
)

credential_app = typer.Typer(no_args_is_help=True, help="User and password, or certificate, of each device.")

DeviceId = Annotated[str, typer.Argument(metavar="ID")]
AsJson = Annotated[bool, typer.Option("--json", help="for programs")]


@credential_app.command("rotate")
def rotate_command(
    device: DeviceId,
    overlap_hours: Annotated[
        float, typer.Option(min=0, max=2160, help="hours that the one before stays good")
    ] = OVERLAP.total_seconds() / 3600,
    secret_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="a password or token that the device has already; - reads it here"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Give a device a password, its first or a new one, and show it this once."""
    secret = None if secret_file is None else _given(secret_file)
    overlap = timedelta(hours=overlap_hours)
    new = with_store(
        read_settings(),
        lambda store: rotate_secret(store, device, actor=actor(), overlap=overlap, secret=secret),
    )
    if as_json:
        typer.echo(json.dumps({"device": device, "username": new.username, "password": new.secret}))
        return
    typer.echo(f"username  {new.username}")
    typer.echo(f"password  {new.secret if secret_file is None else f'as in {secret_file}'}")
    once = "It is shown only now. " if secret_file is None else ""
    typer.echo(f"{once}The broker lets it in within 5 seconds.")


@credential_app.command("revoke")
def revoke_command(
    device: DeviceId,
    username: Annotated[str | None, typer.Option(help="only this one of the device's")] = None,
) -> None:
    """Take the credentials of a device back; whoever is connected with them is out within 5 seconds."""
    names = with_store(
        read_settings(), lambda store: revoke_credentials(store, device, actor=actor(), username=username)
    )
    typer.echo(f"revoked {', '.join(names)}")


@credential_app.command("list")
def list_command(
    device: Annotated[str | None, typer.Argument(metavar="ID")] = None,
    everything: Annotated[bool, typer.Option("--all", help="also those that are good no more")] = False,
    as_json: AsJson = False,
) -> None:
    """List credentials, without what is secret of them."""
    found = with_store(read_settings(), lambda store: list_credentials(store, device, revoked=everything))
    rows = [
        {
            "device": one.device,
            "username": one.username,
            "kind": "certificate" if one.certificate else "password",
            "serial": one.serial,
            "issued_at": one.issued_at.isoformat(timespec="seconds"),
            "issued_by": one.issued_by,
            "ends_at": one.ends_at.isoformat(timespec="seconds") if one.ends_at else None,
            "revoked_at": one.revoked_at.isoformat(timespec="seconds") if one.revoked_at else None,
        }
        for one in found
    ]
    _show(rows, as_json=as_json)


@credential_app.command("topics")
def topics_command(
    device: DeviceId,
    topics: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TOPIC…", help="as frigate/#, or gw/v1/areas/CODE/alerts to read; none takes them away"
        ),
    ] = None,
) -> None:
    """Let a gateway use topics of a foreign format or read an area's, and no others beside its own."""
    with_store(read_settings(), lambda store: allow_topics(store, device, topics or (), actor=actor()))
    typer.echo(f"{device} may use {', '.join(topics or ()) or 'no topics of foreign formats'}")


@credential_app.command("tokens")
def tokens_command(
    count: Annotated[int, typer.Option(min=1, max=MOST_TOKENS, help="how many")] = 1,
    days: Annotated[float, typer.Option(min=0.01, max=3660, help="how long they are good")] = 30,
    batch: Annotated[str, typer.Option(help="what the log calls them")] = "",
) -> None:
    """Make bootstrap tokens for a fleet, each good for one device once, and print them this once."""
    good_for = timedelta(days=days)
    tokens = with_store(
        read_settings(),
        lambda store: make_tokens(store, count, batch=batch, good_for=good_for, actor=actor()),
    )
    typer.echo("\n".join(tokens))


@credential_app.command("log")
def log_command(
    device: Annotated[str | None, typer.Argument(metavar="ID")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="the newest so many")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show what was done with credentials and tokens, and by whom, newest first."""
    entries = with_store(read_settings(), lambda store: access_log(store, device, limit=limit))
    rows = [
        {
            "at": entry.at.isoformat(timespec="seconds"),
            "actor": entry.actor,
            "action": entry.action,
            "device": entry.device,
            "detail": entry.detail,
        }
        for entry in entries
    ]
    _show(rows, as_json=as_json)


def _show(rows: Sequence[Mapping[str, str | None]], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    table = wide_table(*(rows[0] if rows else ("nothing",)))
    for row in rows:
        table.add_row(*(value or "" for value in row.values()))
    Console().print(table)


def _given(file: Path) -> str:
    """Read the secret that a device brings along; it must not stand in a list of processes."""
    try:
        secret = typer.get_text_stream("stdin").readline() if str(file) == "-" else file.read_text()
        return check_given(secret.strip())
    except (OSError, ValueError) as error:
        raise SettingsError(f"--secret-file {file}: {error}") from error


def actor() -> str:
    """Return who types, for the log."""
    try:
        return f"{getpass.getuser()} at the command line"
    except (OSError, KeyError):
        return "the command line"
