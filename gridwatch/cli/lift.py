"""`gridwatch lift`: how a lift's interlock stands, how it is wired, and letting go of it."""

import asyncio
import getpass
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console

from gridwatch.cli.devices import duration
from gridwatch.cli.tables import wide_table
from gridwatch.cli.work import Result, with_store
from gridwatch.errors import SettingsError
from gridwatch.interlock import Mode, Wiring
from gridwatch.lifts import FalseHolds, Reason, check_holding, in_words
from gridwatch.settings import read_settings
from gridwatch.store import Store
from gridwatch.store.lifts import (
    Hold,
    Lift,
    LiftChange,
    cameras_of,
    disable,
    false_holds_of,
    get_lift,
    judge,
    lift_changes,
    list_holds,
    list_lifts,
    release,
    set_wiring,
)

lift_app = typer.Typer(no_args_is_help=True, help="Lifts that are asked to wait while an e-bike is in them.")

SHOWN = 20

LiftId = Annotated[str, typer.Argument(metavar="LIFT", help="its id")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, for programs")]


@lift_app.command("list")
def list_command(as_json: AsJson = False) -> None:
    """List the lifts that a camera looks into or that were set."""

    async def read(store: Store) -> list[dict[str, Any]]:
        found: list[Lift] = []
        while page := await list_lifts(store, after=found[-1].id if found else ""):
            found += page
        return [_row(lift) for lift in found]

    rows = with_store(read_settings(), read)
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    columns = ("id", "mode", "state", "why", "camera", "disabled_until")
    table = wide_table(*columns, whole="id")
    for row in rows:
        table.add_row(*(str(row[name] or "") for name in columns))
    Console().print(table)


@lift_app.command("show")
def show_command(lift: LiftId, as_json: AsJson = False) -> None:
    """Show how a lift's interlock stands, its last holds, how often they were false, and who did what."""

    async def read(
        store: Store, found: Lift
    ) -> tuple[Lift, list[str], FalseHolds, list[Hold], list[LiftChange]]:
        return (
            found,
            await cameras_of(store, found.id),
            await false_holds_of(store, found),
            await list_holds(store, found.key, limit=SHOWN),
            await lift_changes(store, found.key, limit=SHOWN),
        )

    found, cameras, false_holds, holds, changes = _with_lift(lift, read)
    row = _row(found) | {"cameras": cameras, "false_holds": _numbers(false_holds)}
    past = {"holds": [_plain(hold) for hold in holds], "changes": [_plain(change) for change in changes]}
    if as_json:
        typer.echo(json.dumps(row | past, ensure_ascii=False))
        return
    told = "its state is known" if found.state_is_known else "its state is unknown: nothing is claimed of it"
    for name in ("mode", "state", "why", "asked", "answer", "camera", "disabled_until", "voice", "repeat_s"):
        typer.echo(f"{name}: {row[name] or ''}")
    typer.echo(f"cameras: {', '.join(cameras) or 'none looks into it'}")
    typer.echo(f"lift: {told}")
    typer.echo(f"false holds: {false_holds.sentence()}")
    _print(past["holds"], ("id", "began_at", "ended_at", "ended", "mode", "camera", "verdict", "verdict_by"))
    _print(past["changes"], ("changed_at", "actor", "change", "reason", "detail"))


@lift_app.command("set")
def set_command(
    lift: LiftId,
    mode: Annotated[Mode | None, typer.Option(help="observe asks the lift for nothing")] = None,
    voice: Annotated[
        list[str] | None, typer.Option(metavar="LANG=TEXT", help="what its speaker says; several times")
    ] = None,
    silent: Annotated[bool, typer.Option("--silent", help="its speaker says nothing")] = False,
    repeat: Annotated[float | None, typer.Option(help="seconds between what it says, 10 to 15")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask before holding is switched on")] = False,
) -> None:
    """Say how a lift is wired. Its false holds are shown before holding is switched on."""

    async def read(store: Store, found: Lift) -> tuple[Lift, FalseHolds]:
        return found, await false_holds_of(store, found)

    found, false_holds = _with_lift(lift, read)
    said: dict[str, Any] = {"mode": mode, "voice": _voice(voice, silent=silent), "repeat_s": repeat}
    try:
        wiring: Wiring = replace(found.wiring, **{k: v for k, v in said.items() if v is not None})
    except ValueError as error:
        raise SettingsError(str(error)) from error
    if found.wiring.mode is Mode.OBSERVE and wiring.mode is not Mode.OBSERVE:
        typer.echo(f"False holds of {lift}: {false_holds.sentence()}.")
        yes = yes or typer.confirm(f"Ask {lift} to keep its door open from now on?")
    check_holding(found.wiring.mode, wiring.mode, false_holds, is_confirmed=yes)
    with_store(read_settings(), lambda store: set_wiring(store, found, wiring, actor=_actor()))
    typer.echo(f"{lift}: mode {wiring.mode}")


@lift_app.command("disable")
def disable_command(
    lift: LiftId,
    for_: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="30m, 8h, 3d …; then it may be held again")
    ] = None,
    reason: Annotated[str, typer.Option(help="why; needed with --for")] = "",
    end: Annotated[bool, typer.Option("--end", help="it may be held again from now on")] = False,
) -> None:
    """Do not hold a lift for a while."""
    if end == (for_ is not None):
        raise SettingsError("say either --for DURATION or --end")
    if for_ is not None and not reason.strip():
        raise SettingsError("--reason: say why it is switched off")
    until = None if for_ is None else datetime.now(UTC) + duration(for_)

    async def write(store: Store, found: Lift) -> None:
        await disable(store, found, until, actor=_actor(), reason=reason)

    _with_lift(lift, write)
    typer.echo(
        f"{lift} may be held" if until is None else f"{lift} is not held until {until:%Y-%m-%d %H:%M} UTC"
    )


