"""Every route × every role × own area and another one: what is let through, and what nobody sees."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import Depends, FastAPI
from httpx_sse import connect_sse

from api.access import OWN_PROOF, check_access
from api.app import ROUTES
from api.gate import GUARDED, OPEN
from api.problems import answer_with_problems
from api.sign_in import Person, Tokens
from gridwatch.areas.area import Area, AreaLevel
from gridwatch.model import Device, DeviceKind, Evidence, Role
from gridwatch.store import Store
from gridwatch.store.accounts import Account, issue_token, put_accounts, token_secret
from gridwatch.store.areas import put_areas
from tests.api.incidents import happen, register, sensor
from tests.api.serving import Api, at_store, serving, settings_for
from tests.servers import copied_database, wait_until

WHOLE, BOUND, OPERATOR, WORKER, PROGRAM = "W", "A", "O", "G", "I"
"""Administrator of everything; administrator, operator, grid worker and integration of one community."""

CALLERS = (WHOLE, BOUND, OPERATOR, WORKER, PROGRAM)

MAY = {
    "GET /api/v1/me": "WAOGI",
    "POST /api/v1/me/password": "WAOG",
    "GET /api/v1/me/duty": "WAOG",
    "GET /api/v1/me/alerts": "WAOG",
    "GET /api/v1/me/figures": "WAOG",
    "POST /api/v1/me/channels/{position}/test": "WAOG",
    "GET /api/v1/devices": "WAOGI",
    "POST /api/v1/devices": "WA",
    "GET /api/v1/devices/{device}": "WAOG",
    "PATCH /api/v1/devices/{device}": "WA",
    "DELETE /api/v1/devices/{device}": "WA",
    "POST /api/v1/devices/{device}/state": "WAO",
    "GET /api/v1/devices/{device}/drill": "WAO",
    "POST /api/v1/devices/{device}/drill": "WAO",
    "GET /api/v1/devices/{device}/cameras": "WAOG",
    "GET /api/v1/devices/{device}/view": "WAO",
    "PUT /api/v1/devices/{device}/view": "WA",
    "DELETE /api/v1/devices/{device}/view": "WA",
    "GET /api/v1/devices/{device}/credentials": "WA",
    "POST /api/v1/devices/{device}/credentials": "WA",
    "DELETE /api/v1/devices/{device}/credentials": "WA",
    "GET /api/v1/devices/{device}/commands": "WAO",
    "POST /api/v1/devices/{device}/commands": "WAO",
    "GET /api/v1/devices/{device}/commands/{command}": "WAO",
    "GET /api/v1/lifts": "WAOG",
    "GET /api/v1/lifts/{lift}": "WAOG",
    "PATCH /api/v1/lifts/{lift}": "WA",
    "POST /api/v1/lifts/{lift}/release": "WAOG",
    "POST /api/v1/lifts/{lift}/disable": "WAO",
    "GET /api/v1/lifts/{lift}/holds": "WAO",
    "POST /api/v1/lifts/{lift}/holds/{hold}/verdict": "WAO",
    "GET /api/v1/lifts/{lift}/changes": "WAO",
    "GET /api/v1/areas": "WAOGI",
    "POST /api/v1/areas": "W",
    "POST /api/v1/areas/place": "W",
    "GET /api/v1/areas/at": "WAOGI",
    "GET /api/v1/areas/{code}": "WAOGI",
    "DELETE /api/v1/areas/{code}": "W",
    "GET /api/v1/areas/{code}/card": "WAOG",
    "GET /api/v1/areas/{code}/drill": "WAO",
    "POST /api/v1/areas/{code}/drill": "WAO",
    "GET /api/v1/workers": "WAO",
    "GET /api/v1/roster": "WAO",
    "GET /api/v1/roster/{table}": "W",
    "POST /api/v1/roster/{table}": "W",
    "DELETE /api/v1/roster/{table}/{worker}": "W",
    "GET /api/v1/escalation": "WAO",
    "PUT /api/v1/escalation/{name}": "W",
    "DELETE /api/v1/escalation/{name}": "W",
    "GET /api/v1/keeping": "W",
    "PUT /api/v1/keeping/{name}": "W",
    "DELETE /api/v1/keeping/{name}": "W",
    "GET /api/v1/trail": "W",
    "GET /api/v1/services": "W",
    "PUT /api/v1/services/{service}": "W",
    "DELETE /api/v1/services/{service}": "W",
    "POST /api/v1/services/{service}/test": "W",
    "GET /api/v1/ways": "W",
    "POST /api/v1/ways": "W",
    "GET /api/v1/readings": "WAOGI",
    "GET /api/v1/events": "WAOGI",
    "GET /api/v1/events/{event}": "WAOGI",
    "GET /api/v1/events/{event}/evidence": "WAOGI",
    "POST /api/v1/events/{event}/hold": "WA",
    "DELETE /api/v1/events/{event}/hold": "WA",
    "GET /api/v1/alerts": "WAOGI",
    "GET /api/v1/alerts/stream": "WAOGI",
    "GET /api/v1/alerts/{alert}": "WAOGI",
    "GET /api/v1/alerts/{alert}/cap": "WAOGI",
    "POST /api/v1/alerts/{alert}/photos": "WAOG",
    "POST /api/v1/alerts/{alert}/{action}": "WAOGI",
    "GET /api/v1/whom": "WAOG",
    "GET /api/v1/mutes": "WAOG",
    "POST /api/v1/mutes": "WAO",
    "DELETE /api/v1/mutes/{mute}": "WAO",
    "GET /api/v1/figures": "WAO",
    "GET /api/v1/figures.csv": "WAO",
    "GET /api/v1/figures/alerts": "WAO",
    "GET /api/v1/figures/alerts.csv": "WAO",
    "GET /api/v1/figures/devices": "WAO",
    "GET /api/v1/figures/devices.csv": "WAO",
    "GET /api/v1/handovers": "WAO",
    "POST /api/v1/handovers": "WAO",
    "GET /api/v1/handovers/now": "WAO",
    "POST /api/v1/handovers/notes": "WAO",
    "GET /api/v1/handovers/{handover}": "WAO",
    "GET /api/v1/registry/knocking": "W",
    "POST /api/v1/registry/adopt": "W",
    "POST /api/v1/registry/import": "W",
    "GET /api/v1/registry/export": "WA",
    "GET /api/v1/health/areas": "WAO",
    "GET /api/v1/health/devices": "WAO",
    "GET /api/v1/devices/{device}/channels": "WAOG",
    "GET /api/v1/quarantine": "W",
    "POST /api/v1/quarantine/replay": "W",
    "GET /api/v1/fire-weather": "WAOGI",
    "GET /api/v1/fire-weather/now": "WAOGI",
    "GET /api/v1/users": "W",
    "POST /api/v1/users": "W",
    "DELETE /api/v1/users/{username}": "W",
    "GET /api/v1/tokens": "W",
    "POST /api/v1/tokens": "W",
    "DELETE /api/v1/tokens/{token}": "W",
    "GET /api/v1/webhooks": "W",
    "POST /api/v1/webhooks": "W",
    "DELETE /api/v1/webhooks/{webhook}": "W",
    "POST /api/v1/webhooks/{webhook}/test": "W",
    "GET /api/v1/webhooks/{webhook}/dead": "W",
    "DELETE /api/v1/webhooks/{webhook}/dead": "W",
    "POST /api/v1/webhooks/{webhook}/replay": "W",
}
"""Who may call which route at all."""

LISTS = {
    "GET /api/v1/devices": "own-1",
    "GET /api/v1/lifts": "own-1",
    "GET /api/v1/workers": "w-own",
    "GET /api/v1/roster": '"own"',
    "GET /api/v1/areas": "own",
    "GET /api/v1/events": "own-1",
    "GET /api/v1/alerts": "own-1",
    "GET /api/v1/me/alerts": "own-1",
    "GET /api/v1/mutes": '"own"',
    "GET /api/v1/handovers": '"own"',
    "GET /api/v1/health/areas": '"own"',
    "GET /api/v1/health/devices": "own-1",
    "GET /api/v1/figures/alerts": '"own"',
    "GET /api/v1/figures/devices": "own-1",
    "GET /api/v1/handovers/now": "own-1",
    "GET /api/v1/registry/export": "own-1",
    "GET /api/v1/fire-weather": "own-1",
    "GET /api/v1/fire-weather/now": "own-1",
}
"""What each list says of the caller's area."""

