"""`gridwatch quarantine list|show|replay`: messages that could not be read."""

import sys
from typing import Annotated

import aiomqtt
import typer
from rich.console import Console

from gridwatch.broker_address import BrokerAddress
from gridwatch.cli.tables import wide_table
from gridwatch.cli.work import with_store
from gridwatch.errors import BrokerError
from gridwatch.running import mqtt_url
from gridwatch.settings import read_settings
from gridwatch.store import Row, Store
from gridwatch.store.quarantine import get_quarantined, list_quarantine, take_out

PUBLISH_TIMEOUT_S = 10
SHOWN_BYTES = 400

quarantine_app = typer.Typer(no_args_is_help=True, help="Messages that could not be read.")


@quarantine_app.command("list")
def list_command(
    all_: Annotated[bool, typer.Option("--all", help="also those that were replayed")] = False,
    after: Annotated[int, typer.Option(help="only messages with a higher number")] = 0,
    limit: Annotated[int, typer.Option(help="at most so many")] = 100,
) -> None:
    """List messages, oldest first."""

    async def read(store: Store) -> list[Row]:
        return await list_quarantine(store, all_=all_, after=after, limit=limit)

    table = wide_table("id", "received (UTC)", "topic", "bytes", "reason", "replayed")
    for row in with_store(read_settings(), read):
        replayed = f"{row['replayed_at']:%Y-%m-%d %H:%M:%S}" if row["replayed_at"] else ""
        received = f"{row['received_at']:%Y-%m-%d %H:%M:%S}"
        table.add_row(str(row["id"]), received, row["topic"], str(row["size"]), row["reason"], replayed)
    Console().print(table)


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
    wanted = messages or await _all_waiting(store)
    try:
        async with aiomqtt.Client(
            address.host,
            address.port,
            username=address.username,
            password=address.password,
            tls_params=aiomqtt.TLSParameters() if address.tls else None,
            timeout=PUBLISH_TIMEOUT_S,
        ) as client:
            for message in wanted:
                async with take_out(store, message) as row:
                    await client.publish(row["topic"], row["payload"], qos=1)
    except aiomqtt.MqttError as error:
        raise BrokerError(f"the broker at {address.host}:{address.port} took no message: {error}") from error
    return len(wanted)


async def _all_waiting(store: Store) -> list[int]:
    waiting: list[int] = []
    while page := await list_quarantine(store, after=waiting[-1] if waiting else 0):
        waiting += [row["id"] for row in page]
    return waiting