@lift_app.command("release")
def release_command(
    lift: LiftId,
    reason: Annotated[Reason, typer.Option(help="false_alarm counts as a false hold")],
    note: Annotated[str, typer.Option(help="what else is to be known")] = "",
    name: Annotated[str | None, typer.Option(help="who lets go; else who is logged in here")] = None,
) -> None:
    """Let go of a lift now; it is not held again for 60 s, after a false alarm not in this visit."""
    is_false = reason is Reason.FALSE_ALARM

    async def write(store: Store, found: Lift) -> None:
        await release(store, found, actor=name or _actor(), reason=in_words(reason, note), is_false=is_false)

    _with_lift(lift, write)
    typer.echo(f"{lift} is let go")


@lift_app.command("judge")
def judge_command(
    lift: LiftId,
    hold: Annotated[int, typer.Argument(help="its number, as `show` lists it")],
    false_alarm: Annotated[bool, typer.Option("--false-alarm/--right", help="whether it was false")],
    note: Annotated[str, typer.Option(help="what else is to be known")] = "",
) -> None:
    """Say whether a hold was right: only what is judged can be known as false."""

    async def write(store: Store, found: Lift) -> None:
        await judge(store, found, hold, is_false=false_alarm, actor=_actor(), note=note)

    _with_lift(lift, write)


@lift_app.command("simulate")
def simulate_command(
    lift: LiftId,
    relay: Annotated[bool, typer.Option("--relay", help="a relay that says nothing of the lift")] = False,
    trips: Annotated[float, typer.Option(min=0, help="a ride every so many seconds; 0: it stands")] = 0,
    lose: Annotated[float, typer.Option(min=0, max=1, help="share of the messages that get lost")] = 0,
    duration_s: Annotated[float, typer.Option("--duration", min=0, help="seconds; 0: until stopped")] = 0,
    seed: Annotated[int, typer.Option(min=0)] = 1,
) -> None:
    """Be the lift: obey, refuse and fail as a real one, on the broker, and print what happens as JSON."""
    from gridwatch.broker_address import BrokerAddress
    from gridwatch.cli.stopping import until_stopped
    from gridwatch.running import mqtt_url
    from simulators.lift_controller import LiftController, Wired

    wired = Wired.RELAY if relay else Wired.CONTROLLER
    controller = LiftController(
        BrokerAddress.parse(mqtt_url(read_settings())),
        lift,
        wired=wired,
        lose=lose,
        trips_s=trips,
        seed=seed,
        tell=lambda event: typer.echo(json.dumps(event, ensure_ascii=False)),
    )
    asyncio.run(until_stopped(controller.run(for_s=duration_s or None)))


def _with_lift(lift: str, work: Callable[[Store, Lift], Awaitable[Result]]) -> Result:
    async def run(store: Store) -> Result:
        return await work(store, await get_lift(store, lift))

    return with_store(read_settings(), run)


def _actor() -> str:
    return f"cli:{getpass.getuser()}"


def _voice(given: list[str] | None, *, silent: bool) -> Mapping[str, str] | None:
    if silent:
        return {}
    if not given:
        return None
    pairs = [one.partition("=") for one in given]
    if not all(lang and equals and text for lang, equals, text in pairs):
        raise SettingsError("--voice: write LANG=TEXT, as zh=请把车推出电梯")
    return {lang: text for lang, _, text in pairs}


def _row(lift: Lift) -> dict[str, Any]:
    word = lift.word
    return {
        "id": lift.id,
        "mode": lift.wiring.mode,
        "state": lift.state,
        "why": lift.why,
        "asked": lift.asked,
        "answer": lift.answer,
        "camera": lift.camera,
        "disabled_until": _text(lift.disabled_until) if lift.wiring.is_disabled else None,
        "voice": dict(lift.wiring.voice),
        "repeat_s": lift.wiring.repeat_s,
        "state_is_known": lift.state_is_known,
        "lift": None if word is None else {name: getattr(word, name) for name in WORDS},
    }


WORDS = ("door", "moving", "door_zone", "mode")


def _numbers(false_holds: FalseHolds) -> dict[str, Any]:
    names = ("watched_days", "holds", "judged", "false_alarms", "per_day", "per_day_most")
    return {name: getattr(false_holds, name) for name in names}


def _plain(row: Hold | LiftChange) -> dict[str, Any]:
    return {name: _text(getattr(row, name)) for name in row.__slots__}


def _text(value: Any) -> Any:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value


def _print(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    table = wide_table(*columns)
    for row in rows:
        table.add_row(*("" if row[name] is None else str(row[name]) for name in columns))
    Console().print(table)
