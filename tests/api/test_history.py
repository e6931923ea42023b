"""Readings, events and evidence over HTTP."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from gridwatch.model import Evidence
from gridwatch.store import Store
from gridwatch.store.keeping import drop_by_age
from tests.api.incidents import happen, register, sensor
from tests.api.serving import Api

START = datetime(2026, 11, 23, 8, tzinfo=UTC)

ADD_READING = """
    WITH kind AS (INSERT INTO quantity (name) VALUES (%(quantity)s) ON CONFLICT DO NOTHING RETURNING key)
    INSERT INTO reading (device_key, quantity_key, observed_at, delay_ms, divisor, scaled)
    SELECT d.key, coalesce((SELECT key FROM kind), (SELECT key FROM quantity WHERE name = %(quantity)s)),
           %(at)s, 0, 1, %(value)s
    FROM device d WHERE d.id = %(device)s"""

MASKED, ORIGINAL, CLIP = b"masked picture", b"original picture", bytes(range(256)) * 8


async def _measure(store: Store) -> None:
    await register(store, sensor("s-1"))
    for second in range(120):
        for quantity, value in (("temperature_c", 20 + second), ("co_ppm", 3.0)):
            given = {"device": "s-1", "quantity": quantity, "value": value}
            await store.execute(ADD_READING, {**given, "at": START + timedelta(seconds=second)})


def _during(**given: str | int) -> dict[str, str | int]:
    return {
        "device": "s-1",
        "from": START.isoformat(),
        "to": (START + timedelta(hours=1)).isoformat(),
        **given,
    }


def test_readings_come_newest_first_and_whole_over_all_pages(api: Api) -> None:
    api.stored(_measure)
    first = api.client.get("/api/v1/readings", params=_during(limit=7))
    assert first.json()[0]["observed_at"] == "2026-11-23T08:01:59Z"
    seen, page = list(first.json()), first
    while "next" in page.links:
        page = api.client.get(page.links["next"]["url"])
        seen += page.json()
    assert len(seen) == 240
    assert len({(one["quantity"], one["observed_at"]) for one in seen}) == 240


def test_readings_are_summed_up_by_intervals(api: Api) -> None:
    api.stored(_measure)
    sums = api.client.get("/api/v1/readings", params=_during(quantity="temperature_c", bucket="1m")).json()
    assert sums == [
        {
            "device": "s-1",
            "quantity": "temperature_c",
            "bucket_at": at,
            "avg": low + 29.5,
            "min": low,
            "max": low + 59,
            "count": 60,
        }
        for at, low in (("2026-11-23T08:01:00Z", 80.0), ("2026-11-23T08:00:00Z", 20.0))
    ]


def test_a_time_without_offset_or_an_unknown_device_is_refused(api: Api) -> None:
    answer = api.client.get("/api/v1/readings?device=s-1&from=2026-11-23T08:00:00")
    assert answer.json()["errors"][0]["field"] == "query.from"
    assert api.client.get("/api/v1/readings?device=s-1").status_code == 404
    unescaped = api.client.get("/api/v1/readings?device=s-1&from=2026-11-23T08:00:00+08:00")
    assert unescaped.status_code == 404
    backwards = api.client.get("/api/v1/readings", params=_during(to="2026-11-23T07:00:00Z"))
    assert backwards.status_code == 422


def _seen(api: Api) -> UUID:
    async def scene(store: Store) -> UUID:
        await register(store, sensor("s-1"))
        evidence = [
            Evidence(media_type="video/mp4", content=CLIP, masked=True),
            Evidence(media_type="image/jpeg", content=MASKED, masked=True),
            Evidence(media_type="image/jpeg", content=ORIGINAL, masked=False),
        ]
        event: UUID = (await happen(store, "s-1", files=api.files, evidence=evidence))["event"]
        return event

    return api.stored(scene)


async def _looks(store: Store) -> list[tuple[str, int]]:
    rows = await store.rows("SELECT username, position FROM evidence_view ORDER BY id")
    return [(row["username"], row["position"]) for row in rows]


def test_evidence_is_masked_unless_the_original_is_asked_for_and_that_is_written_down(api: Api) -> None:
    path = f"/api/v1/events/{_seen(api)}/evidence"
    assert api.client.get(path).content == MASKED
    assert api.client.get(path, params={"position": 2}).status_code == 403
    assert api.stored(_looks) == []
    original = api.client.get(path, params={"original": True})
    assert (original.content, original.headers["cache-control"]) == (ORIGINAL, "no-store")
    assert api.stored(_looks) == [("admin", 2)]


def test_a_clip_is_sent_in_ranges(api: Api) -> None:
    path = f"/api/v1/events/{_seen(api)}/evidence?position=0"
    part = api.client.get(path, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, CLIP[10:20])
    assert part.headers["content-type"] == "video/mp4"


def test_an_event_says_where_its_evidence_is(api: Api) -> None:
    event = _seen(api)
    (listed,) = api.client.get("/api/v1/events?device=s-1&label=flame").json()
    assert listed == api.client.get(f"/api/v1/events/{event}").json()
    contents = [api.client.get(one["url"]).content for one in listed["evidence"]]
    assert contents == [CLIP, MASKED, ORIGINAL]


def test_nothing_outside_the_evidence_folder_is_served(api: Api, tmp_path: Path) -> None:
    event = _seen(api)
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"secret")

    async def lead_astray(store: Store) -> None:
        await store.execute("UPDATE evidence SET sha256 = %(path)s", {"path": "../../../secret"})

    api.stored(lead_astray)
    assert api.client.get(f"/api/v1/events/{event}/evidence").status_code == 404


def test_evidence_that_is_gone_and_events_that_never_were_are_not_found(api: Api) -> None:
    event = _seen(api)
    for file in api.files.folder.rglob("*.jpg"):
        file.unlink()
    assert "missing" in api.client.get(f"/api/v1/events/{event}/evidence").json()["detail"]
    assert api.client.get(f"/api/v1/events/{uuid4()}/evidence").status_code == 404


def test_events_come_in_pages(api: Api) -> None:
    async def scene(store: Store) -> list[str]:
        await register(store, sensor("s-1"))
        return [str((await happen(store, "s-1"))["event"]) for _ in range(5)]

    events = api.stored(scene)
    seen, url = [], "/api/v1/events?limit=2"
    while url:
        page = api.client.get(url)
        seen += [one["id"] for one in page.json()]
        url = page.links.get("next", {}).get("url", "")
    assert seen == events[::-1]


async def _drop_originals(store: Store) -> None:
    await store.execute("UPDATE evidence SET created_at = created_at - interval '2 days'")
    await store.execute("UPDATE alert SET state = 'resolved'")
    assert len(await drop_by_age(store, {"original": 1}, limit=10)) == 1


def test_evidence_that_was_deleted_is_gone_with_when_and_why(api: Api) -> None:
    path = f"/api/v1/events/{_seen(api)}/evidence"
    api.stored(_drop_originals)
    answer = api.client.get(path, params={"original": True})
    assert (answer.status_code, answer.json()["title"]) == (410, "Gone")
    assert re.search(r"deleted on 20\d\d-.* UTC: the time .* was over", answer.json()["detail"])
    assert api.client.get(path, params={"original": True, "position": 2}).status_code == 410
    assert api.client.get(path, params={"original": True, "position": 7}).status_code == 404
    assert api.client.get(path).content == MASKED


def test_an_alert_says_that_its_evidence_was_deleted(api: Api) -> None:
    async def drop_all(store: Store) -> None:
        await store.execute("UPDATE evidence SET created_at = created_at - interval '2 days'")
        await store.execute("UPDATE alert SET state = 'resolved'")
        await drop_by_age(store, {"original": 1, "alert": 1}, limit=10)

    _seen(api)
    (before,) = api.client.get("/api/v1/alerts").json()
    assert before["evidence"]
    assert before["evidence_deleted_at"] is None
    api.stored(drop_all)
    (after,) = api.client.get("/api/v1/alerts").json()
    assert after["evidence"] == []
    assert after["evidence_deleted_at"] is not None


def test_an_administrator_holds_evidence_and_releases_it(api: Api) -> None:
    path = f"/api/v1/events/{_seen(api)}/hold"
    assert api.client.post(path, json={"reason": ""}).status_code == 422
    assert api.client.post(path, json={"reason": "case 17"}).status_code == 204
    assert api.client.post(path, json={"reason": "case 17"}).status_code == 409
    refused = api.client.delete("/api/v1/devices/s-1")
    assert refused.status_code == 409
    assert "s-1" in refused.json()["detail"]
    assert api.client.delete(path).status_code == 204
    assert api.client.delete(path).status_code == 404
    assert api.client.post(f"/api/v1/events/{uuid4()}/hold", json={"reason": "x"}).status_code == 404
    assert api.client.delete("/api/v1/devices/s-1").status_code == 204
