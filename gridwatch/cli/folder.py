"""The pictures of a folder as one sequence in the order of time."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gridwatch.model import EARLIEST

USUAL_INTERVAL = timedelta(seconds=1)
"""Between pictures that say nothing of their time, when nobody says how far apart they are."""

WRITTEN = re.compile(
    r"(?<!\d)(20\d\d)[-_.]?([01]\d)[-_.]?([0-3]\d)[-_.T ]{0,2}"
    r"([0-2]\d)[-_.:h]?([0-5]\d)[-_.:m]?([0-5]\d)(?!\d)"
)
"""2026-04-05T12-30-00, 20260405_123000 and the like; what zone it is does not matter here."""
UNIX = re.compile(r"(?<!\d)(9\d{8}|[1-3]\d{9})(\d{3})?(?!\d)")
"""Seconds or milliseconds since 1970, as in our topics."""


def in_time(files: Sequence[Path], interval: timedelta | None) -> list[tuple[Path, datetime]]:
    """Return files in order with the moments that their names tell, or with moments that are made.

    Where every name holds a time, and no two the same, these give the order; else the names do, numbers in
    them by their size. Moments are `interval` apart where one is given, else as names tell, else a second.
    """
    told = [_time_of(file.stem) for file in files]
    moments = [moment for moment in told if moment is not None]
    if len(set(moments)) == len(files):
        ordered = sorted(zip(moments, files, strict=True), key=lambda pair: pair[0])
        if interval is None:
            return [(file, EARLIEST + (moment - ordered[0][0])) for moment, file in ordered]
        files = [file for _, file in ordered]
    else:
        files = sorted(files, key=lambda file: _natural(file.name))
    step = interval or USUAL_INTERVAL
    return [(file, EARLIEST + number * step) for number, file in enumerate(files)]


def _time_of(name: str) -> datetime | None:
    if written := WRITTEN.search(name):
        try:
            return datetime.strptime("".join(written.groups()), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        except ValueError:
            return None
    if unix := UNIX.search(name):
        return datetime.fromtimestamp(int(unix[1]) + int(unix[2] or 0) / 1000, UTC)
    return None


def _natural(name: str) -> list[tuple[int, str]]:
    """Return what sorts names as people read them: picture-9 before picture-10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
