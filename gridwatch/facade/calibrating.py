"""Find out from clicked landmarks how a camera sees its façade, and refuse what can't be right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import cv2
import numpy as np

from gridwatch.errors import GridwatchError
from gridwatch.facade.view import Calibration, FacadeView, Floats, Landmark, PolygonXy, WindowGrid, as_matrix

LEAST_LANDMARKS = 4
"""A homography has eight unknowns; each landmark tells two."""

MOST_LANDMARKS = 60

CLICK_SHARE = 1 / 900
"""Of the picture's longer side: how exactly people click at least, 2 pixels in 1920."""

OFF_LINE = 0.03
"""Of the landmarks' extent: what lies nearer to a line than that is on it."""

MOST_RESIDUAL = 0.15
"""Of a floor's height, root mean square. Careful clicks leave a twentieth; a landmark with the wrong floor, a
quarter and more."""

MOST_ERROR = 0.5
"""Of a floor's height: a place on the façade that is less certain names the wrong floor every third time."""

LEAST_SEEN = 0.3
"""Of the grid's windows that must lie in the picture, and in the polygon."""

FOV_DEG = (8.0, 110.0)
USUAL_FOV_DEG, FOV_SPREAD = 50.0, 0.5
"""Vertical fields of view that cameras have, the usual one, and how far the usual ones are from it (a
standard deviation of the focal length's logarithm)."""

AWAY_M = (2.0, 400.0)
BELOW_M, ABOVE_M = 60.0, 150.0
"""Distances from the façade, and below its first and above its highest floor, where a camera may stand."""

DRAWS = 32
"""Of the clicks' errors, to see what they do to places far from the landmarks."""

REASONS: Mapping[str, str] = {
    "few": "{count} landmarks: click at least {least}, better 8, near all corners of the façade",
    "many": "{count} landmarks: at most {most} are taken",
    "outside": "landmark {number} lies outside the picture",
    "twice": "landmarks {first} and {second} are the same place: click different ones",
    "grid": "landmark {number}: {why}",
    "line": "all landmarks but one lie on one line: click some beside it, above or below",
    "mirrored": "left and right, or above and below, are swapped: windows count from the left as the camera "
    "sees them, floors from below",
    "impossible": "the landmarks contradict each other: no camera sees a flat façade so; check floors and "
    "windows",
    "residual": "the landmarks are off by {residual_m:.2f} m ({residual_px:.1f} px) on average, at most "
    "{most_m:.2f} m is taken: check floors and windows, or click more to see which one is wrong",
    "worst": "the landmarks are off by {residual_m:.2f} m ({residual_px:.1f} px) on average, at most "
    "{most_m:.2f} m is taken; landmark {number} fits worst: check its floor and window",
    "extrapolated": "the landmarks lie too close together: elsewhere on the façade a place is uncertain by "
    "{error_m:.1f} m, at most {most_m:.1f} m is taken; click landmarks near all its corners",
    "not_seen": "only {share:.0%} of the windows lie in the picture: check floors and windows",
    "polygon": "only {share:.0%} of the windows seen lie in the polygon: draw it around the façade",
    "fov": "with a vertical field of view of {fov:.0f}° the landmarks are off by {residual_px:.1f} px: check "
    "it, or leave it out",
    "camera": "the camera would stand {away_m:.0f} m away at a height of {height_m:.0f} m: check the metres, "
    "floors and windows, and the field of view",
}
"""Why a calibration is refused, and what to do."""


class CalibrationError(GridwatchError):
    """Landmarks don't tell how a camera sees its façade; `values` fill in the text of `reason` in REASONS."""

    def __init__(self, reason: str, **values: Any) -> None:
        super().__init__(REASONS[reason].format(**values))
        self.reason, self.values = reason, values


@dataclass(frozen=True, kw_only=True, slots=True)
class _Clicks:
    """Landmarks as pixels and metres (n × 2 each), and their usual error in pixels."""

    pixels: Floats
    metres: Floats
    error_px: float


def calibrate(
    size_wh: tuple[int, int],
    landmarks: Sequence[Landmark],
    grid: WindowGrid,
    *,
    polygon: PolygonXy = (),
    vertical_fov_deg: float | None = None,
) -> Calibration:
    """Return the calibration of a camera whose pictures have `size_wh` pixels.

    The homography has the least squares of errors in pixels. Raises CalibrationError.
    """
    clicks = _clicks(size_wh, landmarks, grid)
    homography = _homography(clicks)
    _check_turned(homography, clicks)
    residual_px, residual_m = _check_residual(homography, clicks, grid)
    seen = _seen_windows(homography, size_wh, grid, polygon)
    error_m = _check_spread(clicks, residual_px, seen, grid)
    camera = _camera(clicks, size_wh, vertical_fov_deg)
    _check_camera(camera, grid)
    return Calibration(
        grid=grid,
        landmarks=tuple(landmarks),
        to_facade=as_matrix(np.linalg.inv(homography)),
        camera_x_m=float(camera[0]),
        camera_z_m=float(camera[1]),
        camera_away_m=float(camera[2]),
        residual_px=residual_px,
        residual_m=residual_m,
        error_m=error_m,
        vertical_fov_deg=vertical_fov_deg,
    )