NAMED = re.compile(r"{(device|lift|alert|event|code)}")
STREAM = "GET /api/v1/alerts/stream"
DAY = """
    INSERT INTO fire_weather (device_key, day, noon_at, temperature_c, temperature_max_c, humidity_pct,
        humidity_min_pct, wind_ms, wind_max_ms, rain_mm, filled, dry_days, ffmc, dmc, dc, isi, bui, fwi, dsr,
        danger, level)
    SELECT key, current_date, now(), 20, 20, 40, 40, 1, 1, 0, '{}', 1, 80, 20, 20, 1, 1, 1, 1, 1, 1
    FROM device"""

ROSTER = """
    INSERT INTO person (code, name) VALUES ('w-own', 'x'), ('w-other', 'x'), ('w-nowhere', 'x');
    INSERT INTO responsibility (person_key, area)
    SELECT key, substr(code, 3) FROM person WHERE code <> 'w-nowhere';
    INSERT INTO shift (person_key, starts, ends) SELECT key, '01:00', '23:00' FROM person"""

MUTES = """
    INSERT INTO mute (kind, area, device, scene, reason, ends_at, created_by)
    SELECT 'silence', area, device, scene, 'x', now() + interval '1 day', 'x'
    FROM (VALUES ('own', NULL, NULL), (NULL, 'other-1', NULL), (NULL, NULL, 'nowhere'))
        AS m (area, device, scene)
"""

