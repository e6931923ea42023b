"""The registry over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

from api.problems import MEDIA_TYPE
from gridwatch.areas.area import Area, AreaLevel, GridKind
from gridwatch.store import Store
from gridwatch.store.areas import put_areas
from tests.api.serving import Api

SENSOR = {"id": "s-1", "scene": "fire", "kind": "sensor"}


def test_a_device_is_registered_changed_and_deleted(api: Api) -> None:
    whole = {**SENSOR, "name": "3栋烟感", "area": "b-3", "location": {"lon": 120.1, "lat": 30.2}}
    made = api.client.post("/api/v1/devices", json={**whole, "channels": [{"quantity": "co_ppm"}]})
    assert made.status_code == 201
    assert made.headers["location"] == "/api/v1/devices/s-1"
    changed = api.client.patch("/api/v1/devices/s-1", json={"name": "4栋烟感", "location": None}).json()
    assert (changed["name"], changed["location"], changed["area"]) == ("4栋烟感", None, "b-3")
    assert api.client.get("/api/v1/devices/s-1").json() == changed
    assert api.client.delete("/api/v1/devices/s-1").status_code == 204
    assert api.client.get("/api/v1/devices/s-1").status_code == 404
    assert api.client.delete("/api/v1/devices/s-1").status_code == 404


def test_a_device_is_told_with_how_far_its_clock_is_ahead(api: Api) -> None:
    api.client.post("/api/v1/devices", json=[SENSOR, {**SENSOR, "id": "s-2"}])

    async def know(store: Store) -> None:
        await store.execute(
            """INSERT INTO device_clock (device_key, skew_s, sure)
               SELECT key, 12.5, true FROM device WHERE id = 's-1'"""
        )

    api.stored(know)
    listed = api.client.get("/api/v1/devices").json()
    assert [one["clock_skew_s"] for one in listed] == [12.5, None]
    assert api.client.patch("/api/v1/devices/s-1", json={"name": "one"}).json()["clock_skew_s"] == 12.5


def test_a_list_is_registered_whole_or_not_at_all(api: Api) -> None:
    assert api.client.post("/api/v1/devices", json=[SENSOR, {**SENSOR, "id": "s-2"}]).status_code == 201
    again = api.client.post("/api/v1/devices", json=[{**SENSOR, "id": "s-3"}, SENSOR])
    assert again.status_code == 409
    assert "s-1" in again.json()["detail"]
    wrong = api.client.post("/api/v1/devices", json=[{**SENSOR, "id": "s-4"}, {**SENSOR, "id": "s 5"}])
    assert wrong.json()["errors"][0]["field"] == "body.1.id"
    assert [one["id"] for one in api.client.get("/api/v1/devices").json()] == ["s-1", "s-2"]


@pytest.mark.parametrize(
    ("changes", "field", "why"),
    [
        ({"scene": "flood"}, "body.scene", "fire, elevator, throwing"),
        ({"kind": "toaster"}, "body.kind", "sensor"),
        ({"location": {"lon": 181, "lat": 0}}, "body.location.lon", "180"),
        ({"name": "a\0b"}, "body.name", "NUL"),
        ({"channels": [{"quantity": "co_ppm", "quality": {"a": "\0"}}]}, "body.channels.0.quality", "NUL"),
        ({"colour": "red"}, "body.colour", "not permitted"),
    ],
)
def test_what_is_wrong_is_named_with_its_reason(
    api: Api, changes: dict[str, object], field: str, why: str
) -> None:
    answer = api.client.post("/api/v1/devices", json={**SENSOR, **changes})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == MEDIA_TYPE
    (wrong,) = answer.json()["errors"]
    assert wrong["field"] == field
    assert why in wrong["why"]


def test_where_a_device_stands_is_stored_in_wgs84_and_what_was_stated_is_kept(api: Api) -> None:
    stated = {"lon": 121.531541859215, "lat": 31.17530398364597, "crs": "GCJ-02"}
    api.client.post("/api/v1/devices", json={**SENSOR, "location": stated})
    device = api.client.get("/api/v1/devices/s-1").json()
    assert device["stated"] == stated
    assert device["location"] == pytest.approx({"lon": 121.5272106, "lat": 31.1774276}, abs=1e-8)
    renamed = api.client.patch("/api/v1/devices/s-1", json={"name": "one"}).json()
    assert (renamed["stated"], renamed["location"]) == (stated, device["location"])
    moved = api.client.patch("/api/v1/devices/s-1", json={"location": {"lon": 1, "lat": 2}}).json()
    assert (moved["stated"], moved["location"]) == (None, {"lon": 1, "lat": 2})


def test_addresses_and_telephones_are_not_in_lists(api: Api) -> None:
    private = {"address": "锦竹苑3栋2单元501", "telephone": "028-8580 0000"}
    api.client.post("/api/v1/devices", json={**SENSOR, **private})
    listed = api.client.get("/api/v1/devices").json()
    assert [one["id"] for one in listed] == ["s-1"]
    assert not private.keys() & listed[0].keys()
    alone = api.client.get("/api/v1/devices/s-1").json()
    assert {name: alone[name] for name in private} == private


@pytest.mark.parametrize(
    ("changes", "status", "why"),
    [
        ({"cameras": ["nobody"]}, 409, "s-1 names nobody as a camera"),
        ({"lift": "nobody"}, 409, "lift that is not registered"),
        ({"gateway": "nobody"}, 409, "gateway or lift that is not registered"),
        ({"lift": "s-1"}, 422, "its own gateway, lift"),
        ({"state": "test"}, 422, "state_until"),
        ({"playback_url": "https://admin:secret@nvr.example/"}, 422, "leave user and password out"),
        ({"channels": [{"quantity": "co_ppm"}, {"quantity": "co_ppm"}]}, 422, "co_ppm twice"),
        ({"labels": ["a;b"]}, 422, "semicolons"),
        ({"source": "a b"}, 422, "without blanks"),
    ],
)
def test_what_does_not_fit_is_refused(api: Api, changes: dict[str, object], status: int, why: str) -> None:
    answer = api.client.post("/api/v1/devices", json={**SENSOR, **changes})
    assert answer.status_code == status
    assert why in answer.json()["detail"]
    assert api.client.get("/api/v1/devices").json() == []


def test_devices_are_found_by_all_that_people_know_of_them(api: Api) -> None:
    async def areas(store: Store) -> None:
        estate = Area(code="e", level=AreaLevel.ESTATE, name="锦竹苑")
        await put_areas(store, [estate, Area(code="b", level=AreaLevel.BUILDING, name="1栋", parent="e")])

    api.stored(areas)
    smoke = {**SENSOR, "name": "烟感 100%", "area": "b", "labels": ["一期"], "model": "JTY-GD"}
    camera = {
        **SENSOR,
        "id": "c_1",
        "kind": "camera",
        "area": "e",
        "source": "frigate:front",
        "telephone": "110",
    }
    other = {**SENSOR, "id": "s-2", "scene": "elevator", "simulated": True, "state": "retired"}
    api.client.post("/api/v1/devices", json=[smoke, camera, other])

    def found(**wanted: str) -> list[str]:
        return [one["id"] for one in api.client.get("/api/v1/devices", params=wanted).json()]

    assert found(area="e") == ["c_1", "s-1"]
    assert found(area="b") == found(label="一期") == found(search="jty") == found(search="0%") == ["s-1"]
    assert found(kind="camera") == found(search="FRIGATE") == found(search="c_") == ["c_1"]
    assert found(state="retired") == found(simulated="true") == found(scene="elevator") == ["s-2"]
    assert found(search="110") == found(search="nothing") == found(area="nowhere") == []
    assert found(scene="fire", kind="sensor", search="s-") == ["s-1"]


def test_a_test_has_an_end_and_names_its_tester(api: Api) -> None:
    api.client.post("/api/v1/devices", json=SENSOR)
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    path = "/api/v1/devices/s-1/state"
    tested = api.client.post(path, json={"state": "test", "until": until}).json()
    assert (tested["state"], tested["state_by"]) == ("test", "admin")
    assert datetime.fromisoformat(tested["state_until"]) == datetime.fromisoformat(until)
    active = api.client.post(path, json={"state": "active"}).json()
    assert (active["state"], active["state_until"], active["state_by"]) == ("active", None, "")
    far = (datetime.now(UTC) + timedelta(days=8)).isoformat()
    for wrong in ({"state": "test"}, {"state": "test", "until": far}, {"state": "active", "until": until}):
        assert api.client.post(path, json=wrong).status_code == 422
    assert api.client.post("/api/v1/devices/s-9/state", json={"state": "retired"}).status_code == 404


def test_the_cameras_of_a_device_are_those_it_names_then_the_nearest(api: Api) -> None:
    def camera(name: str, lat: float, **more: object) -> dict[str, object]:
        place = {"lon": 103.92, "lat": lat}
        return {"id": name, "scene": "fire", "kind": "camera", "location": place, **more}

    near, nearer, far = camera("near", 30.571), camera("nearer", 30.5705), camera("far", 30.6)
    gone = camera("gone", 30.57, state="retired")
    sensor = {**SENSOR, "location": {"lon": 103.92, "lat": 30.57}, "cameras": ["far"]}
    api.client.post("/api/v1/devices", json=[sensor, near, nearer, far, gone, camera("no", 30.58)])
    found = api.client.get("/api/v1/devices/s-1/cameras").json()
    assert [(one["id"], one["named"]) for one in found] == [("far", True), ("nearer", False), ("near", False)]
    assert found[1]["distance_m"] == pytest.approx(55.7, abs=0.5)


@pytest.mark.parametrize("form", ["csv", "xlsx", "json"])
def test_a_file_is_exported_and_imported_again(api: Api, form: str) -> None:
    api.client.post("/api/v1/devices", json=[{**SENSOR, "telephone": "110"}, {**SENSOR, "id": "s-2"}])
    exported = api.client.get("/api/v1/registry/export", params={"form": form})
    media_type = {"Content-Type": exported.headers["content-type"]}
    again = api.client.post("/api/v1/registry/import", content=exported.content, headers=media_type)
    assert again.json() == {"new": 0, "changed": 0, "unchanged": 2}
    api.client.delete("/api/v1/devices/s-1")
    back = api.client.post("/api/v1/registry/import", content=exported.content, headers=media_type)
    assert back.json() == {"new": 1, "changed": 0, "unchanged": 1}
    assert api.client.get("/api/v1/devices/s-1").json()["telephone"] == "110"


def test_a_file_with_bad_lines_is_refused_with_each_of_them(api: Api) -> None:
    content = "id,scene,kind,area\ns-1,fire,sensor,\ns-2,flood,sensor,\ns-3,fire,sensor,nowhere\n"
    answer = api.client.post(
        "/api/v1/registry/import", content=content, headers={"Content-Type": "text/csv; charset=utf-8"}
    )
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == ["line 3.scene", "line 4.area"]
    assert api.client.get("/api/v1/devices").json() == []
    assert api.client.post("/api/v1/registry/import", content=content).status_code == 415


KNOCK = """
    INSERT INTO quarantine (topic, payload, reason, decoder, received_at, digest, named)
    VALUES (%(topic)s, %(payload)s, 'device is not registered', 'gw/v1-1', now(), %(digest)s, %(named)s)"""


def _knocked(api: Api, *messages: tuple[str, bytes, str]) -> None:
    async def scene(store: Store) -> None:
        for topic, payload, named in messages:
            row = {"topic": topic, "payload": payload, "digest": topic.encode() + payload, "named": named}
            await store.execute(KNOCK, row)

    api.stored(scene)


def test_who_knocks_is_listed_with_its_first_message_and_what_it_may_be(api: Api) -> None:
    up = "application/a/device/70b3d57ed0000001/event/up"
    _knocked(
        api,
        ("gw/v1/s-1/readings", b'{"t": 1}', "s-1"),
        ("gw/v1/c-1/frame/1", b"\xff\xd8\xff\xe0" * 200, "c-1"),
        ("gw/v1/s-1/readings", b'{"t": 2}', "s-1"),
        (up, b"{}", "chirpstack:70b3d57ed0000001"),
        ("gw/v1/known/readings", b"{", "known"),
        ("application/a/device/plain/event/up", b"{}", "chirpstack:plain"),
    )
    known = [{**SENSOR, "id": "known"}, {**SENSOR, "id": "plain"}]
    api.client.post("/api/v1/devices", json=known)
    first = api.client.get("/api/v1/registry/knocking", params={"limit": 2})
    then = api.client.get(first.links["next"]["url"])
    listed = [*first.json(), *then.json()]
    assert [(one["name"], one["messages"], one["payload"]) for one in listed] == [
        ("chirpstack:70b3d57ed0000001", 1, "{}"),
        ("c-1", 1, "400+ bytes: ff d8 ff e0 ff d8 ff e0 ff d8 ff e0 ff d8 ff e0"),
        ("s-1", 2, '{"t": 1}'),
    ]
    assert [one["suggested"] for one in listed] == [
        {
            "id": "70b3d57ed0000001",
            "scene": "fire",
            "kind": "sensor",
            "source": "chirpstack:70b3d57ed0000001",
        },
        {"id": "c-1", "scene": "fire", "kind": "camera", "source": None},
        {"id": "s-1", "scene": "fire", "kind": "sensor", "source": None},
    ]


def test_who_knocks_is_adopted_as_suggested_or_as_somebody_says(api: Api) -> None:
    _knocked(
        api,
        ("gw/v1/s-1/readings", b"1", "s-1"),
        ("gw/v1/s-1/readings", b"2", "s-1"),
        ("frigate/events", b"3", "frigate:front_door"),
    )
    path = "/api/v1/registry/adopt"
    assert api.client.post(path, json={"name": "s-1"}).json()["messages"] == 2
    said = {"id": "door-1", "scene": "throwing", "name": "南门"}
    door = api.client.post(path, json={"name": "frigate:front_door", "device": said}).json()["device"]
    assert (door["id"], door["kind"], door["source"]) == ("door-1", "camera", "frigate:front_door")
    assert api.client.get("/api/v1/registry/knocking").json() == []
    assert api.client.post(path, json={"name": "s-1"}).status_code == 404
    _knocked(api, ("gw/v1/s-2/readings", b"4", "s-2"))
    wrong = api.client.post(path, json={"name": "s-2", "device": {"scene": "flood"}})
    assert wrong.json()["errors"][0]["field"] == "body.device.scene"
    assert api.client.post(path, json={"name": "s-2", "device": {"id": "s-1"}}).status_code == 409
    wanted = api.stored(lambda store: store.rows("SELECT FROM quarantine WHERE replay_wanted"))
    assert len(wanted) == 3


def test_devices_come_in_pages_that_link_to_the_next(api: Api) -> None:
    api.client.post("/api/v1/devices", json=[{**SENSOR, "id": f"s-{n}"} for n in range(5)])
    seen, url = [], "/api/v1/devices?limit=2"
    while url:
        page = api.client.get(url)
        seen += [one["id"] for one in page.json()]
        url = page.links.get("next", {}).get("url", "")
    assert seen == [f"s-{n}" for n in range(5)]


def test_other_mistakes_are_problems_too(api: Api) -> None:
    for method, path, status in (
        ("GET", "/api/v1/nothing", 404),
        ("PUT", "/api/v1/devices", 405),
        ("GET", "/api/v1/devices?limit=0", 422),
        ("GET", "/nothing", 404),
    ):
        answer = api.client.request(method, path)
        assert answer.status_code == status
        assert answer.headers["content-type"] == MEDIA_TYPE
        assert answer.json()["status"] == status
    large = api.client.post("/api/v1/devices", content=b"[" + b" " * (9 * 2**20) + b"]")
    assert large.status_code == 413
    assert large.headers["content-type"] == MEDIA_TYPE


def test_areas_are_geojson(api: Api) -> None:
    boundary = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}

    async def scene(store: Store) -> None:
        areas = [
            Area(code="e", level=AreaLevel.ESTATE, name="锦竹苑"),
            Area(code="b", level=AreaLevel.BUILDING, name="1栋", parent="e"),
        ]
        await put_areas(
            store,
            [
                *areas,
                Area(code="g", level=AreaLevel.GRID, grid=GridKind.MICRO, name="网格", boundary=boundary),
            ],
        )

    api.stored(scene)
    answer = api.client.get("/api/v1/areas")
    assert answer.headers["content-type"] == "application/geo+json"
    features = {one["id"]: one for one in answer.json()["features"]}
    assert features["b"]["properties"]["parent"] == "e"
    assert features["g"]["geometry"] == boundary
    assert features["g"]["properties"]["grid"] == "micro"
