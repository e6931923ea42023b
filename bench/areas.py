"""How long a point takes to find its smallest area, and a whole district to be imported."""

import json
import time
from dataclasses import dataclass
from random import Random

from bench.show import show
from bench.spread import Row, quantile
from gridwatch.areas.checking import fit_in
from gridwatch.areas.generating import MODELS, generate
from gridwatch.areas.reading import FileFormat, read_areas
from gridwatch.areas.tree import AreaTree
from gridwatch.areas.writing import write_areas

LOOKUP_TARGET_MS = 1.0
EAST_WEST, SOUTH_NORTH = (103.74, 104.10), (30.41, 30.73)
"""Around the district; some of the points lie outside of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How many points are looked up in one district."""

    points: int = 20_000
    seed: int = 1


FULL = Sizes()
QUICK = Sizes(points=500)


@dataclass(frozen=True, kw_only=True, slots=True)
class Areas:
    """What looking up and checking take."""

    polygons: int
    inside: int
    lookup_ms: dict[str, float]
    """Quantiles: p50, p99, p100."""
    build_s: float
    read_s: float
    check_s: float
    file_mib: float


def measure(sizes: Sizes) -> Areas:
    """Make a district, read and check its file, build the tree, look points up one by one."""
    content = write_areas(generate(MODELS["shuangliu"], seed=sizes.seed), FileFormat.GEOJSON).encode()
    began = time.perf_counter()
    reading = read_areas(content, FileFormat.GEOJSON)
    read = time.perf_counter()
    areas = fit_in(reading, ())
    checked = time.perf_counter()
    tree = AreaTree(areas)
    built = time.perf_counter()
    found, took_ms = 0, []
    random = Random(sizes.seed)  # noqa: S311 - nothing secret
    for _ in range(sizes.points):
        lon, lat = random.uniform(*EAST_WEST), random.uniform(*SOUTH_NORTH)
        before = time.perf_counter()
        found += tree.smallest(lon, lat) is not None
        took_ms.append((time.perf_counter() - before) * 1e3)
    return Areas(
        polygons=len(json.loads(content)["features"]),
        inside=found,
        lookup_ms={f"p{100 * share:g}": quantile(took_ms, share) for share in (0.5, 0.99, 1.0)},
        build_s=built - checked,
        read_s=read - began,
        check_s=checked - read,
        file_mib=len(content) / 2**20,
    )


def rows(found: Areas) -> list[Row]:
    """Return the lines of the table."""
    lookup = ", ".join(f"{name} {took:.3f}" for name, took in found.lookup_ms.items())
    return [
        Row(
            what=f"point → smallest of {found.polygons:,} polygons",
            value=f"{lookup} ms",
            note=f"target: {LOOKUP_TARGET_MS:g} ms; the tree is built in {found.build_s:.1f} s",
        ),
        Row(
            what=f"read and check {found.polygons:,} areas",
            value=f"{found.read_s + found.check_s:.1f} s",
            note=f"GeoJSON, {found.file_mib:.1f} MiB; without the database",
        ),
    ]


if __name__ == "__main__":
    show(measure, rows, full=FULL, quick=QUICK)