HANDOVERS = """
    INSERT INTO handover (desk, left_by, taken_by, stood)
    SELECT desk, 'x', 'y', '{"alerts": [], "notes": []}'
    FROM unnest(ARRAY['own', 'other', NULL]) AS d (desk)"""


@dataclass(frozen=True, kw_only=True)
class District:
    """A running server over two communities that have the same, and a client for each caller."""

    api: Api
    clients: dict[str, httpx.Client]
    names: dict[str, dict[str, Any]]
    """By `own` and `other`: what the paths name."""


async def _settle(store: Store) -> dict[str, Any]:
    """Fill both communities; return the headers of each caller, and the names in each area."""
    communities = [Area(code=code, level=AreaLevel.COMMUNITY, name=code) for code in ("own", "other")]
    doomed = [replace(one, code=f"{one.code}-doomed") for one in communities]
    await put_areas(store, [*communities, *doomed])
    names: dict[str, dict[str, Any]] = {}
    for area in ("own", "other"):
        camera = Device(id=f"{area}-2", scene="elevator", kind=DeviceKind.CAMERA, area=area, lift=f"{area}-1")
        sensors = [sensor(f"{area}-doomed-{caller}", area=area) for caller in (WHOLE, BOUND)]
        await register(store, sensor(f"{area}-1", area=area), camera, *sensors)
        picture = Evidence(media_type="image/jpeg", url="https://elsewhere.example/1.jpg", masked=True)
        made = await happen(store, f"{area}-1", evidence=[picture])
        names[area] = {
            "device": f"{area}-1", "lift": f"{area}-1", "code": area, "event": made["event"],
            "alert": made["alert"], "command": "none", "hold": 1, "action": "comment",
            "username": "nobody", "token": "nothing", "mute": 99, "handover": 99,
            "webhook": "none",
            "position": 1,
            "table": "shifts", "name": "minor", "worker": "w-nobody", "service": "none",
        }  # fmt: skip
    await register(store, sensor("nowhere-1"))
    await happen(store, "nowhere-1")
    await store.execute(DAY)
    await store.execute(ROSTER)
    await store.execute(MUTES)
    await store.execute(HANDOVERS)
    roles = {BOUND: Role.ADMINISTRATOR, OPERATOR: Role.OPERATOR, WORKER: Role.GRID_WORKER}
    accounts = [
        Account(username=f"caller-{one}", password_hash=None, role=role, area="own")
        for one, role in [*roles.items(), (PROGRAM, Role.INTEGRATION)]
    ]
    await put_accounts(store, accounts, by="a test")
    tokens = Tokens(await token_secret(store))
    given = {one: tokens.issue(Person(username=f"caller-{one}", role=role)) for one, role in roles.items()}
    given[WHOLE] = tokens.issue(Person(username="admin", role=Role.ADMINISTRATOR))
    given[PROGRAM] = await issue_token(store, "program", f"caller-{PROGRAM}", by="a test", ends_at=None)
    return {"tokens": given, "names": names}


