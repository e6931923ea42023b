"""The façade before a camera, over HTTP."""

from typing import Any

import pytest

from tests.api.serving import Api
from tests.gridwatch.test_calibrating import EIGHT, clicked

GRID = {"floors": 12, "windows": 6}
BODY: dict[str, Any] = {
    "size_wh": [1080, 1920],
    "polygon": [[10, 10], [1070, 10], [1070, 1910], [10, 1910]],
    "masks": [[[10, 1800], [200, 1800], [10, 1900]]],
    "landmarks": [{"x": m.x, "y": m.y, "x_m": m.x_m, "z_m": m.z_m} for m in clicked(EIGHT)],
    "grid": GRID,
}
PATH = "/api/v1/devices/c1/view"


@pytest.fixture
def camera(api: Api) -> Api:
    """Return a server with camera `c1` and sensor `s1`."""
    devices = [
        {"id": "c1", "scene": "throwing", "kind": "camera"},
        {"id": "s1", "scene": "fire", "kind": "sensor"},
    ]
    assert api.client.post("/api/v1/devices", json=devices).status_code == 201
    return api


def test_a_view_is_put_read_and_taken_away_with_who_did_it(camera: Api) -> None:
    assert camera.client.get(PATH).status_code == 404
    put = camera.client.put(PATH, json=BODY)
    assert put.status_code == 200, put.text
    said = camera.client.get(PATH).json()
    assert said == put.json()
    assert said["calibrated"]
    assert said["residual_m"] < 0.01
    assert said["camera"]["away_m"] == pytest.approx(40, rel=0.05)
    assert [[tuple(p) for p in said["polygon"]]] == [[tuple(p) for p in BODY["polygon"]]]
    assert said["changes"][0] == {
        "actor": "admin",
        "changed_at": said["changes"][0]["changed_at"],
        "deleted": False,
    }
    again = {name: said[name] for name in ("size_wh", "polygon", "masks", "landmarks", "grid")}
    again["presets"] = [{"name": "north", "azimuth_deg": 5.0, "horizontal_fov_deg": 60.0}]
    changed = camera.client.put(PATH, json=again).json()
    assert changed["residual_m"] == said["residual_m"]
    assert changed["presets"] == [{**again["presets"][0], "polygon": [], "masks": []}]
    assert camera.client.delete(PATH).status_code == 204
    assert camera.client.get(PATH).status_code == 404
    assert camera.client.delete(PATH).status_code == 404


@pytest.mark.parametrize(
    ("change", "field", "why"),
    [
        ({"landmarks": BODY["landmarks"][:3]}, "body.landmarks", "3 landmarks: click at least 4"),
        ({"grid": None}, "body", "grid: landmarks need the floors"),
        ({"grid": {"floors": 12, "floor_m": 0.3}}, "body.grid", "floor_m: 0.3 lies outside"),
        ({"polygon": [[0, 0], [5000, 0], [0, 900]]}, "body", "polygon: 5000, 0 lies outside"),
        ({"landmarks": [{"x": 1, "y": 2}] * 4}, "body.landmarks.0", "either floor, window and corner"),
        ({"colour": "red"}, "body.colour", "Extra inputs"),
    ],
)
def test_what_can_not_be_right_is_refused_with_field_and_reason(
    camera: Api, change: dict[str, Any], field: str, why: str
) -> None:
    answer = camera.client.put(PATH, json={**BODY, **change})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    wrong = answer.json()["errors"][0]
    assert wrong["field"].startswith(field)
    assert why in wrong["why"]


def test_only_a_registered_camera_has_a_view(camera: Api) -> None:
    assert camera.client.put("/api/v1/devices/s1/view", json=BODY).status_code == 409
    assert camera.client.put("/api/v1/devices/c9/view", json=BODY).status_code == 404
