"""Rendered pictures of lift cabins and their truth."""

import numpy as np
import pytest

from simulators.cabin import mesh
from simulators.cabin.mesh import Mesh
from simulators.cabin.party import PARTIES
from simulators.cabin.still import STILLS_PER_CABIN, build_site, render_cabin

SIZE_WH, SMALL_WH = (160, 120), (64, 48)


def volume(shape: Mesh) -> float:
    """Return what a closed surface encloses, positive where its corners go round as they should."""
    a, b, c, d = (shape.quads[:, corner].astype(float) for corner in range(4))
    six = np.einsum("ij,ij->i", a, np.cross(b, c)) + np.einsum("ij,ij->i", a, np.cross(c, d))
    return float(six.sum() / 6)


@pytest.mark.parametrize(
    ("shape", "litres"),
    [
        (mesh.block((0, 0, 0), (0.1, 0.2, 0.3), mesh.DARK), 6.0),
        (mesh.tube((0, 0, 0), (0, 0, 1), 0.1, mesh.DARK, sides=24), 31.1),
        (mesh.tube((1, 0, 0), (0, 1, 1), 0.1, mesh.DARK, sides=24), 31.1 * 3**0.5),
        (mesh.ball((1, 1, 1), (0.1, 0.1, 0.1), mesh.DARK, rows=20, sides=24), 4.1),
        (mesh.tower([(0, 0, 0.1, 0.2), (1, 0, 0.1, 0.2)], mesh.DARK, sides=24), 62.1),
        (mesh.hull([(1, 0, 0.1, 0.1, 0.1), (0, 0, 0.1, 0.1, 0.1)], mesh.DARK), 18.8),
        (mesh.tyre(0, 0, 0.3, 0.1, thick=0.1, turns=48), 13.3),
    ],
)
def test_a_solid_is_closed_and_faces_outwards(shape: Mesh, litres: float) -> None:
    assert volume(shape) * 1000 == pytest.approx(litres, rel=0.03)


def test_the_same_seed_renders_the_same_picture_in_any_order() -> None:
    one, _, again = (render_cabin(seed, size_wh=SIZE_WH) for seed in (5, 400, 5))
    assert np.array_equal(one.pixels, again.pixels)
    assert one.things == again.things


def test_an_empty_cabin_shows_nothing() -> None:
    still = render_cabin(3, size_wh=SIZE_WH, shows=())
    assert still.things == ()
    assert not still.mask.any()


@pytest.mark.parametrize("kind", PARTIES)
def test_what_is_shown_is_in_the_truth_with_a_tight_box(kind: str) -> None:
    stills = [render_cabin(seed, size_wh=SIZE_WH, shows=[kind]) for seed in range(8)]
    assert sum(kind in still.labels for still in stills) >= 5
    for still in stills:
        for thing in still.things:
            rows, columns = np.nonzero(still.mask == thing.number)
            assert thing.box_xyxy == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert thing.share == pytest.approx(len(rows) / still.mask.size)


def test_what_changes_against_the_empty_cabin_is_mostly_what_the_mask_says() -> None:
    bare = render_cabin(12, size_wh=SIZE_WH, shows=(), as_cctv=False)
    still = render_cabin(12, size_wh=SIZE_WH, shows=["ebike"], as_cctv=False)
    changed = np.abs(still.pixels.astype(int) - bare.pixels).max(axis=2) > 40
    assert (changed & (still.mask > 0)).sum() > 0.5 * (still.mask > 0).sum()


def test_a_covered_lens_shows_nothing_and_says_so() -> None:
    seeds = range(60)  # one in 33 is covered
    covered = [still for seed in seeds if (still := render_cabin(seed, size_wh=SMALL_WH)).lens_covered]
    assert covered
    assert all(not still.things for still in covered)


def test_bars_are_black_and_the_boxes_lie_between_them() -> None:
    number, inner = next((n, _inner(n)) for n in range(60) if _inner(n)[2:] != SIZE_WH)
    seed, (x, y, width, height) = STILLS_PER_CABIN * number, inner
    still = render_cabin(seed, size_wh=SIZE_WH, shows=["wheelchair"])
    dark = still.pixels.copy()
    dark[y : y + height, x : x + width] = 0
    assert np.median(dark) < 30
    assert all(x <= thing.box_xyxy[0] and thing.box_xyxy[2] <= x + width for thing in still.things)


def _inner(cabin: int) -> tuple[int, int, int, int]:
    return build_site(np.random.default_rng([7, cabin]), SIZE_WH).cctv.inner(SIZE_WH)
