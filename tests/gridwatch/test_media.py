"""Pictures and videos that are broken, hostile or odd are told from those that are not."""

import io
import os
import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from gridwatch.errors import UnreadableMedia
from gridwatch.media import encode_jpeg, encode_mp4, read_picture, read_video
from gridwatch.model import Picture, Pixels
from gridwatch.picture_format import read_preset, with_preset

START = datetime(2026, 3, 1, 8, tzinfo=UTC)


def noise(size_wh: tuple[int, int] = (320, 240), seed: int = 0) -> Pixels:
    """Return a picture with enough detail that no part of its file is idle."""
    raw = np.random.default_rng(seed).integers(0, 256, (size_wh[1], size_wh[0], 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(raw, (0, 0), 2), dtype=np.uint8)


def png(width: int, height: int, raw: bytes) -> bytes:
    """Return a PNG whose header and data need not agree."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def moving(count: int, *, fps: float = 25, size_wh: tuple[int, int] = (160, 120)) -> Iterator[Picture]:
    """Yield pictures over which a bright square moves to the right."""
    for index in range(count):
        pixels = np.full((size_wh[1], size_wh[0], 3), 60, np.uint8)
        pixels[40:60, index % 100 : index % 100 + 20] = 220
        yield Picture(pixels=pixels, at=START + timedelta(seconds=index / fps))


def matroska(sizes: list[tuple[int, int]], pts: list[int | None], codec: str) -> bytes:
    """Return a Matroska video with pictures of these sizes at these milliseconds."""
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as container:
        stream: Any = container.add_stream(codec, rate=25)
        stream.width, stream.height = sizes[0]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for index, (size, moment) in enumerate(zip(sizes, pts, strict=True)):
            packet = av.Packet(encode_jpeg(noise(size, index)))
            packet.stream = stream
            packet.time_base = Fraction(1, 1000)
            packet.pts = packet.dts = moment
            packet.is_keyframe = True
            container.mux(packet)
    return out.getvalue()


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_sound_picture_is_read_as_it_was(suffix: str) -> None:
    original = noise()
    data = cv2.imencode(suffix, original)[1].tobytes()
    assert np.abs(read_picture(data).astype(int) - original).mean() < 3


def test_a_progressive_jpeg_is_read() -> None:
    data = cv2.imencode(".jpg", noise(), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    assert read_picture(data).shape == (240, 320, 3)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("empty", b"", "empty"),
        ("text", b"temperature 24.1\n" * 50, "neither JPEG nor PNG"),
        ("half a JPEG", encode_jpeg(noise())[:9000], "truncated or damaged"),
        ("half a JPEG with an end marker", encode_jpeg(noise())[:9000] + b"\xff\xd9", "truncated or damaged"),
        ("only a JPEG's first bytes", encode_jpeg(noise())[:20], "truncated"),
        ("half a PNG", png(64, 64, bytes(193 * 64))[:60], "truncated or damaged"),
        ("a huge PNG", png(40_000, 40_000, b""), "too large"),
        ("a PNG of no width", png(0, 64, b""), "too small"),
    ],
)
def test_what_is_no_whole_picture_is_refused_with_its_reason(
    name: str, data: bytes, reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UnreadableMedia, match=reason):
        read_picture(data)
    assert capfd.readouterr().err == "", f"{name}: a decoder wrote to stderr"


def test_a_jpeg_whose_header_lies_about_its_size_is_refused() -> None:
    data = bytearray(encode_jpeg(noise()))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", 4000, 4000)
    with pytest.raises(UnreadableMedia):
        read_picture(bytes(data))


def test_any_cut_of_a_jpeg_is_refused() -> None:
    data = encode_jpeg(noise((64, 48)))
    for length in range(0, len(data) - 2, 97):
        with pytest.raises(UnreadableMedia):
            read_picture(data[:length])


def test_a_png_with_fewer_rows_than_its_header_claims_is_refused() -> None:
    with pytest.raises(UnreadableMedia):
        read_picture(png(64, 640, bytes(193 * 64)))


def test_a_huge_png_takes_no_memory() -> None:
    program = (
        "import resource, struct, zlib, sys\n"
        "from gridwatch.media import read_picture\n"
        "from gridwatch.errors import UnreadableMedia\n"
        "body = struct.pack('>IIBBBBB', 40000, 40000, 8, 2, 0, 0, 0)\n"
        "data = b'\\x89PNG\\r\\n\\x1a\\n' + struct.pack('>I', 13) + b'IHDR' + body\n"
        "data += struct.pack('>I', zlib.crc32(b'IHDR' + body)) + bytes(10_000)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    read_picture(data)\nexcept UnreadableMedia:\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    unit = 1024 if sys.platform == "darwin" else 1
    assert int(done.stdout) / unit < 20_000, "kB grown"


def test_a_video_comes_back_with_its_times() -> None:
    data = encode_mp4(moving(30, fps=12.5))
    pictures = list(read_video(data, start=START))
    assert [round((p.at - START).total_seconds(), 3) for p in pictures] == [
        round(i / 12.5, 3) for i in range(30)
    ]
    assert pictures[0].size_wh == (160, 120)
    assert pictures[10].pixels[50, 20].mean() > 180
    assert pictures[10].pixels[50, 100].mean() < 100


def test_a_written_video_is_what_browsers_play_while_it_loads() -> None:
    data = encode_mp4(moving(10, size_wh=(161, 121)))
    assert 0 < data.index(b"moov") < data.index(b"mdat")
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height) == (160, 120)


def test_irregular_times_survive_a_video() -> None:
    seconds = [0, 0.04, 0.5, 0.52, 2.0]
    pictures = [
        Picture(pixels=noise((64, 64), index), at=START + timedelta(seconds=at))
        for index, at in enumerate(seconds)
    ]
    read = list(read_video(encode_mp4(pictures), start=START))
    assert [(p.at - START).total_seconds() for p in read] == pytest.approx(seconds, abs=0.001)


def test_one_picture_makes_a_video_and_none_does_not() -> None:
    assert len(list(read_video(encode_mp4(moving(1)), start=START))) == 1
    with pytest.raises(ValueError, match="at least one"):
        encode_mp4([])


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "can't be opened"), (b"not a video\n" * 100, "can't be opened"), (os.urandom(5000), "can't be")],
)
def test_what_is_no_video_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableMedia, match=reason):
        list(read_video(data, start=START))


def test_a_file_that_is_not_there_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(UnreadableMedia, match=r"gone\.mp4"):
        list(read_video(tmp_path / "gone.mp4", start=START))


def test_a_video_without_pictures_is_refused() -> None:
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(UnreadableMedia, match="no video stream"):
        list(read_video(out.getvalue(), start=START))


def test_a_video_that_holds_half_of_what_it_declares_is_refused_after_its_pictures() -> None:
    data = encode_mp4(
        Picture(pixels=noise((96, 96), i), at=START + timedelta(seconds=i / 25)) for i in range(60)
    )
    pictures = read_video(data[: len(data) * 55 // 100], start=START)
    seen: list[Picture] = []
    with pytest.raises(UnreadableMedia, match="declares 60 pictures"):
        seen.extend(pictures)
    assert 20 < len(seen) < 40


def test_a_video_that_lacks_its_last_pictures_is_taken(shared_data: Path) -> None:
    """Its container declares 750 pictures and 748 decode."""
    pictures = sum(1 for _ in read_video(shared_data / "throwing/bgslibrary/video02.avi", start=START))
    assert pictures == 748


def test_a_cut_matroska_is_refused() -> None:
    data = matroska([(64, 64)] * 50, [i * 40 for i in range(50)], "mjpeg")
    with pytest.raises(UnreadableMedia, match="truncated"):
        list(read_video(data[: len(data) // 3], start=START))


def test_all_pictures_have_the_first_ones_size_though_the_stream_changes_it() -> None:
    data = matroska([(64, 64)] * 3 + [(128, 96)] * 3, [0, 40, 80, 120, 160, 200], "mjpeg")
    assert [p.size_wh for p in read_video(data, start=START)] == [(64, 64)] * 6


def test_a_stream_that_grows_beyond_the_limit_is_refused() -> None:
    data = matroska([(64, 64)] * 3 + [(640, 480)] * 9, [i * 40 for i in range(12)], "mjpeg")
    with pytest.raises(UnreadableMedia):
        list(read_video(data, start=START, max_pixels=10_000))


def test_a_video_larger_than_allowed_is_refused() -> None:
    with pytest.raises(UnreadableMedia, match=r"too large|can't be opened"):
        list(read_video(encode_mp4(moving(3)), start=START, max_pixels=10_000))


def test_a_video_longer_than_allowed_is_refused() -> None:
    with pytest.raises(UnreadableMedia, match="at most"):
        list(read_video(encode_mp4(moving(50)), start=START, max_duration=timedelta(seconds=1)))


def test_times_grow_though_the_file_repeats_them() -> None:
    data = matroska([(64, 64)] * 5, [0, 40, 40, 40, 160], "mjpeg")
    times = [p.at for p in read_video(data, start=START)]
    assert len(times) == 5
    assert times == sorted(set(times))


def test_a_long_video_is_decoded_one_picture_at_a_time() -> None:
    data = encode_mp4(moving(300, size_wh=(640, 480)))
    pictures = read_video(data, start=START)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert sum(1 for _ in pictures) == 300
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kb < 100_000, "300 pictures together are 276 MB"


def test_a_picture_tells_the_preset_that_a_comment_in_it_names() -> None:
    jpeg = encode_jpeg(noise())
    named = with_preset(jpeg, "北坡 2")
    assert read_preset(named) == "北坡 2"
    assert read_preset(jpeg) == ""
    assert np.array_equal(read_picture(named), read_picture(jpeg))
    text = b"Comment\0preset=north"
    chunk = len(text).to_bytes(4) + b"tEXt" + text + zlib.crc32(b"tEXt" + text).to_bytes(4)
    plain = cv2.imencode(".png", noise())[1].tobytes()
    commented = plain[:33] + chunk + plain[33:]
    assert read_preset(commented) == "north"
    assert read_preset(plain) == ""
    assert np.array_equal(read_picture(commented), read_picture(plain))


@pytest.mark.parametrize("name", ["x" * 65, "a\nb", b"\xff\xfe"])
def test_a_preset_that_is_no_name_is_refused(name: str | bytes) -> None:
    jpeg = encode_jpeg(noise())
    comment = b"preset=" + (name if isinstance(name, bytes) else name.encode())
    segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2) + comment
    with pytest.raises(UnreadableMedia, match="preset"):
        read_preset(jpeg[:2] + segment + jpeg[2:])


def test_no_bytes_make_looking_for_a_preset_fail_otherwise() -> None:
    rng = np.random.default_rng(4)
    whole = with_preset(encode_jpeg(noise()), "north")
    for _ in range(300):
        broken = bytearray(whole[: int(rng.integers(2, 400))])
        for at in rng.integers(2, len(broken) + 1, 4):
            broken[min(int(at), len(broken) - 1)] = int(rng.integers(256))
        with suppress(UnreadableMedia):
            read_preset(bytes(broken))
