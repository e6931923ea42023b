"""`gridwatch devices knocking|adopt`: who sends and is not registered."""

import json
from typing import Annotated

import typer
from pydantic import ValidationError

from gridwatch.cli.work import with_store
from gridwatch.errors import SettingsError
from gridwatch.model import DeviceKind
from gridwatch.registration.fields import sentence
from gridwatch.scenes import SCENES
from gridwatch.settings import read_settings
from gridwatch.store import Store
from gridwatch.store.knocks import Knock, adopt, first_words, get_knock, list_knocks


def knocking_command(
    before: Annotated[int | None, typer.Option(help="only who knocked before this number")] = None,
    limit: Annotated[int, typer.Option(help="at most so many")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON list, for programs")] = False,
) -> None:
    """List devices that send and are not registered, or retired, with their first message."""

    async def read(store: Store) -> list[Knock]:
        return await list_knocks(store, before=before, limit=limit)

    found = with_store(read_settings(), read)
    if as_json:
        typer.echo(json.dumps([_knock_row(knock) for knock in found], ensure_ascii=False))
        return
    # Lines and no table: a topic and a message leave a terminal no room for columns.
    for knock in found:
        retired = f", retired as {knock.retired}" if knock.retired else ""
        since = f"since {knock.first_at:%Y-%m-%d %H:%M:%S} UTC"
        typer.echo(f"{knock.name}: {knock.messages} messages {since}, number {knock.first_id}{retired}")
        typer.echo(f"  {knock.topic}\n  {first_words(knock.payload)}")


def adopt_command(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="as `knocking` lists them")],
    scene: Annotated[str | None, typer.Option(help=", ".join(SCENES))] = None,
    kind: Annotated[DeviceKind | None, typer.Option(help="what it is")] = None,
    id_: Annotated[str | None, typer.Option("--id", help="its id, where its name is a foreign one")] = None,
    name: Annotated[str | None, typer.Option(help="what people call it")] = None,
    area: Annotated[str | None, typer.Option(help="code of the area it stands in")] = None,
) -> None:
    """Register devices that knock; a collector takes in again what was kept of them.

    What is not given is guessed from the first message. One that is retired is active again.
    """
    from gridwatch.registration.adopting import adopted

    given = {"scene": scene, "kind": kind, "id": id_, "name": name, "area": area}
    said = {field: value for field, value in given.items() if value is not None}
    if id_ is not None and len(names) > 1:
        raise SettingsError("--id: adopt one device at a time with it")

    async def adopt_one(store: Store, knocking: str) -> tuple[str, int]:
        knock = await get_knock(store, knocking)
        try:
            device = adopted(knock.name, knock.topic, said)
        except ValidationError as error:
            raise SettingsError(sentence(error)) from error
        return knock.retired or device.id, await adopt(store, knock, device)

    async def adopt_all(store: Store) -> list[tuple[str, int]]:
        return [await adopt_one(store, knocking) for knocking in names]

    for device, messages in with_store(read_settings(), adopt_all):
        typer.echo(f"adopted {device}, messages that are taken in again: {messages}")


def _knock_row(knock: Knock) -> dict[str, object]:
    return {
        "number": knock.first_id,
        "name": knock.name,
        "messages": knock.messages,
        "first_at": knock.first_at.isoformat(),
        "last_at": knock.last_at.isoformat(),
        "topic": knock.topic,
        "reason": knock.reason,
        "size": knock.size,
        "payload": first_words(knock.payload),
        "retired": knock.retired,
    }
