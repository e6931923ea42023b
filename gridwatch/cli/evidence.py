"""`gridwatch evidence list|hold|release|orphans|usage|export`: what is kept, held, and was judged."""

import getpass
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from gridwatch.cli.tables import wide_table
from gridwatch.cli.work import with_store
from gridwatch.errors import SettingsError
from gridwatch.kept import evidence_days
from gridwatch.settings import read_settings
from gridwatch.store import Row, Store
from gridwatch.store.history import note_view
from gridwatch.store.keeping import (
    GB,
    Target,
    evidence_by_class,
    hold,
    list_evidence,
    measure_evidence,
    release,
)
from gridwatch.store.kept import kept_now
from gridwatch.store.lifts import judged_pictures

evidence_app = typer.Typer(no_args_is_help=True, help="How long evidence is kept, and what is held.")

FOLDERS = {"right": "ebike", "false_alarm": "not_ebike"}
"""Where `export` puts pictures, by the verdict: folders as `gridwatch learn` reads them."""

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

    async def read(store: Store) -> tuple[list[Row], dict[str, float]]:
        days = evidence_days(await kept_now(store, settings))
        return await list_evidence(store, wanted, held=held, limit=limit), days

    table = wide_table("event", "position", "alert", "class", "bytes", "recorded (UTC)", "kept until (UTC)")
    rows, days = with_store(settings, read)
    for row in rows:
        table.add_row(
            *(str(row["event_id"]), str(row["position"]), str(row["alert_id"] or ""), row["class"]),
            *(str(row["size"]), f"{row['created_at']:%Y-%m-%d %H:%M}", _until(row, days)),
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

    async def read(store: Store) -> tuple[list[Row], tuple[int, int], dict[str, float]]:
        kept = await kept_now(store, settings)
        return await evidence_by_class(store), await measure_evidence(store), kept

    classes, (count, used), kept = with_store(settings, read)
    days, quota_gb = evidence_days(kept), kept["evidence_quota_gb"]
    table = wide_table("class", "held", "files", "bytes", "oldest (UTC)", "kept for days")
    for row in classes:
        table.add_row(
            *(row["class"], "yes" if row["held"] else "", str(row["count"]), str(row["bytes"])),
            *(f"{row['oldest']:%Y-%m-%d %H:%M}", f"{days.get(row['class'], '')}"),
        )
    Console().print(table)
    share = used / (quota_gb * GB)
    typer.echo(f"{count} files, {used / GB:.3f} of {quota_gb:g} GB ({share:.0%} of the quota)")


@evidence_app.command("export")
def export_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="a new folder, or an empty one")],
    by: Annotated[str | None, BY] = None,
) -> None:
    """Write the pictures of lifts' holds that people judged, for `gridwatch learn`: ebike and not_ebike.

    They show people: DIR and all in it is yours alone, and each picture is logged as looked at.
    """
    from gridwatch.evidence import SUFFIXES, EvidenceFiles

    settings = read_settings()
    files = EvidenceFiles(settings.data_dir / "evidence")
    _make_empty(folder)

    async def work(store: Store) -> dict[str, int]:
        counts = dict.fromkeys(FOLDERS.values(), 0)
        for row in await judged_pictures(store):
            kept = files.path_of(row["sha256"], row["media_type"])
            if not kept.is_file():
                continue
            name = f"{row['began_at']:%Y%m%dT%H%M%S}-{row['hold']}-{row['event']}-{row['position']}"
            into = folder / FOLDERS[row["verdict"]]
            into.mkdir(mode=0o700, exist_ok=True)
            copy = into / f"{name}{SUFFIXES[row['media_type']]}"
            copy.touch(mode=0o600)
            copy.write_bytes(kept.read_bytes())
            await note_view(store, row["event"], row["position"], by or getpass.getuser())
            counts[into.name] += 1
        return counts

    counts = with_store(settings, work)
    typer.echo(", ".join(f"{name}: {count} pictures" for name, count in counts.items()))


def _make_empty(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise SettingsError(f"{folder} is not empty: name a new folder")
        folder.chmod(0o700)
    except OSError as error:
        raise SettingsError(f"{folder} can't be written: {error.strerror or error}") from error


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
