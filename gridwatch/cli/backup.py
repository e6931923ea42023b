"""`gridwatch backup` and `gridwatch restore`: all that an installation knows, in one file."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from gridwatch.errors import SettingsError
from gridwatch.settings import Settings, read_settings

VARIABLE = "GRIDWATCH_BACKUP_PASSPHRASE"


def backup_command(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="Where it goes. Without it: a new one in GRIDWATCH_BACKUP_DIR, whose oldest ones go."
        ),
    ] = None,
    encrypt: Annotated[
        bool, typer.Option("--encrypt", help=f"Ask for a passphrase where {VARIABLE} is not set.")
    ] = False,
) -> None:
    """Write database, evidence, credentials and settings to one file; everything may go on running."""
    from gridwatch.backup.making import make_backup
    from gridwatch.backup.rotation import drop_old, next_path
    from gridwatch.cli.resting_database import running_or_resting_database

    settings = read_settings()
    if encrypt and settings.backup_passphrase is None:
        passphrase = _ask("Passphrase for the backup", twice=True)
        settings = read_settings(backup_passphrase=passphrase)
    path = file or next_path(settings, _folder(settings))
    began = time.monotonic()
    with running_or_resting_database(settings) as url:
        made = make_backup(settings, url, path)
    sealed = "encrypted" if settings.backup_passphrase else "not encrypted: it holds passwords"
    typer.echo(f"{path}: {made.size / 1e6:,.1f} MB, {sealed}, in {time.monotonic() - began:.1f} s")
    typer.echo(f"{made.tables} tables, {made.evidence} files of evidence")
    if made.missing:
        typer.echo(f"{made.missing} files of evidence that the database names were not there", err=True)
    if file is None:
        for old in drop_old(settings, path.parent):
            typer.echo(f"deleted {old}")


def restore_command(
    file: Annotated[Path, typer.Argument(help="The backup.")],
    check: Annotated[
        bool, typer.Option("--check", help="Only read all of it and say whether it is whole.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Delete what the database holds now.")] = False,
) -> None:
    """Check a backup and put it into an empty database and the data directory; Gridwatch must not run."""
    from gridwatch.backup.archive import is_sealed
    from gridwatch.backup.restoring import SETTINGS_FOLDER, check_backup, restore_backup
    from gridwatch.cli.resting_database import resting_database

    settings = read_settings()
    known = settings.backup_passphrase.get_secret_value() if settings.backup_passphrase else None
    passphrase = (known or _ask("Passphrase of the backup")) if is_sealed(file) else None
    began = time.monotonic()
    checked = check_backup(file, passphrase)
    said = checked.manifest
    typer.echo(
        f"{file} is whole: {checked.parts} parts, made {said.made_at:%Y-%m-%d %H:%M:%S} UTC "
        f"by Gridwatch {said.gridwatch}, installation {said.installation}"
    )
    if check:
        return
    with resting_database(settings) as url:
        done = restore_backup(file, passphrase, url, settings.data_dir, force=force)
    typer.echo(
        f"restored in {time.monotonic() - began:.1f} s: {done.rows:,} rows, {done.evidence} files of "
        f"evidence, {done.files} other files"
    )
    typer.echo(
        f"its settings are in {settings.data_dir / SETTINGS_FOLDER}: look at their addresses, then name that "
        "gridwatch.toml in GRIDWATCH_CONFIG to use them"
    )


def _folder(settings: Settings) -> Path:
    if settings.backup_dir is None:
        raise SettingsError("name a file to write, or a folder for all backups in GRIDWATCH_BACKUP_DIR")
    return settings.backup_dir


def _ask(what: str, *, twice: bool = False) -> str:
    if not sys.stdin.isatty():
        raise SettingsError(f"a passphrase is needed, and there is no terminal to ask for it: set {VARIABLE}")
    answer: str = typer.prompt(what, hide_input=True, confirmation_prompt=twice)
    return answer
