"""Look at an encoded picture before memory is taken for it: its format, and the size its header claims."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from gridwatch.errors import UnreadableMedia

PNG_START = b"\x89PNG\r\n\x1a\n"
JPEG_START = b"\xff\xd8"

MIN_SIDE = 16
"""Pixels. Below it nothing can be recognised, and image operations with a neighbourhood fail."""

# Start-of-frame markers (ITU-T T.81, table B.1): C0-CF without DHT (C4), JPG (C8) and DAC (CC).
FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD8)})
COMMENT_MARKER = 0xFE

PRESET = b"preset="
"""How a comment in a picture begins that names where a turning camera looks."""
LONGEST_PRESET = 64
"""Characters."""
COMMENTS_WITHIN = 262_144
"""Bytes from the start of a picture in which its comments are looked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureHeader:
    """What the first bytes of a picture claim. `size_wh` in pixels, as stored, before any rotation."""

    format: Literal["jpeg", "png"]
    size_wh: tuple[int, int]


def read_header(data: bytes, *, max_pixels: int) -> PictureHeader:
    """Return what the header of a JPEG or PNG claims.

    Raises UnreadableMedia where it is neither, or claims more than `max_pixels` or a side below MIN_SIDE.
    """
    if not data:
        raise UnreadableMedia("the picture is empty")
    if data.startswith(PNG_START):
        header = PictureHeader(format="png", size_wh=_png_size(data))
    elif data.startswith(JPEG_START):
        header = PictureHeader(format="jpeg", size_wh=_jpeg_size(data))
    else:
        raise UnreadableMedia(f"neither JPEG nor PNG: it starts with {data[:8].hex(' ')}")
    check_size(header.size_wh, max_pixels=max_pixels)
    return header


def check_size(size_wh: tuple[int, int], *, max_pixels: int) -> None:
    """Raise UnreadableMedia where a picture of this size is too large or too small to be looked at."""
    width, height = size_wh
    if min(size_wh) < MIN_SIDE:
        raise UnreadableMedia(f"{width}×{height} pixels is too small: a side needs at least {MIN_SIDE}")
    if width * height > max_pixels:
        raise UnreadableMedia(f"{width}×{height} pixels is too large: at most {max_pixels:,} are taken")


def read_preset(data: bytes) -> str:
    """Return the preset that a comment `preset=NAME` in a JPEG or PNG names; empty where none does.

    A comment is part of the picture: it passes brokers of any version, files and programs that know nothing
    of it. Raises UnreadableMedia for a name that is no text or too long.
    """
    start = data[:COMMENTS_WITHIN]
    for comment in _jpeg_comments(start) if start.startswith(JPEG_START) else _png_comments(start):
        if comment.startswith(PRESET):
            try:
                name = comment[len(PRESET) :].rstrip(b"\0").decode()
            except UnicodeDecodeError as error:
                raise UnreadableMedia("the name of the preset is not UTF-8") from error
            if len(name) > LONGEST_PRESET or not name.isprintable():
                raise UnreadableMedia(
                    f"the preset's name has {len(name)} characters: use up to {LONGEST_PRESET} printable ones"
                )
            return name
    return ""


def with_preset(jpeg: bytes, name: str) -> bytes:
    """Return a JPEG that names the preset in a comment, as a turning camera's gateway would send it."""
    comment = PRESET + name.encode()
    segment = bytes((0xFF, COMMENT_MARKER)) + (len(comment) + 2).to_bytes(2) + comment
    return JPEG_START + segment + jpeg[len(JPEG_START) :]


def _jpeg_comments(data: bytes) -> Iterator[bytes]:
    at = len(JPEG_START)
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] not in (0xDA, 0xD9):
        marker = data[at + 1]
        if marker == 0xFF or marker in BARE_MARKERS:
            at += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4])
        if marker == COMMENT_MARKER:
            yield data[at + 4 : at + 2 + length]
        at += 2 + length


def _png_comments(data: bytes) -> Iterator[bytes]:
    at = len(PNG_START)
    while at + 8 <= len(data) and (kind := data[at + 4 : at + 8]) != b"IDAT":
        length = int.from_bytes(data[at : at + 4])
        if kind == b"tEXt":
            yield data[at + 8 : at + 8 + length].partition(b"\0")[2]
        at += 12 + length


def _png_size(data: bytes) -> tuple[int, int]:
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise UnreadableMedia("broken PNG: it does not begin with its header chunk")
    return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            raise UnreadableMedia(f"broken JPEG: no marker at byte {at}")
        marker = data[at + 1]
        if marker in FRAME_MARKERS:
            return int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7])
        if marker in (0xDA, 0xD9):
            raise UnreadableMedia("broken JPEG: its data begins before its size is known")
        if marker == 0xFF or marker in BARE_MARKERS:
            at += 1 if marker == 0xFF else 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4])
    raise UnreadableMedia("truncated JPEG: it ends before its size is known")