def _clicks(size_wh: tuple[int, int], landmarks: Sequence[Landmark], grid: WindowGrid) -> _Clicks:
    if len(landmarks) < LEAST_LANDMARKS:
        raise CalibrationError("few", count=len(landmarks), least=LEAST_LANDMARKS)
    if len(landmarks) > MOST_LANDMARKS:
        raise CalibrationError("many", count=len(landmarks), most=MOST_LANDMARKS)
    places = []
    for number, mark in enumerate(landmarks, 1):
        if not (-1 <= mark.x <= size_wh[0] + 1 and -1 <= mark.y <= size_wh[1] + 1):
            raise CalibrationError("outside", number=number)
        try:
            places.append(grid.place_m(mark))
        except ValueError as error:
            raise CalibrationError("grid", number=number, why=error) from error
    pixels = np.array([(mark.x, mark.y) for mark in landmarks], float)
    clicks = _Clicks(pixels=pixels, metres=np.array(places, float), error_px=CLICK_SHARE * max(size_wh))
    for points in (clicks.metres, clicks.pixels):
        _check_spot(points)
        _check_line(points)
    return clicks


def _check_spot(points: Floats) -> None:
    extent = float(np.ptp(points, axis=0).max())
    for first, second in combinations(range(len(points)), 2):
        if np.linalg.norm(points[first] - points[second]) < 0.002 * extent or not extent:
            raise CalibrationError("twice", first=first + 1, second=second + 1)


def _check_line(points: Floats) -> None:
    """Refuse points of which all but one lie on a line: they leave the homography open."""
    extent = float(np.linalg.norm(np.ptp(points, axis=0)))
    for first, second in combinations(points, 2):
        along = (second - first) / np.linalg.norm(second - first)
        beside = (points - first) @ np.array([-along[1], along[0]])
        if np.count_nonzero(np.abs(beside) > OFF_LINE * extent) < 2:
            raise CalibrationError("line")


def _homography(clicks: _Clicks) -> Floats:
    """Return the homography from metres to pixels."""
    found, _ = cv2.findHomography(clicks.metres, clicks.pixels, method=0)
    if found is None or not np.isfinite(found).all() or abs(np.linalg.det(found)) < 1e-12:
        raise CalibrationError("impossible")
    return np.asarray(found, dtype=np.float64)


def _projected(homography: Floats, metres: Floats) -> Floats:
    carried = metres @ homography[:, :2].T + homography[:, 2]
    there: Floats = carried[:, :2] / carried[:, 2:]
    return there


def _check_turned(homography: Floats, clicks: _Clicks) -> None:
    """Refuse a façade that is seen from behind, or of which a part lies behind the camera."""
    depths = clicks.metres @ homography[2, :2] + homography[2, 2]
    # x grows to the right in both, z grows up and y down: seen from the front, the determinant is negative.
    turned = np.sign(np.linalg.det(homography) * depths)
    if np.all(turned > 0):
        raise CalibrationError("mirrored")
    if np.any(turned > 0):
        raise CalibrationError("impossible")


def _check_residual(homography: Floats, clicks: _Clicks, grid: WindowGrid) -> tuple[float, float]:
    """Return the residual in pixels and in metres; with four landmarks both are zero whatever was clicked."""
    off_px = np.linalg.norm(_projected(homography, clicks.metres) - clicks.pixels, axis=1)
    off_m = np.linalg.norm(_projected(np.linalg.inv(homography), clicks.pixels) - clicks.metres, axis=1)
    residual_px, residual_m = (float(np.sqrt(np.mean(off**2))) for off in (off_px, off_m))
    if residual_m > MOST_RESIDUAL * grid.floor_m:
        # Any four of five fit: which one is wrong shows from six on.
        raise CalibrationError(
            "worst" if len(clicks.pixels) > LEAST_LANDMARKS + 1 else "residual",
            residual_px=residual_px,
            residual_m=residual_m,
            most_m=MOST_RESIDUAL * grid.floor_m,
            number=_worst(clicks),
        )
    return residual_px, residual_m


def _worst(clicks: _Clicks) -> int:
    """Return the number of the landmark without which the others agree best."""
    left = []
    for one in range(len(clicks.pixels)):
        others = np.arange(len(clicks.pixels)) != one
        pixels, metres = clicks.pixels[others], clicks.metres[others]
        found, _ = cv2.findHomography(metres, pixels, method=0)
        rest = np.inf if found is None else float(np.sum((_projected(found, metres) - pixels) ** 2))
        left.append(rest)
    return int(np.argmin(left)) + 1


