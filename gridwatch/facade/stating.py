"""What people say of a camera's view, before it is worked out: by file, on the console, over HTTP."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import msgspec

from gridwatch.errors import SettingsError
from gridwatch.facade.calibrating import calibrate
from gridwatch.facade.presets import Preset
from gridwatch.facade.view import FacadeView, Landmark, PolygonXy, WindowGrid


@dataclass(frozen=True, kw_only=True, slots=True)
class StatedView:
    """Polygon and masks in pixels of pictures of `size_wh`; landmarks and grid where it is calibrated.

    `presets` are the directions of a camera that looks for fire.
    """

    size_wh: tuple[int, int]
    polygon: PolygonXy = ()
    masks: tuple[PolygonXy, ...] = ()
    landmarks: tuple[Landmark, ...] = ()
    grid: WindowGrid | None = None
    vertical_fov_deg: float | None = None
    presets: tuple[Preset, ...] = ()

    def __post_init__(self) -> None:
        FacadeView(size_wh=self.size_wh, polygon=self.polygon, masks=self.masks, presets=self.presets)
        if self.landmarks and self.grid is None:
            raise ValueError("grid: landmarks need the floors and windows that they are on")
        if self.vertical_fov_deg is not None and not 2 <= self.vertical_fov_deg <= 150:
            raise ValueError("vertical_fov_deg: from 2 to 150 degrees")

    @classmethod
    def of(cls, view: FacadeView) -> Self:
        """Return what a view was made of."""
        made = view.calibration
        return cls(
            size_wh=view.size_wh,
            polygon=view.polygon,
            masks=view.masks,
            landmarks=made.landmarks if made else (),
            grid=made.grid if made else None,
            vertical_fov_deg=made.vertical_fov_deg if made else None,
            presets=view.presets,
        )

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Self:
        """Make it from a JSON object; raise ValueError that names the field."""
        try:
            return msgspec.convert(given, cls)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from error

    def view(self) -> FacadeView:
        """Work it out: calibrated where there are landmarks. Raises CalibrationError."""
        calibration = None
        if self.landmarks and self.grid is not None:
            calibration = calibrate(
                self.size_wh,
                self.landmarks,
                self.grid,
                polygon=self.polygon,
                vertical_fov_deg=self.vertical_fov_deg,
            )
        return FacadeView(
            size_wh=self.size_wh,
            polygon=self.polygon,
            masks=self.masks,
            calibration=calibration,
            presets=self.presets,
        )


COLUMNS = ("x", "y", "floor", "window", "corner", "x_m", "z_m")


def read_landmarks(text: str) -> Sequence[Landmark]:
    """Read landmarks from CSV with a header of COLUMNS, in any order; raise SettingsError with the line."""
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    unknown = sorted(set(rows.fieldnames or ()) - set(COLUMNS))
    if unknown or not {"x", "y"} <= set(rows.fieldnames or ()):
        raise SettingsError(f"landmarks: the first line must name columns of {', '.join(COLUMNS)}")
    marks = []
    for row in rows:
        said = {name: value.strip() for name, value in row.items() if name and value and value.strip()}
        try:
            marks.append(msgspec.convert(said, Landmark, strict=False))
        except (msgspec.ValidationError, ValueError) as error:
            raise SettingsError(f"landmarks, line {rows.line_num}: {error}") from error
    return marks