@pytest.fixture(scope="module")
def district(
    postgres_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[District]:
    """Return a running server with two communities."""
    with copied_database(postgres_url, migrated_template) as database:
        settings = settings_for(database, tmp_path_factory.mktemp("api"))
        with serving(settings) as url:
            made = at_store(database, _settle)
            clients = {
                one: httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
                for one, token in made["tokens"].items()
            }
            api = Api(url=url, client=clients[WHOLE], settings=settings)
            yield District(api=api, clients=clients, names=made["names"])
            for client in clients.values():
                client.close()


def _routes(*, guarded: bool) -> set[str]:
    return {
        f"{method} {route.path}"
        for module in ROUTES
        for route in module.router.routes
        for method in route.methods
        if (route.path.startswith(GUARDED) and route.path not in OPEN) is guarded
    }


def test_every_route_stands_in_the_table_of_this_test() -> None:
    """A new route needs a line in MAY, and one in api/access.py."""
    assert _routes(guarded=True) == set(MAY)


WITHOUT_SIGNING_IN = {
    "GET /healthz": 200,
    "GET /readyz": 503,
    "GET /metrics": 200,
    "POST /api/v1/token": 401,
    "POST /api/v1/claim": 403,
    "POST /login": 403,
    "POST /logout": 403,
    "POST /handover": 403,
    "GET /worker": 303,
    "GET /worker/sign-in": 200,
    "GET /worker/{name}": 404,
    "GET /a/{token}": 404,
    "POST /a/{token}": 404,
    "POST /callbacks/{service}/{secret}": 404,
    "GET /callbacks/{service}": 404,
    "POST /callbacks/{service}": 404,
    "GET /login/wecom/{service}": 404,
    "GET /login/wecom/{service}/back": 422,
}
"""What a stranger gets who brings no proof, or a wrong one."""

WRONG_PROOF = {"token": "1-2-wrong", "service": "none", "secret": "wrong", "name": "none"}
FORMS = {
    "/api/v1/token": {"username": "admin", "password": "wrong"},
    "/login": {"username": "admin", "password": "wrong"},
}


def test_what_needs_no_signing_in_asks_for_a_proof_of_its_own(district: District) -> None:
    """A new route needs a line here, and one in api/access.py that says by what it knows who asks."""
    assert _routes(guarded=False) == set(WITHOUT_SIGNING_IN)
    assert {f"{method} {path}" for method, path in OWN_PROOF} == set(WITHOUT_SIGNING_IN)
    answers = {}
    for route in WITHOUT_SIGNING_IN:
        method, path = route.split(" ")
        url = f"{district.api.url}{path.format(**WRONG_PROOF)}"
        given: dict[str, Any] = {"data": FORMS.get(path, {})}
        if path.endswith("claim"):
            given = {"json": {"token": "wrong", "device": "own-1"}}
        signed = dict.fromkeys(("msg_signature", "timestamp", "nonce", "echostr"), "1")
        answer = httpx.request(method, url, params=signed, **(given if method == "POST" else {}))
        answers[route] = answer.status_code
        assert "set-cookie" not in answer.headers or "Max-Age=0" in answer.headers["set-cookie"], route
    assert answers == WITHOUT_SIGNING_IN


@pytest.mark.anyio
async def test_a_route_that_stands_nowhere_is_open_to_nobody() -> None:
    """Whoever forgets the table has built a closed door, and not an open one."""
    app = FastAPI()
    answer_with_problems(app)

    @app.get("/forgotten", dependencies=[Depends(check_access)])
    def forgotten() -> str:
        return "secret"

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.get("/forgotten")).status_code == 403