def _seen_windows(
    homography: Floats, size_wh: tuple[int, int], grid: WindowGrid, polygon: PolygonXy
) -> Floats:
    """Return the middles of the windows that are seen, in metres; raise where they are few."""
    boxes = np.array(
        [grid.box_m(floor, window) for floor in grid.numbers for window in range(1, grid.windows + 1)]
    )
    middles: Floats = (boxes[:, :2] + boxes[:, 2:]) / 2
    places = _projected(homography, middles)
    ahead = np.sign(middles @ homography[2, :2] + homography[2, 2]) == -np.sign(np.linalg.det(homography))
    inside = ahead & np.all((places >= 0) & (places <= size_wh), axis=1)
    if np.mean(inside) < LEAST_SEEN:
        raise CalibrationError("not_seen", share=float(np.mean(inside)))
    if polygon:
        view = FacadeView(size_wh=size_wh, polygon=polygon)
        kept = view.inside(places[inside, 0], places[inside, 1])
        if np.mean(kept) < LEAST_SEEN:
            raise CalibrationError("polygon", share=float(np.mean(kept)))
    seen: Floats = middles[inside]
    return seen


def _check_spread(clicks: _Clicks, residual_px: float, seen: Floats, grid: WindowGrid) -> float:
    """Return how uncertain a place in the picture is in metres, where that is worst but for a tenth.

    What is left over of more than four landmarks says how exactly they were clicked.
    """
    count = len(clicks.pixels)
    exact = residual_px * np.sqrt(count / max(1.0, count - LEAST_LANDMARKS))
    rng = np.random.default_rng(0)
    pixels = _projected(_homography(clicks), seen)
    places = []
    for _ in range(DRAWS):
        moved = clicks.pixels + rng.normal(0, max(clicks.error_px, exact) / np.sqrt(2), clicks.pixels.shape)
        found, _ = cv2.findHomography(clicks.metres, moved, method=0)
        if found is None:
            raise CalibrationError("line")
        places.append(_projected(np.linalg.inv(found), pixels))
    errors = np.sqrt(np.mean(np.var(np.array(places), axis=0), axis=1))
    error_m = float(np.quantile(errors, 0.9))
    if not error_m <= MOST_ERROR * grid.floor_m:
        raise CalibrationError("extrapolated", error_m=error_m, most_m=MOST_ERROR * grid.floor_m)
    return error_m


def _camera(clicks: _Clicks, size_wh: tuple[int, int], vertical_fov_deg: float | None) -> Floats:
    """Return where the camera stands: x, z and the distance before the façade.

    A camera with square pixels, its middle in the picture's middle, is fitted for each field of view; how
    well each fits, and how usual it is, weighs its place. A stated field of view must fit.
    """
    if vertical_fov_deg is not None:
        place, off = _stand(clicks, size_wh, vertical_fov_deg)
        if off > 6 * clicks.error_px:
            raise CalibrationError("fov", fov=vertical_fov_deg, residual_px=off)
        return place
    views = np.geomspace(*FOV_DEG, 40)
    stands = [_stand(clicks, size_wh, float(view)) for view in views]
    off_px = np.array([off for _, off in stands])
    if not np.isfinite(off_px).any():
        raise CalibrationError("impossible")
    focal = -np.log(np.tan(np.radians(views / 2)) / np.tan(np.radians(USUAL_FOV_DEG / 2)))
    fits = len(clicks.pixels) * (off_px / max(clicks.error_px, float(off_px.min()))) ** 2
    doubts = fits + (focal / FOV_SPREAD) ** 2
    weights = np.exp(-(doubts - doubts.min()) / 2)
    place = np.average([place for place, _ in stands], axis=0, weights=weights)
    return np.asarray(place, dtype=np.float64)


def _stand(clicks: _Clicks, size_wh: tuple[int, int], fov_deg: float) -> tuple[Floats, float]:
    """Return where a camera with this field of view stands, and how far off the landmarks are (px)."""
    width, height = size_wh
    focal = height / 2 / np.tan(np.radians(fov_deg / 2))
    matrix = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    # A third axis, away from the camera, makes x, z and it right-handed as the solver wants them: x, -z, y.
    flat = np.column_stack([clicks.metres[:, 0], -clicks.metres[:, 1], np.zeros(len(clicks.metres))])
    done, turn, shift = cv2.solvePnP(flat, clicks.pixels, matrix, None)
    if not (done and np.isfinite(turn).all() and np.isfinite(shift).all()):
        return np.zeros(3), np.inf
    again, _ = cv2.projectPoints(flat, turn, shift, matrix, None)
    off_px = float(np.sqrt(np.mean(np.sum((again.reshape(-1, 2) - clicks.pixels) ** 2, axis=1))))
    x, down, beyond = (-cv2.Rodrigues(turn)[0].T @ shift).ravel()
    return np.array([x, -down, -beyond]), off_px


def _check_camera(camera: Floats, grid: WindowGrid) -> None:
    height, away = float(camera[1]), float(camera[2])
    lowest, highest = grid.first_floor_m - BELOW_M, grid.top_m + ABOVE_M
    if not (AWAY_M[0] <= away <= AWAY_M[1] and lowest <= height <= highest):
        raise CalibrationError("camera", away_m=away, height_m=height)
