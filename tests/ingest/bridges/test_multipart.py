"""Multipart bodies as cameras send them, whole and in pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridwatch.errors import UnreadableMessage
from ingest.bridges.multipart import MOST_BYTES, Part, Parts, boundary_of

STREAM = (
    b"--myboundary\r\nContent-Type: text/plain\r\nContent-Length: 39\r\n\r\n"
    b"Code=VideoMotion;action=Start;index=0\r\n\r\n"
    b"--myboundary\r\nContent-Type: text/plain\r\nContent-Length:9\r\n\r\nHeartbeat\r\n\r\n"
    b"--myboundary\r\nContent-Type: image/jpeg\r\nContent-Length: 6\r\n\r\n\xff\xd8--\r\n\r\n"
)
BODIES = [b"Code=VideoMotion;action=Start;index=0\r\n", b"Heartbeat", b"\xff\xd8--\r\n"]


def read(stream: bytes, size: int, boundary: bytes = b"myboundary") -> list[Part]:
    """Read a whole stream in pieces."""
    parts = Parts(boundary)
    return [part for at in range(0, len(stream), size) for part in parts.feed(stream[at : at + size])]


@pytest.mark.parametrize("size", [1, 2, 7, 64, 1000])
def test_a_stream_is_the_same_parts_in_pieces_of_any_size(size: int) -> None:
    assert [part.body for part in read(STREAM, size)] == BODIES


def test_a_part_is_whole_as_soon_as_its_length_has_come() -> None:
    assert [part.body for part in read(STREAM[:-2], 1000)] == BODIES


def test_an_empty_line_after_the_boundary_and_a_second_beginning_after_an_end_are_taken() -> None:
    one = b"--boundary\r\n\r\nContent-Length: 4\r\n\r\n<a/>\r\n--boundary--\r\n\r\n"
    assert [part.body for part in read(one * 2, 5, b"boundary")] == [b"<a/>", b"<a/>"]


@pytest.mark.parametrize("said", ["Content-Length: 500\r\n", "Content-Length: many\r\n", ""])
def test_a_length_that_is_wrong_or_missing_ends_where_the_next_part_begins(said: str) -> None:
    stream = f"--b\r\nContent-Type: a/b\r\n{said}\r\nfirst\r\n--b\r\nContent-Length: 6\r\n\r\nsecond".encode()
    for size in (1, 1000):
        assert [part.body for part in read(stream, size, b"b")] == [b"first", b"second"]


def test_a_body_that_follows_its_headers_without_an_empty_line_is_not_taken_for_one_of_them() -> None:
    event = b"Code=FireWarning;action=Start;index=0\r\n"
    stream = b"--b\r\nContent-Type: text/plain\r\nContent-Length:39\r\n" + event + b"\r\n--b\r\nA: b\r\n\r\n"
    for size in (1, 5, 1000):
        assert [part.body for part in read(stream, size, b"b")] == [event]


def test_the_last_part_of_a_whole_body_needs_no_length() -> None:
    assert [p.body for p in Parts(b"b").feed(b"--b\r\nA: b\r\n\r\nall of it", last=True)] == [b"all of it"]


def test_what_does_not_end_is_refused_before_it_fills_the_memory() -> None:
    with pytest.raises(UnreadableMessage, match="at most"):
        read(b"--b\r\nContent-Length: 99999999999\r\n\r\n", 1000, b"b")
    with pytest.raises(UnreadableMessage, match="headers do not end"):
        read(b"--b\r\n" + b"a" * 10_000, 1000, b"b")
    with pytest.raises(UnreadableMessage, match="more than"):
        read(b"--b\r\nA: b\r\n\r\n" + bytes(MOST_BYTES + 100), 1_000_000, b"b")


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/x-mixed-replace; boundary=myboundary", b"myboundary"),
        ("multipart/mixed; boundary=boundary", b"boundary"),
        ('multipart/form-data; charset=utf-8; boundary="--MIME_boundary"', b"MIME_boundary"),
    ],
)
def test_the_boundary_is_read_as_devices_write_it(content_type: str, boundary: bytes) -> None:
    assert boundary_of(content_type) == boundary


def test_a_stream_without_a_boundary_is_refused() -> None:
    with pytest.raises(UnreadableMessage, match="names no boundary"):
        boundary_of("text/html")


@given(data=st.binary(max_size=300), size=st.integers(1, 50), length=st.integers(0, 400))
def test_arbitrary_bytes_are_read_or_refused(data: bytes, size: int, length: int) -> None:
    stream = b"--b\r\nContent-Length: %d\r\n\r\n" % length + data + b"--b\r\nX: y\r\n\r\n" + data
    for part in read(stream, size, b"b"):
        assert len(part.body) <= len(stream)
