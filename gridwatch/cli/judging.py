"""Run a scene's detector on files, each judged alone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from detectors import CAMERA_DETECTORS, DetectorOptions
from detectors.protocol import CameraDetector
from gridwatch.cli.folder import in_time
from gridwatch.errors import DetectorError, SettingsError, UnreadableMedia
from gridwatch.facade import FacadeView, with_origin
from gridwatch.media import read_picture, read_video
from gridwatch.model import EARLIEST, Finding, Picture, latest
from gridwatch.picture_format import JPEG_START, PNG_START, read_preset
from gridwatch.scenes import alarm_severity

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
"""Of the files in a directory that are taken for its pictures."""

LARGEST_PICTURE_FILE = 100_000_000
"""Bytes. A PNG of MAX_PIXELS that can't be packed is somewhat larger than any camera writes."""

FILE_START = EARLIEST
"""When every file is said to begin: a detector sees only differences, and only those are printed."""


def detect(
    scene: str,
    paths: Sequence[Path],
    *,
    interval_s: float | None = None,
    options: DetectorOptions | None = None,
    view: FacadeView | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield one line per path, in their order; each is judged alone, by a camera that has this view.

    A line is `{"file", "duration_s", "findings", "notes"}`, or `{"file", "error"}` where it can't be read.
    The pictures of a folder are one sequence, `interval_s` apart or as their names tell.
    Raises SettingsError for an unknown scene or interval, DetectorError where the detector can't be built.
    """
    if scene not in CAMERA_DETECTORS:
        raise SettingsError(f"--scene {scene}: use {', '.join(CAMERA_DETECTORS)}")
    if interval_s is not None and not 0 < interval_s <= 86_400:
        raise SettingsError(f"--interval {interval_s}: use more than 0 and at most 86400 seconds")
    detector = CAMERA_DETECTORS[scene](options or DetectorOptions())
    for path in paths:
        try:
            duration, findings = _judge_path(detector, path, interval_s, view)
        except (UnreadableMedia, DetectorError) as error:
            yield {"file": str(path), "error": str(error)}
            continue
        yield {"file": str(path), "duration_s": _rounded(duration), **_sorted_out(scene, findings)}


def _judge_path(
    detector: CameraDetector[Any], path: Path, interval_s: float | None, view: FacadeView | None
) -> tuple[timedelta, Sequence[Finding]]:
    if path.is_dir():
        interval = None if interval_s is None else timedelta(seconds=interval_s)
        return _judge_sequence(detector, _folder(path, interval), view)
    if _is_picture(path):
        pixels = read_picture(_content(path))
        return timedelta(), detector.judge(Picture(pixels=pixels, at=FILE_START))
    return _judge_sequence(detector, read_video(path, start=FILE_START), view)


def _judge_sequence(
    detector: CameraDetector[Any], pictures: Iterable[Picture], view: FacadeView | None
) -> tuple[timedelta, Sequence[Finding]]:
    """Return how long the pictures last, the last one as long as the others on average, and the findings."""
    state = detector.new_state(view)
    findings: list[Finding] = []
    count, last, size_wh = 0, FILE_START, (0, 0)
    for picture in pictures:
        findings += detector.see(state, picture)
        count, last, size_wh = count + 1, picture.at, picture.size_wh
    findings += detector.finish(state)
    between = (last - FILE_START) / (count - 1) if count > 1 else timedelta()
    return last - FILE_START + between, [with_origin(finding, view, size_wh) for finding in latest(findings)]


def _folder(folder: Path, interval: timedelta | None) -> Iterator[Picture]:
    """Yield a folder's pictures in order of time; raise UnreadableMedia that names a broken one."""
    try:
        files = [path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES]
    except OSError as error:
        raise UnreadableMedia(f"{folder} can't be read: {error.strerror or error}") from error
    if not files:
        raise UnreadableMedia(f"{folder} holds no {', '.join(sorted(PICTURE_SUFFIXES))}")
    for file, moment in in_time(files, interval):
        content = _content(file)
        try:
            yield Picture(pixels=read_picture(content), at=moment, preset=read_preset(content))
        except UnreadableMedia as error:
            raise UnreadableMedia(f"{file.name}: {error}") from error


def _is_picture(path: Path) -> bool:
    """Tell by its first bytes; a file of neither kind is taken for a video, which then says why it is
    none."""
    try:
        with path.open("rb") as file:
            start = file.read(len(PNG_START))
    except OSError as error:
        raise UnreadableMedia(f"{path} can't be read: {error.strerror or error}") from error
    return start.startswith((JPEG_START, PNG_START))


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_PICTURE_FILE:
            raise UnreadableMedia(f"{path} is larger than {LARGEST_PICTURE_FILE // 1_000_000} MB")
        return path.read_bytes()
    except OSError as error:
        raise UnreadableMedia(f"{path} can't be read: {error.strerror or error}") from error


def _sorted_out(scene: str, findings: Iterable[Finding]) -> Mapping[str, list[dict[str, Any]]]:
    lines: dict[str, list[dict[str, Any]]] = {"findings": [], "notes": []}
    for finding in findings:
        raises = alarm_severity(scene, finding.label) is not None
        lines["findings" if raises else "notes"].append(_described(finding))
    return lines


def _described(finding: Finding) -> dict[str, Any]:
    box, track = finding.box_xyxy, finding.track
    return {
        "label": finding.label,
        "confidence": round(float(finding.confidence), 3),
        "t_start_s": _since_start(finding.started_at or finding.observed_at),
        "t_end_s": _since_start(finding.ended_at or finding.observed_at),
        "box_xyxy": None if box is None else [round(float(value), 1) for value in box],
        "track": [[_since_start(p.at), round(float(p.x), 1), round(float(p.y), 1)] for p in track],
        "where": [origin.as_json() for origin in finding.where],
        "criteria": {name: float(value) for name, value in finding.criteria.items()},
        "detector": finding.detector,
    }


def _since_start(moment: datetime) -> float:
    return _rounded(moment - FILE_START)


def _rounded(length: timedelta) -> float:
    return round(length.total_seconds(), 3)
