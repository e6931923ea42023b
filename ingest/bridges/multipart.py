"""Multipart bodies as cameras stream them: bytes in, parts out; no sockets.

RFC 2046 with what devices do to it: a boundary whose header has its dashes too, an empty line between the
boundary and the headers or none between these and the body, a Content-Length that is wrong, an end mark after
which further parts come.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gridwatch.errors import UnreadableMessage

MOST_BYTES = 8 * 2**20
"""Of one part: pictures of cameras are far below it."""

MOST_HEADER_BYTES = 8192

HEADER = re.compile(rb"[\w-]+[ \t]*:[^\n]*\n|[ \t][^\n]*\n")
"""A line of headers, or the rest of one that was folded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One part; names of headers in small letters."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def is_picture(self) -> bool:
        """Whether it is a JPEG, whatever its headers say."""
        return self.body.startswith(b"\xff\xd8")


def boundary_of(content_type: str) -> bytes:
    """Return the boundary that a Content-Type names; raise UnreadableMessage where it names none."""
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.strip().partition("=")
        if name.lower() == "boundary":
            boundary = value.strip().strip('"').lstrip("-").encode("ascii", "replace")
            if boundary:
                return boundary
    raise UnreadableMessage(f"Content-Type {content_type[:80]!r} names no boundary of a multipart body")


class Parts:
    """A multipart body as it comes, in pieces of any size. Holds at most one part that is not whole yet."""

    def __init__(self, boundary: bytes) -> None:
        self._mark = b"--" + boundary
        self._rest = bytearray()
        self._headers: dict[str, str] | None = None

    def feed(self, data: bytes, *, last: bool = False) -> list[Part]:
        """Return the parts that are whole with `data`; raises UnreadableMessage for one that is too large.

        A part without Content-Length is whole when the next one begins, or with the `last` piece.
        """
        self._rest += data
        parts = []
        while (part := self._next(last)) is not None:
            parts.append(part)
        return parts

    def _next(self, last: bool) -> Part | None:
        if self._headers is None and not self._read_headers():
            return None
        headers = self._headers or {}
        length = self._length(headers, last)
        if length is None:
            return None
        body = bytes(self._rest[:length])
        del self._rest[:length]
        self._headers = None
        return Part(headers=headers, body=body)

    def _read_headers(self) -> bool:
        """Read up to the first byte of a part's body; False while that has not come."""
        begin = self._rest.find(self._mark)
        if begin < 0:
            del self._rest[: max(0, len(self._rest) - len(self._mark))]
            return False
        at = begin + len(self._mark)
        if self._rest[at : at + 2] == b"--":
            at += 2
        while bytes(self._rest[at : at + 1]) in (b"\r", b"\n", b" "):
            at += 1
        if self._rest.startswith(self._mark, at):
            del self._rest[:at]
            return self._read_headers()
        end = at
        while (line := HEADER.match(self._rest, end)) is not None:
            end = line.end()
        is_whole = self._rest.find(b"\n", end) >= 0
        if (end if is_whole else len(self._rest)) - at > MOST_HEADER_BYTES:
            raise UnreadableMessage("a part of a multipart body whose headers do not end")
        if not is_whole:
            return False
        empty = next((line for line in (b"\r\n", b"\n") if self._rest.startswith(line, end)), b"")
        self._headers = _headers(bytes(self._rest[at:end]))
        del self._rest[: end + len(empty)]
        return True

    def _length(self, headers: Mapping[str, str], last: bool) -> int | None:
        """Return how long the body is that begins now; None while that can't be known."""
        next_mark = self._rest.find(self._mark)
        said = headers.get("content-length", "")
        if said.isascii() and said.isdigit():
            length = int(said)
            if length > MOST_BYTES:
                raise UnreadableMessage(f"a part of {length} bytes: at most {MOST_BYTES} are taken")
            if 0 <= next_mark < length:
                return len(bytes(self._rest[:next_mark]).rstrip(b"\r\n"))
            if len(self._rest) >= length:
                return length
        elif next_mark >= 0:
            return len(bytes(self._rest[:next_mark]).rstrip(b"\r\n"))
        if len(self._rest) > MOST_BYTES:
            raise UnreadableMessage(f"a part of more than {MOST_BYTES} bytes")
        return len(self._rest) if last and self._rest else None


def _headers(raw: bytes) -> dict[str, str]:
    lines = raw.decode("utf-8", "replace").splitlines()
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
