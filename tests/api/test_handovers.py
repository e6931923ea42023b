"""Handing a shift over: what is stored, who may sign, and that two can't hand the same desk over."""

from typing import Any

import pytest
from argon2 import PasswordHasher

from api.signing import REFUSALS
from gridwatch.areas.area import Area, AreaLevel
from gridwatch.model import DeviceState, Role
from gridwatch.store import Store
from gridwatch.store.accounts import Account, put_accounts
from gridwatch.store.actions import act
from gridwatch.store.areas import put_areas
from gridwatch.store.devices import set_state
from tests.api.incidents import happen, register, sensor
from tests.api.serving import PASSWORD, Api

HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
"""As weak as can be: the tests' own time is what it costs."""

MUTE = """
    INSERT INTO mute (kind, area, reason, ends_at, created_by)
    VALUES ('maintenance', 'own', '消防主机检修', now() + interval '1 hour', 'li')"""


async def a_shift(store: Store) -> None:
    """Fill a community with all that a shift has, and let four people have an account."""
    await put_areas(
        store,
        [
            Area(code="own", level=AreaLevel.COMMUNITY, name="锦竹社区"),
            Area(code="b-3", level=AreaLevel.BUILDING, name="3栋", parent="own"),
            Area(code="other", level=AreaLevel.COMMUNITY, name="别处"),
        ],
    )
    await register(store, sensor("s-1", area="b-3", name="烟感"), sensor("s-2", area="own"), sensor("o-1"))
    await happen(store, "s-1")
    done = await happen(store, "s-2")
    await act(store, done["alert"], "false_alarm", actor="admin", role=Role.ADMINISTRATOR)
    await store.execute(MUTE)
    await set_state(store, ["s-2"], DeviceState.RETIRED, until=None, by="admin")
    people: dict[str, tuple[Role, str | None]] = {
        "wang": (Role.OPERATOR, None),
        "field": (Role.GRID_WORKER, None),
    }
    people |= {"local": (Role.OPERATOR, "own"), "stranger": (Role.OPERATOR, "other")}
    await put_accounts(
        store,
        [
            Account(username=name, password_hash=HASH, role=role, area=area)
            for name, (role, area) in people.items()
        ],
        by="a test",
    )


def _sign(api: Api, taken_by: str, *, after: int = 0, password: str = PASSWORD) -> Any:
    body = {"taken_by": taken_by, "password": password, "after": after}
    return api.client.post("/api/v1/handovers", json=body)


def test_a_handover_is_stored_whole_as_it_stood(api: Api) -> None:
    api.stored(a_shift)
    assert api.client.post("/api/v1/handovers/notes", json={"text": " 3栋门禁坏了 𠮷 🔧 "}).status_code == 204
    now = api.client.get("/api/v1/handovers/now").json()
    assert [one["place"] for one in now["alerts"]] == ["锦竹社区 3栋"]
    assert now["notes"][0]["text"] == "3栋门禁坏了 𠮷 🔧"
    answer = _sign(api, "wang")
    assert answer.status_code == 201
    made = answer.json()
    assert (made["left_by"], made["taken_by"], made["desk"]) == ("admin", "wang", None)
    assert [one["reason"] for one in made["stood"]["mutes"]] == ["消防主机检修"]

    async def all_is_over(store: Store) -> None:
        await act(store, now["alerts"][0]["id"], "resolve", actor="admin", role=Role.ADMINISTRATOR)
        await store.execute("UPDATE area SET name = 'x'")

    api.stored(all_is_over)
    kept = api.client.get(f"/api/v1/handovers/{made['id']}").json()
    assert kept == made, "what was signed does not change"
    then = api.client.get("/api/v1/handovers/now").json()
    assert (then["after"], then["alerts"], then["notes"]) == (made["id"], [], [])
    listed = api.client.get("/api/v1/handovers").json()
    assert [(one["id"], one["alerts"], one["notes"]) for one in listed] == [(made["id"], 1, 1)]


@pytest.mark.parametrize(
    ("comer", "password", "reason"),
    [
        ("wang", "wrong", "wrong"),
        ("nobody", PASSWORD, "wrong"),
        ("admin", PASSWORD, "self"),
        ("field", PASSWORD, "may_not"),
        ("local", PASSWORD, "area"),
    ],
)
def test_who_may_not_take_over_is_told_why(api: Api, comer: str, password: str, reason: str) -> None:
    api.stored(a_shift)
    answer = _sign(api, comer, password=password)
    assert answer.status_code == 422
    assert REFUSALS[reason] in answer.json()["detail"]
    assert api.client.get("/api/v1/handovers").json() == []


def test_guesses_of_a_password_are_limited(api: Api) -> None:
    api.stored(a_shift)
    answers = [_sign(api, "guessed", password="x") for _ in range(11)]
    assert [one.status_code for one in answers] == [422] * 10 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_a_desk_is_handed_over_once(api: Api) -> None:
    api.stored(a_shift)
    assert _sign(api, "wang").status_code == 201
    again = _sign(api, "wang")
    assert again.status_code == 409
    assert "handed over meanwhile" in again.json()["detail"]


def test_a_desk_of_one_area_hands_over_its_own_part_and_notes(api: Api) -> None:
    api.stored(a_shift)
    answer = api.client.post("/api/v1/token", data={"username": "local", "password": PASSWORD})
    mine = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    api.client.post("/api/v1/handovers/notes", json={"text": "for the district"})
    api.client.post("/api/v1/handovers/notes", json={"text": "for us"}, headers=mine)
    now = api.client.get("/api/v1/handovers/now", headers=mine).json()
    assert [one["text"] for one in now["notes"]] == ["for us"]
    body = {"taken_by": "stranger", "password": PASSWORD, "after": 0}
    assert api.client.post("/api/v1/handovers", json=body, headers=mine).status_code == 422
    made = api.client.post("/api/v1/handovers", json={**body, "taken_by": "wang"}, headers=mine)
    assert (made.status_code, made.json()["desk"]) == (201, "own")
    assert len(api.client.get("/api/v1/handovers/now").json()["notes"]) == 1, "the other desk's note stays"
