"""`gridwatch quarantine list|show|replay`: messages that could not be read."""

import sys
from typing import Annotated

import typer
from rich.console import Console

from gridwatch.broker_address import BrokerAddress
from gridwatch.cli.tables import wide_table
from gridwatch.cli.work import with_store
from gridwatch.errors import NotFound
from gridwatch.running import mqtt_url
from gridwatch.settings import read_settings
from gridwatch.store import Row, Store
from gridwatch.store.keeping import WARN_SHARE
from gridwatch.store.quarantine import (
    dropped_so_far,
    get_quarantined,
    list_quarantine,
    quarantine_usage,
)

SHOWN_BYTES = 400

quarantine_app = typer.Typer(no_args_is_help=True, help="Messages that could not be read.")


@quarantine_app.command("list")
def list_command(
    all_: Annotated[bool, typer.Option("--all", help="also those that were replayed")] = False,
    after: Annotated[int, typer.Option(help="only messages with a higher number")] = 0,
    limit: Annotated[int, typer.Option(help="at most so many")] = 100,
) -> None:
    """List messages, oldest first."""

    async def read(store: Store) -> tuple[list[Row], list[str]]:
        rows = await list_quarantine(store, all_=all_, after=after, limit=limit)
        return rows, await _limits(store)

    rows, limits = with_store(read_settings(), read)
    table = wide_table("id", "received (UTC)", "topic", "bytes", "reason", "replayed")
    for row in rows:
        replayed = f"{row['replayed_at']:%Y-%m-%d %H:%M:%S}" if row["replayed_at"] else ""
        received = f"{row['received_at']:%Y-%m-%d %H:%M:%S}"
        table.add_row(str(row["id"]), received, row["topic"], str(row["size"]), row["reason"], replayed)
    Console().print(table)
    for line in limits:
        typer.echo(line, err=True)


@quarantine_app.command("show")
def show_command(
    message: Annotated[int, typer.Argument(help="number of the message")],
    raw: Annotated[bool, typer.Option("--raw", help="write the payload's bytes and nothing else")] = False,
) -> None:
    """Show one message with its payload."""

    async def read(store: Store) -> Row:
        return await get_quarantined(store, message)

    row = with_store(read_settings(), read)
    if raw:
        sys.stdout.buffer.write(row["payload"])
        return
    for name in ("id", "topic", "reason", "decoder", "received_at", "replayed_at", "outcome"):
        typer.echo(f"{name}: {row[name]}")
    more = len(row["payload"]) - SHOWN_BYTES
    typer.echo(f"payload ({len(row['payload'])} bytes): {row['payload'][:SHOWN_BYTES]!r}")
    if more > 0:
        typer.echo(f"… and {more} bytes more; all of it: gridwatch quarantine show {message} --raw")


@quarantine_app.command("replay")
def replay_command(
    messages: Annotated[list[int] | None, typer.Argument(help="numbers of the messages; none: all")] = None,
) -> None:
    """Publish messages again on their own topics; what still can't be read comes back to quarantine."""
    settings = read_settings()

    async def replay(store: Store) -> int:
        return await _replay(store, BrokerAddress.parse(mqtt_url(settings)), messages or [])

    typer.echo(f"published again: {with_store(settings, replay)}")


async def _replay(store: Store, address: BrokerAddress, messages: list[int]) -> int:
    from ingest.replaying import replay

    wanted = messages or await _all_waiting(store)
    gone = await replay(store, address, wanted)
    if gone and messages:
        raise NotFound(f"not waiting in quarantine: {', '.join(map(str, gone))}")
    # Of all that wait, somebody else may replay some meanwhile, or the quarantine's limits take them.
    return len(wanted) - len(gone)


async def _limits(store: Store) -> list[str]:
    """Return what people should know of the limits: how near they are, and what they took."""
    lines = []
    usage = await quarantine_usage(store)
    if usage is not None and max(fill.share for fill in usage) >= WARN_SHARE:
        size, age = usage
        lines.append(
            f"warning: quarantine is at {size.share:.0%} of its size, its oldest message at {age.share:.0%} "
            "of its time; beyond, messages are dropped: replay them, or raise GRIDWATCH_QUARANTINE_GB or "
            "GRIDWATCH_QUARANTINE_DAYS"
        )
    dropped = await dropped_so_far(store)
    if dropped is not None:
        lines.append(
            f"dropped so far: {dropped['messages']} messages ({dropped['replayed']} of them replayed), "
            f"{dropped['bytes']} bytes, received from {dropped['first_at']:%Y-%m-%d %H:%M:%S} to "
            f"{dropped['last_at']:%Y-%m-%d %H:%M:%S} (UTC)"
        )
    return lines


async def _all_waiting(store: Store) -> list[int]:
    waiting: list[int] = []
    while page := await list_quarantine(store, after=waiting[-1] if waiting else 0):
        waiting += [row["id"] for row in page]
    return waiting
