"""`gridwatch evidence list|hold|release|orphans|usage`: how long evidence is kept, and what is held."""

import getpass
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from gridwatch.cli.tables import wide_table
from gridwatch.cli.work import with_store
from gridwatch.errors import SettingsError
from gridwatch.settings import read_settings
from gridwatch.store import Row, Store
from gridwatch.store.keeping import (
    GB,
    Target,
    evidence_by_class,
    hold,
    list_evidence,
    measure_evidence,
    release,
)

evidence_app = typer.Typer(no_args_is_help=True, help="How long evidence is kept, and what is held.")

TARGET = typer.Argument(metavar="EVENT|ALERT", help="id of an event, or number of an alert")
BY = typer.Option(help="who asks; unset: the user of this machine")


@evidence_app.command("list")
def list_command(
    target: Annotated[str | None, TARGET] = None,
    held: Annotated[bool, typer.Option("--held", help="only what is held")] = False,
    limit: Annotated[int, typer.Option(help="at most so many")] = 100,
) -> None:
    """List evidence, oldest first, and until when it is kept."""
    settings = read_settings()
    wanted = None if target is None else _target(target)

    async def read(store: Store) -> list[Row]:
        return await list_evidence(store, wanted, held=held, limit=limit)

    table = wide_table("event", "position", "alert", "class", "bytes", "recorded (UTC)", "kept until (UTC)")
    for row in with_store(settings, read):
        table.add_row(
            *(str(row["event_id"]), str(row["position"]), str(row["alert_id"] or ""), row["class"]),
            *(str(row["size"]), f"{row['created_at']:%Y-%m-%d %H:%M}", _until(row, settings.keep_evidence)),
        )
    Console().print(table)


@evidence_app.command("hold")
def hold_command(
    target: Annotated[str, TARGET],
    reason: Annotated[str, typer.Option(help="why, for the record: a case number, say")],
    by: Annotated[str | None, BY] = None,
) -> None:
    """Let nothing delete the evidence of an event, or of all events of an alert, until it is released."""
    wanted = _target(target)

    async def work(store: Store) -> int:
        return await hold(store, wanted, reason=reason, by=by or getpass.getuser())

    typer.echo(f"held: {with_store(read_settings(), work)} files")


@evidence_app.command("release")
def release_command(target: Annotated[str, TARGET], by: Annotated[str | None, BY] = None) -> None:
    """End a hold; the evidence goes when its time is over."""
    wanted = _target(target)

    async def work(store: Store) -> None:
        await release(store, wanted, by=by or getpass.getuser())

    with_store(read_settings(), work)
    typer.echo(f"released {target}")


@evidence_app.command("orphans")
def orphans_command(
    remove: Annotated[bool, typer.Option("--remove", help="delete files that no event shows")] = False,
) -> None:
    """List files that no event shows, and files that an event shows but that are not there.

    Before --remove be sure that this is the right database and not an older copy of it: what it does not know
    is deleted.
    """
    from gridwatch.evidence import EvidenceFiles
    from gridwatch.keeping import look_over, remove_orphans

    settings = read_settings()
    files = EvidenceFiles(settings.data_dir / "evidence")

    async def work(store: Store) -> None:
        orphans, missing = 0, 0
        async for part in look_over(store, files):
            for one in part.orphans:
                typer.echo(f"orphan {files.path_of(one.sha256, one.media_type)} {one.size} bytes")
            for one in part.missing:
                typer.echo(f"missing {files.path_of(one.sha256, one.media_type)} {one.size} bytes")
            orphans += await remove_orphans(store, files, part) if remove else len(part.orphans)
            missing += len(part.missing)
        typer.echo(f"{'removed' if remove else 'orphans'}: {orphans}, missing: {missing}")

    with_store(settings, work)


@evidence_app.command("usage")
def usage_command() -> None:
    """Print how much evidence there is, by class, and how much of the quota it takes."""
    settings = read_settings()

    async def read(store: Store) -> tuple[list[Row], tuple[int, int]]:
        return await evidence_by_class(store), await measure_evidence(store)

    classes, (count, used) = with_store(settings, read)
    table = wide_table("class", "held", "files", "bytes", "oldest (UTC)", "kept for days")
    for row in classes:
        table.add_row(
            *(row["class"], "yes" if row["held"] else "", str(row["count"]), str(row["bytes"])),
            *(f"{row['oldest']:%Y-%m-%d %H:%M}", f"{settings.keep_evidence.get(row['class'], '')}"),
        )
    Console().print(table)
    share = used / (settings.evidence_quota_gb * GB)
    typer.echo(
        f"{count} files, {used / GB:.3f} of {settings.evidence_quota_gb:g} GB ({share:.0%} of the quota)"
    )


def _target(text: str) -> Target:
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        return UUID(text)
    except ValueError as error:
        raise SettingsError(f"{text!r}: give the id of an event or the number of an alert") from error


def _until(row: Row, keep_days: Mapping[str, float]) -> str:
    if row["held"]:
        return "released"
    if row["class"] not in keep_days:
        return "its alert is resolved"
    return f"{row['kept_from'] + timedelta(days=keep_days[row['class']]):%Y-%m-%d %H:%M}"
