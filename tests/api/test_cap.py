"""Alerts as messages of the Common Alerting Protocol, held against the schema of its makers."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from capvalidator.validate import Validator
from defusedxml.ElementTree import fromstring

from gridwatch.areas.area import Area, AreaLevel
from gridwatch.model import Evidence, Location
from gridwatch.store import Store
from gridwatch.store.areas import put_areas
from tests.api.incidents import happen, register, sensor
from tests.api.serving import Api

CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"
SQUARE = [[120.0, 30.0], [120.2, 30.0], [120.2, 30.3], [120.0, 30.0]]


def valid(document: bytes) -> Element:
    """Return a document that follows the schema; its second rules stand in the standard's text alone."""
    follows, why = Validator(document).schema()
    assert follows, why
    root: Element = fromstring(document)
    for tag in ("identifier", "sender"):
        assert not set(" ,<&") & set(_text(root, tag))
    for polygon in root.iter(f"{CAP}polygon"):
        points = (polygon.text or "").split()
        assert len(points) >= 4
        assert points[0] == points[-1]
    return root


def _text(root: Element, *path: str) -> str:
    found = root.findtext("/".join(CAP + one for one in path))
    assert found is not None, path
    return found


def _said(root: Element, language: str) -> Mapping[str, str]:
    infos = [one for one in root.iter(f"{CAP}info") if _text(one, "language") == language]
    assert len(infos) == 1
    return {one.tag.removeprefix(CAP): one.text or "" for one in infos[0]}


async def _settle(store: Store) -> int:
    estate = Area(code="e-1", level=AreaLevel.ESTATE, name="Garden & Sons")
    boundary = {"type": "Polygon", "coordinates": [SQUARE]}
    building = Area(code="b-1", level=AreaLevel.BUILDING, name="Building 1", parent="e-1", boundary=boundary)
    await put_areas(store, [estate, building])
    await register(store, sensor("smoke-1", area="b-1", name="stairs \x0b <3>"))
    picture = Evidence(media_type="image/jpeg", url="https://elsewhere.example/1.jpg?a=1&b=2", masked=True)
    return int((await happen(store, "smoke-1", evidence=[picture]))["alert"])


def _asked(api: Api, alert: int) -> Element:
    answer = api.client.get(f"/api/v1/alerts/{alert}/cap")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/cap+xml")
    return valid(answer.content)


def test_a_new_alert_is_a_valid_message_in_both_languages(api: Api) -> None:
    root = _asked(api, api.stored(_settle))
    head = {one: _text(root, one) for one in ("status", "msgType", "scope", "sender")}
    assert head == {
        "status": "Actual",
        "msgType": "Alert",
        "scope": "Restricted",
        "sender": "gridwatch@127.0.0.1",
    }
    assert root.find(f"{CAP}references") is None
    english, chinese = _said(root, "en"), _said(root, "zh-CN")
    assert english["category"] == "Fire"
    assert (english["event"], chinese["event"]) == ("Flame", "明火")
    assert (english["urgency"], english["severity"], english["certainty"]) == (
        "Immediate",
        "Extreme",
        "Likely",
    )
    assert "Garden & Sons" in english["headline"]
    assert "119" in english["instruction"] + chinese["instruction"]
    assert _text(root, "info", "resource", "uri") == "https://elsewhere.example/1.jpg?a=1&b=2"
    area = next(root.iter(f"{CAP}area"))
    assert _text(area, "circle") == "30.200000,120.100000 0"
    assert [one.text for one in area.iter(f"{CAP}value")] == ["e-1", "b-1"]
    sent = datetime.fromisoformat(_text(root, "sent"))
    assert sent.utcoffset() is not None
    assert {one["expires"] for one in (english, chinese)} == {(sent + timedelta(days=1)).isoformat()}


def test_what_follows_refers_to_what_was_said_before(api: Api) -> None:
    alert = api.stored(_settle)
    first = _asked(api, alert)
    api.client.post(f"/api/v1/alerts/{alert}/accept")
    second = _asked(api, alert)
    api.client.post(f"/api/v1/alerts/{alert}/comment", json={"text": "among us"})
    assert _text(_asked(api, alert), "identifier") == _text(second, "identifier")
    api.client.post(f"/api/v1/alerts/{alert}/resolve")
    third = _asked(api, alert)

    def reference(root: Element) -> str:
        return ",".join(_text(root, one) for one in ("sender", "identifier", "sent"))

    assert (_text(second, "msgType"), _text(second, "references")) == ("Update", reference(first))
    assert _text(third, "references").split() == [reference(first), reference(second)]
    over = _said(third, "en")
    assert (over["responseType"], over["urgency"], over["certainty"]) == ("AllClear", "Past", "Observed")
    assert "instruction" not in over
    sent = datetime.fromisoformat(_text(third, "sent"))
    assert datetime.fromisoformat(over["expires"]) == sent + timedelta(days=1)


def test_what_is_milder_is_valid_for_longer_after_its_last_message(api: Api) -> None:
    async def smoke(store: Store) -> int:
        await _settle(store)
        await register(store, sensor("smoke-4", location=Location(lon=121.1, lat=31.2)))
        return int((await happen(store, "smoke-4", label="smoke"))["alert"])

    alert = api.stored(smoke)
    root = _asked(api, alert)
    sent = datetime.fromisoformat(_text(root, "sent"))
    assert datetime.fromisoformat(_said(root, "en")["expires"]) == sent + timedelta(days=3)


@pytest.mark.parametrize(("action", "kind"), [("false_alarm", "Cancel"), ("acknowledge", "Update")])
def test_a_false_alarm_cancels_what_was_said(api: Api, action: str, kind: str) -> None:
    alert = api.stored(_settle)
    api.client.post(f"/api/v1/alerts/{alert}/{action}")
    assert _text(_asked(api, alert), "msgType") == kind


def test_without_a_point_the_boundary_says_where(api: Api) -> None:
    async def nowhere(store: Store) -> int:
        await _settle(store)
        await register(store, sensor("smoke-2", area="b-1", location=None))
        return int((await happen(store, "smoke-2"))["alert"])

    area = next(_asked(api, api.stored(nowhere)).iter(f"{CAP}area"))
    assert _text(area, "polygon").split()[0] == "30.000000,120.000000"
    assert area.find(f"{CAP}circle") is None


def test_a_drill_and_what_is_simulated_are_no_actual_messages(api: Api) -> None:
    async def drill(store: Store) -> int:
        await register(store, sensor("smoke-3", simulated=True))
        return int((await happen(store, "smoke-3"))["alert"])

    alert = api.stored(drill)
    assert _text(_asked(api, alert), "status") == "Test"

    async def mark(store: Store) -> Any:
        return await store.execute("""UPDATE alert_change
            SET alert = alert || '{"simulated": false, "drill": true, "tester": "li"}'""")

    api.stored(mark)
    assert _text(_asked(api, alert), "status") == "Exercise"


def test_the_schema_refuses_what_is_no_message() -> None:
    schema = files("capvalidator").joinpath("static/CAP-v1.2-schema.xsd").read_text(encoding="utf-8")
    assert "Copyright OASIS Open 2010" in schema
    with pytest.raises(AssertionError):
        valid(b'<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>1</identifier></alert>')
