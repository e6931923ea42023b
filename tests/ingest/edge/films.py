"""Films for network cameras, and where they are read from."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np

from gridwatch.model import Picture
from ingest.edge.cameras import Kind, Source
from simulators.facade import draw_throw_take, film
from simulators.network_camera import Film, NetworkCamera, encode_film

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
FPS = 25


def moving_bar(size_wh: tuple[int, int] = (320, 240), count: int = 50) -> Iterator[Picture]:
    """Yield pictures in which a bar moves on by four pixels each."""
    width, height = size_wh
    blocks = np.random.default_rng(1).integers(40, 200, (height // 16, width // 16, 3), dtype=np.uint8)
    still = np.kron(blocks, np.ones((16, 16, 1), np.uint8))
    for number in range(count):
        pixels = still.copy()
        pixels[:20, 4 * number % width :][:, :20] = 255
        yield Picture(pixels=pixels, at=START + timedelta(seconds=number / FPS))


def bar_film(size_wh: tuple[int, int] = (320, 240), count: int = 50) -> Film:
    """Return the film of a moving bar."""
    return encode_film(moving_bar(size_wh, count), fps=FPS, key_every_s=0.4)


def dark_film() -> Film:
    """Return the film of a camera whose lens is covered: black, with the noise of its sensor."""
    rng = np.random.default_rng(2)
    dark = (rng.integers(8, 14, (240, 320, 3), dtype=np.uint8) for _ in range(50))
    return encode_film((Picture(pixels=pixels, at=START) for pixels in dark), fps=FPS)


def throw_pictures() -> list[Picture]:
    """Return eight seconds of a façade; a box falls from 3.7 s on, after nearly a second shown backward."""
    take = draw_throw_take(
        np.random.default_rng(8),
        duration_s=8,
        fps=FPS,
        size_wh=(480, 360),
        throws=True,
        thing="box",
        disturbers={},
    )
    pictures = film(take, start=START).pictures
    longer = [*pictures[20:0:-1], *pictures][: 8 * FPS]
    return [
        Picture(pixels=picture.pixels, at=START + timedelta(seconds=number / FPS))
        for number, picture in enumerate(longer)
    ]


def source_of(camera: NetworkCamera, login: str | None = None) -> Source:
    """Return where a camera is read."""
    return Source(kind=Kind.NETWORK, place=camera.url, login=login)