def _call(district: District, caller: str, route: str, where: str) -> httpx.Response:
    method, path = route.split(" ")
    names = district.names[where] | ({"device": f"{where}-doomed-{caller}"} if route == DOOMED_DEVICE else {})
    if route == DOOMED_AREA:
        names |= {"code": f"{where}-doomed"}
    query: dict[str, Any] = {"lon": 1, "lat": 1} if path.endswith("/at") else {}
    if path in WITH_DEVICE:
        query = {"device": names["device"]}
    if path == "/api/v1/figures/alerts":
        query = {"by": "area"}
    body: dict[str, Any] | None = {} if method in ("POST", "PUT", "PATCH") else None
    return district.clients[caller].request(method, path.format(**names), params=query, json=body)


WITH_DEVICE = ("/api/v1/readings", "/api/v1/whom")
"""They name a device in the query."""

ABSENT = (
    "{command}",
    "{position}",
    "{hold}",
    "{mute}",
    "{username}",
    "{token}",
    "{handover}",
    "{webhook}",
    "{name}",
    "{worker}",
    "{service}",
    "/view",
    "/at",
    "DELETE /api/v1/events",
)
"""What such routes ask for is there for nobody."""

DOOMED_DEVICE = "DELETE /api/v1/devices/{device}"
DOOMED_AREA = "DELETE /api/v1/areas/{code}"


@pytest.mark.parametrize("caller", [BOUND, OPERATOR, WORKER, PROGRAM, WHOLE])
def test_what_a_role_may_not_do_is_refused_in_every_area(district: District, caller: str) -> None:
    """Before the body is looked at: whoever may not call a route learns nothing from it."""
    wrong = {
        (route, where): answer.status_code
        for route in MAY
        if caller not in MAY[route]
        for where in ("own", "other")
        if (answer := _call(district, caller, route, where)).status_code != 403
    }
    assert wrong == {}


@pytest.mark.parametrize("caller", [BOUND, OPERATOR, WORKER, PROGRAM, WHOLE])
def test_what_a_role_may_do_is_let_through_in_its_own_area_alone(district: District, caller: str) -> None:
    """What is elsewhere is answered as if it did not exist; who sees all is let through everywhere."""
    wrong: dict[tuple[str, str], str] = {}
    for route, callers in MAY.items():
        if caller not in callers or route == STREAM:
            continue
        elsewhere = _call(district, caller, route, "other")
        own = _call(district, caller, route, "own")
        is_named = NAMED.search(route) is not None or route.split(" ")[1] in WITH_DEVICE
        if is_named and caller != WHOLE and elsewhere.status_code != 404:
            wrong[route, "other"] = elsewhere.text
        absent = any(word in route for word in ABSENT)
        is_refused = own.status_code in (401, 403) or "in your area" in own.text
        if is_refused or (own.status_code == 404 and not absent) or own.status_code >= 500:
            wrong[route, "own"] = own.text
    assert wrong == {}


@pytest.mark.parametrize("route", LISTS)
def test_lists_hold_what_lies_in_the_callers_area_alone(district: District, route: str) -> None:
    """What has no area belongs to those who see all."""
    for caller in CALLERS:
        if caller not in MAY[route]:
            continue
        text = _call(district, caller, route, "own").text
        assert LISTS[route] in text, caller
        assert ("other" in text) == (caller == WHOLE), caller
        assert caller == WHOLE or "nowhere" not in text


