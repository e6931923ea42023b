"""Areas as files that can be imported again."""

import csv
import io
import json
from collections.abc import Iterable

import shapely

from gridwatch.areas.area import Area, feature
from gridwatch.areas.reading import COLUMNS, FileFormat
from gridwatch.areas.tree import as_text
from gridwatch.lines import EXCEL_MARK


def write_areas(areas: Iterable[Area], form: FileFormat) -> str:
    """Return a file of areas."""
    if form is FileFormat.CSV:
        return _csv(areas)
    features = ",\n".join(json.dumps(feature(area), ensure_ascii=False) for area in areas)
    return f'{{"type": "FeatureCollection", "features": [\n{features}\n]}}\n'


def _csv(areas: Iterable[Area]) -> str:
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for area in areas:
        bounded = area.boundary is not None
        polygon = shapely.to_wkt(shapely.from_geojson(as_text(area.boundary)), -1) if bounded else ""
        table.writerow((area.code, area.parent, area.level, area.grid, area.name, polygon))
    return EXCEL_MARK + text.getvalue()
