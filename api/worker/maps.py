"""Links that open a map application with the way to a place, each in the coordinates that it wants.

Gaode and Tencent have GCJ-02, Baidu BD-09. The addresses are those of their URI interfaces for the web, which
open the application where it is installed and a page where it is not. None of them was tried from here.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from gridwatch.coordinates import Crs, from_wgs84

DECIMALS = 6
"""Of a degree: a tenth of a metre."""

OURSELVES = "gridwatch"


def route_links(lon: float, lat: float, name: str) -> Sequence[tuple[str, str]]:
    """Return the application and the address of each way to a place (WGS-84), the most used first."""
    named = "".join(letter for letter in name if letter not in ",|") or OURSELVES
    there = _text(*from_wgs84(Crs.GCJ02, lon, lat))
    baidu = _text(*from_wgs84(Crs.BD09, lon, lat))
    gaode = {
        "to": f"{there[0]},{there[1]},{named}",
        "mode": "walk",
        "coordinate": "gaode",
        "callnative": "1",
        "src": OURSELVES,
    }
    to_baidu = {
        "origin": "我的位置",
        "destination": f"latlng:{baidu[1]},{baidu[0]}|name:{named}",
        "region": "全国",
        "mode": "walking",
        "coord_type": "bd09ll",
        "output": "html",
        "src": f"webapp.{OURSELVES}",
    }
    tencent = {
        "type": "walk",
        "fromcoord": "CurrentLocation",
        "to": named,
        "tocoord": f"{there[1]},{there[0]}",
        "referer": OURSELVES,
    }
    return (
        ("gaode", _address("https://uri.amap.com/navigation", gaode)),
        ("baidu", _address("https://api.map.baidu.com/direction", to_baidu)),
        ("tencent", _address("https://apis.map.qq.com/uri/v1/routeplan", tencent)),
    )


def _address(page: str, query: Mapping[str, str]) -> str:
    return f"{page}?{urlencode(query, safe=',:')}"


def _text(lon: float, lat: float) -> tuple[str, str]:
    return f"{lon:.{DECIMALS}f}", f"{lat:.{DECIMALS}f}"
