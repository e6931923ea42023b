"""Fire weather over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gridwatch.model import Channel, Device, DeviceKind, DeviceState, Location
from gridwatch.store import Store
from tests.api.incidents import register
from tests.api.serving import Api

TODAY = datetime.now(UTC).date()

ADD_DAY = """
    INSERT INTO fire_weather (device_key, day, noon_at, temperature_c, temperature_max_c, humidity_pct,
                              humidity_min_pct, wind_ms, wind_max_ms, rain_mm, filled, dry_days, ffmc, dmc,
                              dc, isi, bui, fwi, dsr, danger, level)
    SELECT key, %(day)s, now() - (current_date - %(day)s::date) * interval '1 day', 21, 26, 35, 22, 4, 9, 0,
           '{"wind": "carried 1"}', 4, 89, 20, 110, 8, 27, 15, 3.3, 72, %(level)s
    FROM device WHERE id = %(device)s"""


def _station(name: str, area: str | None = None) -> Device:
    quantities = ("temperature_c", "humidity_pct", "wind_ms")
    return Device(
        id=name,
        scene="fire",
        kind=DeviceKind.SENSOR,
        area=area,
        location=Location(lon=120, lat=30),
        state=DeviceState.ACTIVE,
        channels=tuple(Channel(quantity=quantity) for quantity in quantities),
    )


async def _days(store: Store) -> None:
    await store.execute("INSERT INTO area (code, level, name) VALUES ('hill', 'community', '山')")
    await register(store, _station("ws-1", "hill"))
    await register(store, _station("ws-2"))
    for device, level in (("ws-1", 3), ("ws-2", 4)):
        for age in range(3):
            given = {"device": device, "day": TODAY - timedelta(days=age), "level": level}
            await store.execute(ADD_DAY, given)


def _get(api: Api, path: str = "", **given: Any) -> Any:
    answer = api.client.get(f"/api/v1/fire-weather{path}", params=given)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_days_are_listed_by_station_area_and_time(api: Api) -> None:
    api.stored(_days)
    everything = _get(api)
    assert [(one["station"], one["day"]) for one in everything[:3]] == [
        ("ws-1", TODAY.isoformat()),
        ("ws-2", TODAY.isoformat()),
        ("ws-1", (TODAY - timedelta(days=1)).isoformat()),
    ]
    assert len(everything) == 6
    assert everything[0]["filled"] == {"wind": "carried 1"}
    assert (everything[0]["fwi"], everything[0]["level"], everything[0]["dry_days"]) == (15, 3, 4)
    assert {one["station"] for one in _get(api, area="hill")} == {"ws-1"}
    yesterday = (TODAY - timedelta(days=1)).isoformat()
    assert [one["day"] for one in _get(api, station="ws-2", **{"from": yesterday, "to": yesterday})] == [
        yesterday
    ]


def test_the_level_now_has_its_names_colour_and_advice(api: Api) -> None:
    assert _get(api, "/now") == {"level": None, "stations": []}
    api.stored(_days)
    everywhere = _get(api, "/now")
    assert [(one["station"], one["level"]) for one in everywhere["stations"]] == [("ws-1", 3), ("ws-2", 4)]
    assert everywhere["level"]["number"] == 4
    hill = _get(api, "/now", area="hill")["level"]
    assert (hill["number"], hill["name"], hill["name_zh"], hill["colour"]) == (3, "higher", "较高", "yellow")
    assert "巡护" in hill["advice_zh"]


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"station": "nobody"}, 404),
        ({"from": "2026-05-02", "to": "2026-05-01"}, 422),
        ({"from": "May"}, 422),
        ({"limit": 0}, 422),
    ],
)
def test_what_cannot_be_asked_is_refused(api: Api, given: dict[str, str], status: int) -> None:
    assert api.client.get("/api/v1/fire-weather", params=given).status_code == status
