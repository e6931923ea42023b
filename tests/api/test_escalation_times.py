"""Changing the times of escalation: what counts afterwards, and what is refused with why."""

from datetime import datetime, timedelta

import pytest

from gridwatch.areas.area import Area, AreaLevel
from gridwatch.store import Store
from gridwatch.store.areas import put_areas
from tests.api.incidents import register, sensor
from tests.api.serving import Api

PERSON = """
    WITH one AS (INSERT INTO person (code, name) VALUES ('w-1', '张三') RETURNING key)
    INSERT INTO responsibility (person_key, area) SELECT key, 'b' FROM one"""


def test_changed_times_count_at_once_and_are_taken_back(api: Api) -> None:
    async def scene(store: Store) -> None:
        await put_areas(store, [Area(code="b", level=AreaLevel.BUILDING, name="3栋")])
        await register(store, sensor("s-1", area="b"))
        await store.execute(PERSON)

    def waits() -> timedelta:
        asked = {"device": "s-1", "severity": "major", "at": "2026-11-24T10:00:00+08:00"}
        first = api.client.get("/api/v1/whom", params=asked).json()["steps"][0]
        return datetime.fromisoformat(first["next_at"]) - datetime.fromisoformat(first["at"])

    api.stored(scene)
    assert waits() == timedelta(minutes=5)
    changed = api.client.put("/api/v1/escalation/fire.major", json={"answer_min": 7})
    assert changed.status_code == 200
    assert changed.json()["changed_by"] == "admin"
    assert changed.json()["times"]["answer_min"] == 7
    listed = {one["name"]: one for one in api.client.get("/api/v1/escalation").json()}
    assert listed["fire.major"]["usual"]["answer_min"] == 5
    assert listed["minor"]["changed_by"] is None
    assert waits() == timedelta(minutes=7)
    assert api.client.delete("/api/v1/escalation/fire.major").status_code == 204
    assert waits() == timedelta(minutes=5)
    assert api.client.delete("/api/v1/escalation/fire.major").status_code == 404


def test_wrong_times_say_which_field_and_why(api: Api) -> None:
    for name, body, why in (
        ("fire.major", {"answer_min": 0}, "answer_min: Input should be greater than 0"),
        ("critical", {"working": True}, "working: life safety runs round the clock"),
        ("fire.huge", {}, "write a table for critical, major or minor, or scene.severity"),
        ("minor", {"again_min": 60, "again_most_min": 1}, "again_most_min must not be less than again_min"),
    ):
        answer = api.client.put(f"/api/v1/escalation/{name}", json=body)
        assert (answer.status_code, why in answer.json()["detail"]) == (422, True), answer.text


def test_a_roster_goes_out_and_in_as_a_file_and_wrong_lines_are_told(api: Api) -> None:
    lines = "code,name,phone\nw-1,张三,13800000001\n"
    made = api.client.post("/api/v1/roster/people", content=lines.encode())
    assert (made.status_code, made.json()["people"]) == (200, 1)
    out = api.client.get("/api/v1/roster/people")
    assert "张三" in out.content.decode("utf-8-sig")
    assert api.client.post("/api/v1/roster/people", content=out.content).status_code == 200
    wrong = api.client.post("/api/v1/roster/shifts", content=b"code,starts,ends\nw-1,25:00,08:00\n")
    assert wrong.status_code == 422
    assert wrong.json()["errors"] == [
        {"field": "line 2.starts", "why": "'25:00': write 08:30; midnight is 00:00"}
    ]


def test_what_is_kept_is_told_by_setting(api: Api) -> None:
    kept = api.client.get("/api/v1/keeping").json()
    assert kept["days"]["keep_readings_days"] == 365
    assert kept["days"]["keep_evidence.alert"] == 90
    assert api.client.get("/api/v1/services").json() == []


@pytest.mark.parametrize("path", ["escalation", "keeping"])
def test_a_name_with_a_letter_that_no_text_has_is_refused(api: Api, path: str) -> None:
    for answer in (
        api.client.put(f"/api/v1/{path}/minor%00", json={"value": 1} if path == "keeping" else {}),
        api.client.delete(f"/api/v1/{path}/minor%00"),
    ):
        assert (answer.status_code, "NUL" in answer.text) == (422, True), answer.text
