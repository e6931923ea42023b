"""Show a finding on copies of what the camera saw, and hide what it does not concern."""

from collections.abc import Iterable, Iterator
from datetime import datetime

import cv2
import numpy as np
from numpy.typing import NDArray

from gridwatch.facade import FacadeView
from gridwatch.media import encode_mp4
from gridwatch.model import BoxXyxy, Finding, Origin, Picture, Pixels, TrackPoint
from gridwatch.policy import CHINA

MASK_CELLS = 24
"""Along the longer side of a masked picture. A face that fills a third of it keeps eight cells."""

BOX_MARGIN = 0.1
"""Of a box's sides, left recognisable around it: what the thing is part of, not who stands beside it."""

TRACK_MARGIN = 0.02
"""Of the longer side, left recognisable beside a track: the thing that fell, not the windows it passed."""

LIKELY = 0.1
"""Probability from which a window is marked, at most MOST_MARKED of them and always the likeliest."""
MOST_MARKED = 3

MARK = (0, 0, 255)
TRACK = (0, 215, 255)
START = (0, 255, 0)
WINDOW = (255, 200, 0)
"""Colours (blue, green, red): red box and last point, amber track, green first point, light blue windows."""


def draw(
    picture: Picture,
    finding: Finding,
    *,
    masked: bool,
    view: FacadeView | None = None,
    until: datetime | None = None,
) -> Pixels:
    """Return a copy of the picture that shows the finding: box, track, likely windows, label and time.

    `masked` makes unrecognisable all but the neighbourhood of the track, or else of the box, and of a track
    seen in a `view` of a façade also the façade; `until` ends the track there.
    """
    view = view.fitted(picture.size_wh) if view is not None else None
    pixels = _masked(picture, finding, view) if masked else picture.pixels.copy()
    width = max(1, round(max(picture.size_wh) / 640))
    if finding.box_xyxy is not None and not finding.track:
        left, top, right, bottom = _clipped(finding.box_xyxy, picture.size_wh)
        cv2.rectangle(pixels, (left, top), (right, bottom), MARK, width)
    if view is not None:
        _draw_windows(pixels, view, likely(finding.where), width)
    _draw_track(pixels, [p for p in finding.track if until is None or p.at <= until], width)
    at = picture.at.astimezone(CHINA)
    moment = at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 100_000} +08:00"
    _write_line(pixels, f"{finding.label} {finding.confidence:.0%}  {moment}")
    return pixels


def clip(
    pictures: Iterable[Picture], finding: Finding, *, masked: bool, view: FacadeView | None = None
) -> bytes:
    """Return an MP4 of the pictures on which the finding's track grows as it was seen.

    Raises ValueError where there is no picture.
    """
    return encode_mp4(_drawn(pictures, finding, masked, view))


def composite(pictures: Iterable[Picture], finding: Finding) -> Picture:
    """Return one picture of all that a finding shows: a thing at each place of its track that stands apart.

    The scene is that of the picture nearest to the finding's time. Raises ValueError where there is no
    picture.
    """
    scene: Picture | None = None
    seen: list[tuple[TrackPoint, Pixels]] = []
    for picture in pictures:
        if scene is None or _off(picture, finding.observed_at) < _off(scene, finding.observed_at):
            scene = picture
        point = min(finding.track, key=lambda p: _off(picture, p.at), default=None)
        if point is not None and _off(picture, point.at) < SAME_MOMENT_S and _apart(point, seen, picture):
            seen.append((point, _around(picture, point)))
    if scene is None:
        raise ValueError("there is no picture")
    pixels = scene.pixels.copy()
    for point, part in seen:
        top, left = _corner(point, _reach(scene))
        pixels[top : top + part.shape[0], left : left + part.shape[1]] = part
    return Picture(pixels=pixels, at=scene.at)


def draw_view(pixels: Pixels, view: FacadeView) -> Pixels:
    """Return a copy of a picture with the façade, its windows, the masks and the landmarks drawn in."""
    drawn = pixels.copy()
    width = max(1, round(max(pixels.shape) / 1200))
    for polygon, colour in ((view.facade_xy(), START), *((mask, MARK) for mask in view.masks)):
        if polygon:
            cv2.polylines(drawn, [np.rint(polygon).astype(np.int32)], True, colour, 2 * width, cv2.LINE_AA)
    if view.calibration is None:
        return drawn
    grid = view.calibration.grid
    for floor in grid.numbers:
        for window in range(1, grid.windows + 1):
            outline = np.rint(view.window_xy(floor, window)).astype(np.int32)
            cv2.polylines(drawn, [outline], True, WINDOW, width, cv2.LINE_AA)
        place = (int(outline[1][0]) + 4, int(outline[1][1]))
        letters = cv2.FONT_HERSHEY_SIMPLEX
        cv2.putText(drawn, f"{floor}F", place, letters, 0.5 * width, WINDOW, width, cv2.LINE_AA)
    for mark in view.calibration.landmarks:
        cv2.drawMarker(drawn, (round(mark.x), round(mark.y)), TRACK, cv2.MARKER_CROSS, 12 * width, 2 * width)
    return drawn


def likely(where: Iterable[Origin]) -> list[Origin]:
    """Return the windows that are marked."""
    windows = [origin for origin in where if origin.floor is not None]
    return [origin for origin in windows if origin.p >= LIKELY][:MOST_MARKED] or windows[:1]


SAME_MOMENT_S = 0.01
"""Between a track's point and the picture that it was seen in."""


def _off(picture: Picture, moment: datetime) -> float:
    return abs((picture.at - moment).total_seconds())


def _reach(picture: Picture) -> int:
    return max(8, round(TRACK_MARGIN * max(picture.size_wh)))