def test_a_filter_for_another_area_finds_nothing(district: District) -> None:
    """No filter widens what is seen."""
    worker, other = district.clients[OPERATOR], district.names["other"]
    for path, query in {
        "/api/v1/alerts": {"area": "other"},
        "/api/v1/devices": {"area": "other"},
        "/api/v1/events": {"device": other["device"]},
        "/api/v1/events ": {"alert": str(other["alert"])},
        "/api/v1/fire-weather": {"area": "other"},
    }.items():
        assert worker.get(path.strip(), params=query).json() == [], path
    assert worker.get("/api/v1/areas", params={"under": "other"}).status_code == 404
    assert worker.get("/api/v1/fire-weather", params={"station": "other-1"}).status_code == 404


def test_a_device_can_not_be_put_into_another_area_or_none(district: District) -> None:
    """Whoever looks after one community registers and moves devices within it."""
    client = district.clients[BOUND]
    device = {"id": "new-1", "scene": "fire", "kind": "sensor"}
    for area in ("other", None, "unknown"):
        answer = client.post("/api/v1/devices", json={**device, "area": area})
        assert (answer.status_code, answer.json()["detail"].startswith("area ")) == (403, True), area
        assert client.patch("/api/v1/devices/own-2", json={"area": area}).status_code == 403
    assert client.post("/api/v1/devices", json={**device, "area": "own"}).status_code == 201
    assert client.delete("/api/v1/devices/new-1").status_code == 204


def test_what_lies_below_the_own_area_is_seen_as_soon_as_it_is_there(district: District) -> None:
    """A building that is added to the community is the operator's at once."""

    async def build(store: Store) -> None:
        await put_areas(store, [Area(code="b", level=AreaLevel.BUILDING, name="b", parent="own")])
        await register(store, sensor("own-b", area="b"))

    district.api.stored(build)
    assert district.clients[OPERATOR].get("/api/v1/devices/own-b").status_code == 200
    assert district.clients[OPERATOR].get("/api/v1/areas/b").status_code == 200


def test_a_stream_brings_changes_of_the_own_area_alone_live_and_replayed(district: District) -> None:
    """An operator of one community hears of its alert, not of the other's or of one that lies nowhere."""

    async def much_happens(store: Store) -> None:
        for device in ("other-1", "nowhere-1", "own-1"):
            await happen(store, device)

    client = district.clients[OPERATOR]
    with connect_sse(client, "GET", "/api/v1/alerts/stream") as source:
        wait_until(lambda: _subscribers(district) == 1, what="the stream is subscribed")
        district.api.stored(much_happens)
        live = next(one for one in source.iter_sse() if one.event == "alert")
    with connect_sse(client, "GET", "/api/v1/alerts/stream", headers={"Last-Event-ID": "0"}) as source:
        replayed = []
        for one in source.iter_sse():
            if one.event == "alert":
                replayed.append(json.loads(one.data)["device"])
            if one.id == live.id:
                break
    assert json.loads(live.data)["device"] == "own-1"
    assert set(replayed) == {"own-1"}


def _subscribers(district: District) -> int:
    figures = httpx.get(f"{district.api.url}/metrics").text
    (line,) = (one for one in figures.splitlines() if one.startswith("gridwatch_feed_subscribers "))
    return int(float(line.split()[1]))


def _put(district: District, **given: Any) -> None:
    answer = district.clients[WHOLE].post("/api/v1/users", json=given)
    assert answer.status_code == 200, answer.text


def _token(district: District, username: str, password: str) -> httpx.Response:
    return httpx.post(f"{district.api.url}/api/v1/token", data={"username": username, "password": password})


def _let_in(district: District, token: str) -> bool:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{district.api.url}/api/v1/me", headers=headers).status_code == 200


