"""What was read is kept encoded, within bounds, and decodes to what the camera saw."""

import threading
from datetime import timedelta
from functools import partial

import numpy as np
import pytest

from ingest.edge.backlog import MOST_BEHIND, Backlog
from ingest.edge.encoded import KEPT, MOST_KEPT_BYTES, Codec, Decoder, Encoded, Ring, decoded
from simulators.network_camera import encode_film
from tests.ingest.edge.films import FPS, START, bar_film, moving_bar

CODEC = Codec("h264")


def encoded(number: int, *, is_key: bool = True, size: int = 10) -> Encoded:
    """Return a picture that only the queues look at."""
    return Encoded(codec=CODEC, at=START + timedelta(seconds=number / FPS), is_key=is_key, data=bytes(size))


def bar(count: int = 50) -> list[Encoded]:
    """Return an encoded film with a key picture every ten."""
    film = bar_film(count=count)
    return [
        Encoded(
            codec=CODEC,
            at=START + timedelta(seconds=number / FPS),
            is_key=number % 10 == 0,
            data=b"".join(b"\0\0\0\1" + unit for unit in units),
        )
        for number, units in enumerate(film.pictures)
    ]


def test_what_is_decoded_is_what_was_filmed_at_its_time() -> None:
    decoder = Decoder()
    pictures = [picture for one in bar() for picture in decoder.pictures(one)] + [*decoder.rest()]
    assert len(pictures) == 50
    for filmed, seen in zip(moving_bar(), pictures, strict=True):
        assert seen.at == filmed.at
        assert np.abs(seen.pixels.astype(int) - filmed.pixels).mean() < 12


def test_a_part_is_decoded_from_the_key_picture_before_it() -> None:
    ring = Ring()
    for one in bar():
        ring.add(one)
    first, last = START + timedelta(seconds=25 / FPS), START + timedelta(seconds=33 / FPS)
    kept = ring.since(first)
    assert kept[0].at == START + timedelta(seconds=20 / FPS)
    assert [picture.at for picture in decoded(kept, first=first, last=last)] == [
        START + timedelta(seconds=number / FPS) for number in range(25, 34)
    ]


def test_a_ring_is_bounded_in_time_and_bytes() -> None:
    ring = Ring()
    for number in range(int(KEPT.total_seconds()) * FPS + 200):
        ring.add(encoded(number))
    kept = ring.since(START)
    assert kept[-1].at - kept[0].at == KEPT
    for number in range(2000):
        ring.add(encoded(number, size=2**20))
    assert sum(len(one.data) for one in ring.since(START)) <= MOST_KEPT_BYTES


def test_a_ring_without_a_key_picture_shows_nothing() -> None:
    ring = Ring()
    ring.add(encoded(1, is_key=False))
    assert ring.since(START) == []


def test_a_damaged_picture_is_counted_and_the_next_are_seen() -> None:
    film, decoder = bar(20), Decoder()
    film[3] = Encoded(codec=CODEC, at=film[3].at, is_key=False, data=b"\0\0\0\1\x65" + bytes(range(200)))
    pictures = [picture for one in film for picture in decoder.pictures(one)]
    assert decoder.damaged >= 1
    assert pictures[-1].at == film[-1].at


def test_pictures_that_are_too_large_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.edge.encoded.MOST_PIXELS", 320 * 240 - 1)
    decoder = Decoder()
    assert [picture for one in bar(3) for picture in decoder.pictures(one)] == []
    assert decoder.damaged == 3


def test_a_live_source_loses_what_is_too_old_up_to_the_next_key_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backlog, most = Backlog(waits=False), round(MOST_BEHIND.total_seconds() * FPS)
    for number in range(most + 60):
        monkeypatch.setattr("ingest.edge.backlog.time.monotonic", partial(float, number / FPS))
        backlog.put(encoded(number, is_key=number % 50 == 0))
    first = backlog.get(timeout_s=0)
    assert first is not None
    assert first.is_key
    assert first.at == START + timedelta(seconds=(most // 50 + 1) * 50 / FPS)
    assert backlog.skipped == (most // 50 + 1) * 50


def test_a_camera_whose_time_jumps_is_not_behind() -> None:
    backlog = Backlog(waits=False)
    for number in (0, 1, 3600 * FPS, 2, 3):
        backlog.put(encoded(number, is_key=number == 0))
    assert backlog.behind < MOST_BEHIND
    taken = [backlog.get(timeout_s=0) for _ in range(5)]
    assert [one.at for one in taken if one] == [encoded(n).at for n in (0, 1, 3600 * FPS, 2, 3)]
    assert backlog.skipped == 0


def test_a_file_waits_until_it_is_judged() -> None:
    backlog, count = Backlog(waits=True), round(3 * MOST_BEHIND.total_seconds() * FPS)

    def read() -> None:
        for number in range(count):
            backlog.put(encoded(number))
        backlog.end()

    threading.Thread(target=read, daemon=True).start()
    seen = 0
    while not backlog.is_over:
        seen += backlog.get(timeout_s=10) is not None
    assert (seen, backlog.skipped) == (count, 0)


def test_nothing_comes_in_time_and_then_it_is_over() -> None:
    backlog = Backlog(waits=False)
    assert backlog.get(timeout_s=0.01) is None
    assert not backlog.is_over
    backlog.end()
    assert backlog.get(timeout_s=10) is None
    assert backlog.is_over


def test_a_film_that_changes_its_size_is_decoded_on() -> None:
    small, large = bar_film(), encode_film(moving_bar((480, 272), 5), fps=FPS)
    other = Codec("h264")
    decoder, sizes = Decoder(), []
    for codec, film in ((CODEC, small), (other, large)):
        for number, units in enumerate(film.pictures):
            data = b"".join(b"\0\0\0\1" + unit for unit in units)
            one = Encoded(
                codec=codec, at=START + timedelta(seconds=number / FPS), is_key=number == 0, data=data
            )
            sizes += [picture.size_wh for picture in decoder.pictures(one)]
    assert sizes.count((320, 240)) == 50
    assert sizes.count((480, 272)) == 5
