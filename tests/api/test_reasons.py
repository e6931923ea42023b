"""What the server really says is wrong has its sentence in Chinese: the errors are driven, not copied."""

import json
import re

import pytest

from api.reason_texts import reason_in_chinese
from gridwatch.areas.area import Area, AreaLevel
from gridwatch.store import Store
from gridwatch.store.areas import put_areas
from tests.api.calling import add_person
from tests.api.incidents import happen, register, sensor
from tests.api.serving import Api

CHINESE = re.compile(r"[\u4e00-\u9fff]")

WAYS = "person,position,service,address,quiet_from,quiet_to\n"
PEOPLE = "code,name,phone,area,rank,scenes,username\n"
SHIFTS = "code,starts,ends,days,kind,valid_from,valid_to,area\n"
LEAVE = "code,starts,ends,stand_in\n"
AREAS = "code,parent,level,grid,name\n"

FILES = [
    ("ways", f"{WAYS}w9,x,none,a,25:00,\nw1,1,none,***,,\nw1,1,none,***,,\n,1,,,,\n"),
    ("ways", f"{WAYS}w9,1,none,a,,\nw1,1,none,***,,\nw1,1,none,***,,\n"),
    ("ways", "person,person,huge\n"),
    ("ways", f"{WAYS}w1,1,none,a,,,,,\n"),
    ("roster/people", f"{PEOPLE}a b,张,x,?,0,huge,\n,,,,,,\n"),
    ("roster/people", f"{PEOPLE}w2,张,,nowhere,1,,nobody\nw2,李,,nowhere,1,,\n"),
    ("roster/shifts", f"{SHIFTS}w1,8,25:00,9,huge,x,y,\n"),
    ("roster/shifts", f"{SHIFTS}w9,08:00,12:00,,,2026-11-24,2026-11-23,nowhere\n"),
    ("roster/leave", f"{LEAVE}w1,2026,x,\nw1,2026-11-23,2026-11-22,\n"),
    ("roster/leave", f"{LEAVE}w1,2026-11-23,2026-11-24,w1\nw1,2026-11-23,2026-11-24,w9\n"),
    ("areas", f"{AREAS}?,,,,\nx,,huge,huge,x\n"),
    ("areas", f"{AREAS}x,nowhere,building,,x\ny,y,estate,,y\nz,b,district,,z\nb,,building,micro,b\n"),
    ("areas", f"{AREAS}510107,,building,,x\n5101,,district,,y\n"),
]
"""Each with several lines that are wrong, of the file that a route takes."""


async def _scene(store: Store) -> None:
    await put_areas(store, [Area(code="b", level=AreaLevel.BUILDING, name="3栋")])
    await register(store, sensor("s-1", area="b"))
    await add_person(store, "w1")


@pytest.mark.parametrize(("route", "file"), FILES)
def test_each_wrong_line_of_a_file_has_its_sentence(api: Api, route: str, file: str) -> None:
    api.stored(_scene)
    headers = {"Content-Type": "text/csv"}
    answer = api.client.post(f"/api/v1/{route}", content=file.encode(), headers=headers)
    assert answer.status_code == 422, answer.text
    whys = [one["why"] for one in answer.json()["errors"]]
    assert whys
    assert [why for why in whys if CHINESE.search(reason_in_chinese(why)) is None] == []


def test_a_refusal_tells_the_same_in_chinese(api: Api) -> None:
    async def raised(store: Store) -> int:
        await _scene(store)
        return int((await happen(store, "s-1"))["alert"])

    alert = api.stored(raised)
    path = f"/api/v1/alerts/{alert}"
    for method, address, body, status in (
        ("POST", f"{path}/arrive", {}, 409),
        ("POST", f"{path}/comment", {}, 422),
        ("POST", f"{path}/assign", {"to": "w-none"}, 409),
        ("POST", f"{path}/duplicate", {"of": alert}, 409),
        ("GET", "/api/v1/alerts/99999", None, 404),
        ("POST", "/api/v1/tokens", {"name": "x", "username": "admin"}, 409),
        ("POST", "/api/v1/users", {"username": "x", "role": "operator", "area": "none"}, 409),
        ("DELETE", "/api/v1/users/admin", None, 409),
        ("DELETE", "/api/v1/users/nobody", None, 404),
        ("DELETE", "/api/v1/tokens/none", None, 404),
        ("DELETE", "/api/v1/webhooks/none", None, 404),
        ("DELETE", "/api/v1/services/none", None, 404),
        ("DELETE", "/api/v1/keeping/quarantine_days", None, 404),
        ("DELETE", "/api/v1/escalation/minor", None, 404),
        ("DELETE", "/api/v1/areas/b", None, 409),
        ("DELETE", "/api/v1/roster/people/w-none", None, 404),
        ("POST", "/api/v1/devices/none/drill", {}, 404),
    ):
        content = None if body is None else json.dumps(body)
        headers = {"Content-Type": "application/json"}
        answer = api.client.request(method, address, content=content, headers=headers)
        told = answer.json()
        assert answer.status_code == status, (address, told)
        assert CHINESE.search(told["detail_zh"]), (address, told["detail"])
        assert not CHINESE.search(told["detail"].replace("3栋", "")), address
