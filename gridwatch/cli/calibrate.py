"""`gridwatch calibrate`: tell a camera which façade it sees, in pixels and in metres."""

import getpass
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from gridwatch.cli.work import with_store
from gridwatch.errors import NotFound, SettingsError
from gridwatch.facade import FacadeView, StatedView, WindowGrid, read_landmarks
from gridwatch.settings import read_settings
from gridwatch.store import Store
from gridwatch.store.devices import KnownDevice, get_device
from gridwatch.store.facades import set_view

GRID_HELP = "JSON of floors, floor_m, first_floor, first_floor_m, windows, window_pitch_m, …"


def calibrate_command(
    *,
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="the camera")],
    file: Annotated[Path | None, typer.Option(help="JSON of all below, as --json prints it")] = None,
    landmarks: Annotated[
        Path | None, typer.Option(help="CSV: x,y (pixels) and floor,window,corner or x_m,z_m")
    ] = None,
    grid: Annotated[str | None, typer.Option(metavar="JSON", help=GRID_HELP)] = None,
    fov: Annotated[float | None, typer.Option(help="the camera's vertical field of view in degrees")] = None,
    polygon: Annotated[
        str | None, typer.Option(metavar="'X,Y X,Y …'", help="around the façade, in pixels")
    ] = None,
    mask: Annotated[
        list[str] | None, typer.Option(metavar="'X,Y X,Y …'", help="what to leave out; may come again")
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="of its pictures; else that of --picture")
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="of this camera: JPEG or PNG")] = None,
    drawn: Annotated[
        Path | None, typer.Option(help="write --picture with façade and windows drawn in")
    ] = None,
    delete: Annotated[bool, typer.Option("--delete", help="forget the view")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print what is stated, for --file")] = False,
    export: Annotated[Path | None, typer.Option(help="write the view for `gridwatch edge --view`")] = None,
    dry: Annotated[bool, typer.Option("--dry", help="work it out, and keep nothing")] = False,
) -> None:
    """Calibrate DEVICE on its façade, or show how it is; what can't be right is refused with the reason."""
    settings = read_settings()

    async def read(store: Store) -> KnownDevice:
        return await get_device(store, device)

    async def write(store: Store, view: FacadeView | None) -> None:
        await set_view(store, device, view, by=f"{getpass.getuser()} (command line)")

    given = {"landmarks": landmarks, "grid": grid, "fov": fov, "polygon": polygon, "mask": mask, "file": file}
    states = any(value for value in given.values())
    if delete:
        if states:
            raise SettingsError("--delete: leave out the other options")
        with_store(settings, lambda store: write(store, None))
        typer.echo(f"{device}: its view is forgotten")
        return
    pixels = None if picture is None else _read_picture(picture)
    if states:
        size_wh = _size(size, pixels)
        known = None if dry else with_store(settings, read).view
        view = _stated(known, given, size_wh).view()
        if not dry:
            with_store(settings, lambda store: write(store, view))
    else:
        stored = with_store(settings, read).view
        if stored is None:
            raise NotFound(f"no view of {device} is known: give --file or --landmarks with --grid")
        view = stored
    if drawn is not None:
        _draw(view, pixels, drawn)
    if export is not None:
        export.write_bytes(msgspec.json.encode(view))
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(StatedView.of(view))).decode())
    else:
        typer.echo(_said(device, view))


def _size(size: str | None, pixels: Any) -> tuple[int, int] | None:
    if size is None:
        return None if pixels is None else (int(pixels.shape[1]), int(pixels.shape[0]))
    width, _, height = size.partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise SettingsError(f"--size {size}: write 1920x1080")
    return int(width), int(height)


def _stated(known: FacadeView | None, given: dict[str, Any], size_wh: tuple[int, int] | None) -> StatedView:
    """Return what the options say; what they leave out stays as it is known."""
    try:
        if given["file"] is not None:
            return StatedView.from_json(json.loads(given["file"].read_bytes()))
        base = StatedView.of(known) if known is not None else None
        if size_wh is None and base is None:
            raise SettingsError("say how large its pictures are: --size 1920x1080, or give --picture")
        stated = base if base is not None and size_wh in (None, base.size_wh) else None
        if stated is None:
            stated = StatedView(size_wh=size_wh or (0, 0))
        changes: dict[str, Any] = {}
        if given["grid"] is not None:
            changes["grid"] = msgspec.json.decode(given["grid"], type=WindowGrid)
        if given["landmarks"] is not None:
            changes["landmarks"] = tuple(read_landmarks(given["landmarks"].read_text(encoding="utf-8")))
        if given["fov"] is not None:
            changes["vertical_fov_deg"] = given["fov"]
        if given["polygon"] is not None:
            changes["polygon"] = _points("--polygon", given["polygon"])
        if given["mask"]:
            changes["masks"] = tuple(_points("--mask", one) for one in given["mask"])
        return replace(stated, **changes)
    except (OSError, ValueError, msgspec.DecodeError) as error:
        raise SettingsError(f"the view can't be read: {error}") from error


def _points(option: str, text: str) -> tuple[tuple[float, float], ...]:
    points = []
    for pair in text.split():
        x, _, y = pair.partition(",")
        try:
            points.append((float(x), float(y)))
        except ValueError as error:
            raise SettingsError(f"{option}: {pair!r} is no X,Y") from error
    return tuple(points)


def _read_picture(path: Path) -> Any:
    from gridwatch.media import read_picture

    try:
        return read_picture(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"--picture {path}: {error.strerror or error}") from error


def _draw(view: FacadeView, pixels: Any, drawn: Path) -> None:
    from gridwatch.drawing import draw_view
    from gridwatch.media import encode_jpeg

    if pixels is None:
        raise SettingsError("--drawn: needs --picture to draw on")
    fitted = view.fitted((pixels.shape[1], pixels.shape[0]))
    if fitted is None:
        raise SettingsError(f"--picture: its shape is not that of pictures of {_by(view.size_wh)}")
    drawn.write_bytes(encode_jpeg(draw_view(pixels, fitted)))


def _by(size_wh: tuple[int, int]) -> str:
    return f"{size_wh[0]}×{size_wh[1]}"


def _said(device: str, view: FacadeView) -> str:
    """Return what people want to know of a view."""
    polygon = f"{len(view.polygon)} corners" if view.polygon else "the whole picture"
    lines: Sequence[str] = [
        f"{device}: pictures of {_by(view.size_wh)}, façade: {polygon}, {len(view.masks)} masks"
    ]
    made = view.calibration
    if made is None:
        return "\n".join([*lines, "not calibrated: no landmarks, so no metres, floors and windows"])
    left = "" if len(made.landmarks) > 4 else " (four landmarks always fit: click more to see how well)"
    return "\n".join(
        [
            *lines,
            f"residual {made.residual_px:.1f} px, {made.residual_m:.2f} m over {len(made.landmarks)} "
            f"landmarks{left}",
            f"a place on the façade is uncertain by {made.error_m:.2f} m",
            f"camera {made.camera_away_m:.0f} m before the façade, {made.camera_z_m:.1f} m high",
            f"{made.grid.floors} floors of {made.grid.floor_m} m, {made.grid.windows} windows on each",
        ]
    )