def _corner(point: TrackPoint, reach: int) -> tuple[int, int]:
    return max(0, round(point.y) - reach // 2), max(0, round(point.x) - reach // 2)


def _apart(point: TrackPoint, seen: list[tuple[TrackPoint, Pixels]], picture: Picture) -> bool:
    return not seen or float(np.hypot(point.x - seen[-1][0].x, point.y - seen[-1][0].y)) >= _reach(picture)


def _around(picture: Picture, point: TrackPoint) -> Pixels:
    top, left = _corner(point, _reach(picture))
    reach = _reach(picture)
    part: Pixels = picture.pixels[top : top + reach, left : left + reach].copy()
    return part


def _drawn(
    pictures: Iterable[Picture], finding: Finding, masked: bool, view: FacadeView | None
) -> Iterator[Picture]:
    for picture in pictures:
        pixels = draw(picture, finding, masked=masked, view=view, until=picture.at)
        yield Picture(pixels=pixels, at=picture.at)
        del picture, pixels  # While the next one is decoded: 12 MB in full HD.


def _masked(picture: Picture, finding: Finding, view: FacadeView | None) -> Pixels:
    width, height = picture.size_wh
    cell = max(width, height) / MASK_CELLS
    cells_wh = max(1, round(width / cell)), max(1, round(height / cell))
    coarse = cv2.resize(picture.pixels, cells_wh, interpolation=cv2.INTER_AREA)
    pixels = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
    return cv2.copyTo(picture.pixels, _kept(picture, finding, view), pixels).astype(np.uint8)


def _kept(picture: Picture, finding: Finding, view: FacadeView | None) -> Pixels:
    """Return 255 where the picture stays recognisable, else 0 (height × width)."""
    size_wh = picture.size_wh
    keep = np.zeros((size_wh[1], size_wh[0]), np.uint8)
    if finding.track:
        reach = _reach(picture)
        cv2.polylines(keep, [_corners(finding.track)], False, 255, 2 * reach)
        for point in finding.track[:: max(1, len(finding.track) - 1)]:
            cv2.circle(keep, (round(point.x), round(point.y)), reach, 255, -1)
        if view is not None:
            windows = [view.window_xy(one.floor, one.window) for one in likely(finding.where)]
            for polygon in filter(None, (view.facade_xy(), *windows)):
                cv2.fillPoly(keep, [np.rint(polygon).astype(np.int32)], 255)
    elif finding.box_xyxy is not None:
        left, top, right, bottom = finding.box_xyxy
        dx, dy = BOX_MARGIN * (right - left), BOX_MARGIN * (bottom - top)
        left, top, right, bottom = _clipped((left - dx, top - dy, right + dx, bottom + dy), size_wh)
        keep[top : bottom + 1, left : right + 1] = 255
    return keep


def _draw_windows(pixels: Pixels, view: FacadeView, origins: list[Origin], width: int) -> None:
    """Outline windows, each with its floor, number and probability to its right."""
    scale = max(0.35, pixels.shape[0] / 1800)
    for origin in origins:
        polygon = view.window_xy(origin.floor, origin.window)
        if not polygon:
            continue
        cv2.polylines(pixels, [np.rint(polygon).astype(np.int32)], True, WINDOW, width, cv2.LINE_AA)
        number = "" if origin.window is None else f"-{origin.window}"
        place = round(max(x for x, _ in polygon)) + 6, round(sum(y for _, y in polygon) / len(polygon))
        _write_beside(pixels, f"{origin.floor}F{number} {origin.p:.0%}", place, scale)


def _write_beside(pixels: Pixels, text: str, place: tuple[int, int], scale: float) -> None:
    """Write on a dark ground, so that it can be read on every wall; at the picture's edge, before it."""
    letters = cv2.FONT_HERSHEY_SIMPLEX
    (width, height), base = cv2.getTextSize(text, letters, scale, 1)
    x, y = min(place[0], pixels.shape[1] - width - 3), place[1]
    cv2.rectangle(pixels, (x - 3, y - height - 3), (x + width + 3, y + base + 1), (25, 25, 25), -1)
    cv2.putText(pixels, text, (x, y), letters, scale, WINDOW, 1, cv2.LINE_AA)


def _draw_track(pixels: Pixels, track: list[TrackPoint], width: int) -> None:
    if not track:
        return
    cv2.polylines(pixels, [_corners(track)], False, TRACK, width, cv2.LINE_AA)
    for point, colour in ((track[0], START), (track[-1], MARK)):
        cv2.circle(pixels, (round(point.x), round(point.y)), 4 * width, colour, width, cv2.LINE_AA)


def _corners(track: Iterable[TrackPoint]) -> NDArray[np.int32]:
    return np.array([(round(point.x), round(point.y)) for point in track], np.int32).reshape(-1, 1, 2)


def _write_line(pixels: Pixels, text: str) -> None:
    """Write light letters on a dark strip along the upper edge, as wide as they fit."""
    letters = cv2.FONT_HERSHEY_SIMPLEX
    (full, _), _ = cv2.getTextSize(text, letters, 1.0, 1)
    scale = min(pixels.shape[0] / 720 + 0.2, 0.96 * pixels.shape[1] / full)
    (_, height), base = cv2.getTextSize(text, letters, scale, 1)
    strip = pixels[: height + base + 6]
    strip[:] = strip // 3
    cv2.putText(pixels, text, (4, height + 4), letters, scale, (255, 255, 255), 1, cv2.LINE_AA)


def _clipped(box: BoxXyxy, size_wh: tuple[int, int]) -> tuple[int, int, int, int]:
    width, height = size_wh
    left, right = (min(max(round(x), 0), width - 1) for x in (box[0], box[2]))
    top, bottom = (min(max(round(y), 0), height - 1) for y in (box[1], box[3]))
    return left, top, right, bottom
