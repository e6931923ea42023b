"""The governance tree over HTTP."""

import json

import pytest

from api.problems import MEDIA_TYPE
from tests.api.serving import Api

CSV = """code,parent,level,grid,name,polygon
510199,,,,区,"POLYGON((103 30,104 30,104 31,103 31,103 30))"
510199001,,,,街道,"POLYGON((103 30,103.5 30,103.5 31,103 31,103 30))"
510199001001,,,,社区,
e-1,510199001001,estate,,小区,"POLYGON((103.1 30.1,103.2 30.1,103.2 30.2,103.1 30.2,103.1 30.1))"
m-1,e-1,,micro,微网格,"POLYGON((103.1 30.1,103.15 30.1,103.15 30.2,103.1 30.2,103.1 30.1))"
"""


def send(api: Api, text: str, media_type: str = "text/csv; charset=utf-8") -> tuple[int, dict[str, object]]:
    """Import a file; return the status and the answer."""
    headers = {"Content-Type": media_type}
    answer = api.client.post("/api/v1/areas", content=text.encode(), headers=headers)
    body: dict[str, object] = answer.json()
    return answer.status_code, body


def codes(api: Api, path: str) -> list[str]:
    """Return the codes of the areas that a route answers with."""
    answer = api.client.get(path)
    assert answer.headers["content-type"] == "application/geo+json"
    return [one["id"] for one in answer.json()["features"]]


def test_a_csv_is_imported_and_again_nothing_changes(api: Api) -> None:
    assert send(api, CSV) == (200, {"new": 5, "changed": 0, "unchanged": 0})
    assert send(api, CSV) == (200, {"new": 0, "changed": 0, "unchanged": 5})
    assert send(api, CSV.replace("小区", "苑")) == (200, {"new": 0, "changed": 1, "unchanged": 4})
    one = api.client.get("/api/v1/areas/e-1").json()
    assert one["properties"] == {
        "name": "苑",
        "level": "estate",
        "grid": None,
        "parent": "510199001001",
        "simulated": False,
    }
    assert one["geometry"]["type"] == "Polygon"


def test_geojson_that_is_answered_can_be_imported(api: Api) -> None:
    send(api, CSV)
    whole = api.client.get("/api/v1/areas").text
    assert api.client.delete("/api/v1/areas/510199").json() == {"deleted": 5}
    assert codes(api, "/api/v1/areas") == []
    for media_type in ("application/geo+json", "application/json"):
        assert send(api, whole, media_type)[0] == 200
    assert len(codes(api, "/api/v1/areas")) == 5


def test_what_is_wrong_is_told_line_by_line_and_nothing_is_imported(api: Api) -> None:
    status, told = send(api, CSV + "x,nowhere,estate,,小区,\n" + "y,e-1,planet,,小区,\n")
    assert status == 422
    errors = told["errors"]
    assert isinstance(errors, list)
    assert [one["field"] for one in errors] == ["line 7.parent", "line 8.level"]
    assert codes(api, "/api/v1/areas") == []
    answer = api.client.post("/api/v1/areas", content=b"x", headers={"Content-Type": "application/pdf"})
    assert answer.status_code == 415
    assert answer.headers["content-type"] == MEDIA_TYPE


def test_areas_are_listed_by_subtree_level_and_kind_of_grid(api: Api) -> None:
    send(api, CSV)
    assert codes(api, "/api/v1/areas?under=510199001001") == ["510199001001", "e-1", "m-1"]
    assert codes(api, "/api/v1/areas?under=510199&level=town") == ["510199001"]
    assert codes(api, "/api/v1/areas?grid=micro") == ["m-1"]
    assert codes(api, "/api/v1/areas?level=building") == []
    assert api.client.get("/api/v1/areas?under=nothing").status_code == 404
    assert api.client.get("/api/v1/areas/nothing").status_code == 404
    bare = api.client.get("/api/v1/areas?boundaries=false").json()["features"]
    assert {one["geometry"] for one in bare} == {None}


@pytest.mark.parametrize(
    ("lon", "lat", "path"),
    [
        (103.12, 30.15, ["510199", "510199001", "510199001001", "e-1", "m-1"]),
        (103.18, 30.15, ["510199", "510199001", "510199001001", "e-1"]),
        (103.9, 30.9, ["510199"]),
    ],
)
def test_a_point_is_told_with_all_areas_from_the_widest_to_the_smallest(
    api: Api, lon: float, lat: float, path: list[str]
) -> None:
    send(api, CSV)
    assert codes(api, f"/api/v1/areas/at?lon={lon}&lat={lat}") == path


def test_a_point_is_looked_up_in_the_tree_as_it_is_now(api: Api) -> None:
    where = "/api/v1/areas/at?lon=103.12&lat=30.15"
    assert api.client.get(where).status_code == 404
    send(api, CSV)
    assert codes(api, where)[-1] == "m-1"
    assert api.client.delete("/api/v1/areas/m-1").status_code == 200
    assert codes(api, where)[-1] == "e-1"


def test_an_area_where_a_device_stands_is_not_deleted(api: Api) -> None:
    send(api, CSV)
    api.client.post("/api/v1/devices", json={"id": "s-1", "scene": "fire", "kind": "sensor", "area": "m-1"})
    refused = api.client.delete("/api/v1/areas/e-1")
    assert refused.status_code == 409
    assert "s-1" in refused.json()["detail"]
    assert len(codes(api, "/api/v1/areas")) == 5
    api.client.delete("/api/v1/devices/s-1")
    assert api.client.delete("/api/v1/areas/e-1").json() == {"deleted": 2}


def test_the_tree_is_for_who_is_signed_in(api: Api) -> None:
    headers = {"Authorization": ""}
    for path in ("/api/v1/areas", "/api/v1/areas/at?lon=1&lat=1", "/api/v1/areas/x"):
        assert api.client.get(path, headers=headers).status_code == 401
    assert api.client.post("/api/v1/areas", headers=headers, content=b"{}").status_code == 401
    assert json.loads(api.client.get("/openapi.json").text)["paths"]["/api/v1/areas"]["post"]["requestBody"]


def test_devices_are_put_into_the_areas_that_they_stand_in(api: Api) -> None:
    square = {"type": "Polygon", "coordinates": [[[104, 30], [105, 30], [105, 31], [104, 31], [104, 30]]]}
    feature = {
        "type": "Feature",
        "id": "e",
        "geometry": square,
        "properties": {"name": "锦竹苑", "level": "estate"},
    }
    file = {"type": "FeatureCollection", "features": [feature]}
    assert api.client.post("/api/v1/areas", json=file).is_success
    places = {"in": {"lon": 104.5, "lat": 30.5}, "out": {"lon": 100, "lat": 30.5}}
    for name, place in places.items():
        body = {"id": name, "scene": "fire", "kind": "sensor", "location": place}
        assert api.client.post("/api/v1/devices", json=body).is_success
    assert api.client.post("/api/v1/areas/place").json() == {"placed": 1, "outside": 1}
    assert [api.client.get(f"/api/v1/devices/{one}").json()["area"] for one in places] == ["e", None]