def test_a_disabled_account_is_out_at_once_and_its_stream_ends(district: District) -> None:
    """Its token is still good by its signature, and lets nobody in."""
    _put(district, username="leaver", role="operator", area="own", password="a long password")
    token = _token(district, "leaver", "a long password").json()["access_token"]
    client = httpx.Client(base_url=district.api.url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
    with client, connect_sse(client, "GET", "/api/v1/alerts/stream") as source:
        wait_until(lambda: _subscribers(district) == 1, what="the stream is subscribed")
        _put(district, username="leaver", role="operator", area="own", disabled=True)
        wait_until(lambda: not _let_in(district, token), timeout_s=5, what="the account is out")

        async def happens(store: Store) -> None:
            await happen(store, "own-1")

        district.api.stored(happens)
        assert next(source.iter_sse()).event == "cut_off"
    assert _token(district, "leaver", "a long password").status_code == 401


def test_a_new_password_ends_the_tokens_of_the_old_one(district: District) -> None:
    """Whoever stole a token is out when the password is changed."""
    _put(district, username="changer", role="grid_worker", area="own", password="the first password")
    token = _token(district, "changer", "the first password").json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{district.api.url}/api/v1/me/password"
    wrong = {"old": "not the password", "new": "the second password"}
    assert httpx.post(url, json=wrong, headers=headers).status_code == 409
    right = {"old": "the first password", "new": "the second password"}
    assert httpx.post(url, json=right, headers=headers).status_code == 204
    wait_until(lambda: not _let_in(district, token), timeout_s=5, what="the old token is out")
    assert _token(district, "changer", "the first password").status_code == 401
    assert _let_in(district, _token(district, "changer", "the second password").json()["access_token"])


def test_a_programs_token_is_shown_once_and_can_be_taken_back(district: District) -> None:
    """What is kept is its hash; only accounts of integrations have such tokens."""
    admin = district.clients[WHOLE]
    _put(district, username="bridge", role="integration", area="own")
    assert admin.post("/api/v1/tokens", json={"name": "x", "username": "admin"}).status_code == 409
    made = admin.post("/api/v1/tokens", json={"name": "city-platform", "username": "bridge", "days": 30})
    token = made.json()["token"]
    assert made.status_code == 201
    assert _let_in(district, token)
    listed = admin.get("/api/v1/tokens")
    assert "city-platform" in listed.text
    assert token not in listed.text
    assert admin.delete("/api/v1/tokens/city-platform").status_code == 204
    wait_until(lambda: not _let_in(district, token), timeout_s=5, what="the token is out")

    async def end_in_the_past(store: Store) -> str:
        return await issue_token(
            store, "old", "bridge", by="a test", ends_at=datetime(2026, 1, 1, tzinfo=UTC)
        )

    old = district.api.stored(end_in_the_past)
    assert not _let_in(district, old)


def test_the_last_administrator_of_everything_can_not_be_shut_out(district: District) -> None:
    """Neither disabled, bound to an area, demoted nor deleted."""
    admin = district.clients[WHOLE]
    for change in ({"disabled": True}, {"area": "own"}, {"role": "operator"}):
        answer = admin.post("/api/v1/users", json={"username": "admin", "role": "administrator", **change})
        assert answer.status_code == 409, change
    assert admin.delete("/api/v1/users/admin").status_code == 409
    assert (
        admin.post("/api/v1/users", json={"username": "x", "role": "operator", "area": "?"}).status_code
        == 409
    )


def test_whose_area_is_gone_sees_nothing(district: District) -> None:
    """It must not turn into everything."""

    async def lose(store: Store) -> str:
        await put_areas(store, [Area(code="gone", level=AreaLevel.COMMUNITY, name="gone")])
        lost = Account(username="lost", password_hash=None, role=Role.OPERATOR, area="gone")
        await put_accounts(store, [lost], by="a test")
        await store.execute("DELETE FROM area WHERE code = 'gone'")
        return Tokens(await token_secret(store)).issue(Person(username="lost", role=Role.OPERATOR))

    headers = {"Authorization": f"Bearer {district.api.stored(lose)}"}
    url = f"{district.api.url}/api/v1"
    wait_until(
        lambda: httpx.get(f"{url}/me", headers=headers).status_code == 200, what="the account is known"
    )
    assert httpx.get(f"{url}/devices", headers=headers).json() == []
    assert httpx.get(f"{url}/alerts", headers=headers).json() == []
    assert httpx.get(f"{url}/areas", headers=headers).json()["features"] == []
