"""Nobody gets in without a good token, and passwords can't be guessed."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import jwt
import pytest

from api.first_administrator import make_first_administrator
from api.gate import COOKIE
from api.problems import MEDIA_TYPE
from api.sign_in import GUESSES, Passwords, Person, Tokens, sign_in
from gridwatch.model import Role
from gridwatch.settings import read_settings
from gridwatch.store import Store
from gridwatch.store.accounts import token_secret
from tests.api.serving import PASSWORD, Api, at_store, serving, settings_for


def test_a_good_password_brings_a_token_that_lets_in(api: Api) -> None:
    answer = httpx.post(f"{api.url}/api/v1/token", data={"username": "admin", "password": PASSWORD})
    assert answer.status_code == 200
    token = answer.json()
    assert token["token_type"] == "bearer"
    assert token["expires_in"] == 12 * 3600
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    assert httpx.get(f"{api.url}/api/v1/alerts", headers=headers).json() == []


@pytest.mark.parametrize("username", ["admin", "nobody", "no\0body"])
def test_a_wrong_name_and_a_wrong_password_are_refused_alike(api: Api, username: str) -> None:
    answer = httpx.post(f"{api.url}/api/v1/token", data={"username": username, "password": "wrong"})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.json()["detail"] == "wrong name or password"


def test_many_guesses_from_one_address_must_wait_even_with_the_right_password(
    database_url: str, tmp_path: Path
) -> None:
    wrong = {"username": "admin", "password": "wrong"}
    right = {"username": "admin", "password": PASSWORD}
    with serving(settings_for(database_url, tmp_path)) as url:
        for _ in range(GUESSES):
            assert httpx.post(f"{url}/api/v1/token", data=wrong).status_code == 401
        refused = httpx.post(f"{url}/api/v1/token", data=right)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 60


def test_every_route_below_api_needs_a_token(api: Api) -> None:
    paths = httpx.get(f"{api.url}/openapi.json").json()["paths"]
    guarded = {path: operations for path, operations in paths.items() if path.startswith("/api/")}
    assert len(guarded) > 8
    for path, operations in {**guarded, "/api/v1/nothing": {"get": {}}}.items():
        if path in ("/api/v1/token", "/api/v1/claim"):
            continue
        for method in operations:
            answer = httpx.request(method, api.url + re.sub(r"{\w+}", "1", path))
            assert answer.status_code == 401, (method, path)
            assert answer.json()["status"] == 401


def test_health_needs_no_token(api: Api) -> None:
    assert httpx.get(f"{api.url}/healthz").json() == {"alive": True}
    assert "gridwatch_database_up 1.0" in httpx.get(f"{api.url}/metrics").text


def test_tokens_of_another_installation_or_too_old_are_refused(api: Api) -> None:
    secret = api.stored(token_secret)
    person = Person(username="admin", role=Role.ADMINISTRATOR)
    old = {"sub": "admin", "epoch": 0, "exp": datetime.now(UTC) - timedelta(seconds=1)}
    endless = {"sub": "admin", "epoch": 0}
    tokens = [
        Tokens(b"another installation's secret 32").issue(person),
        jwt.encode(old, secret, "HS256"),
        jwt.encode(endless, secret, "HS256"),
        jwt.encode({**endless, "exp": 2**33}, "", "none"),
        "nonsense",
    ]
    for token in tokens:
        answer = httpx.get(f"{api.url}/api/v1/alerts", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401


def test_a_browser_signs_in_by_a_cookie_that_scripts_cannot_read(api: Api) -> None:
    form = {"username": "admin", "password": PASSWORD}
    own = {"Sec-Fetch-Site": "same-origin"}
    with httpx.Client(base_url=api.url) as browser:
        answer = browser.post("/login", data=form, headers=own)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert "httponly" in answer.headers["set-cookie"].lower()
        assert "samesite=lax" in answer.headers["set-cookie"].lower()
        assert browser.get("/api/v1/alerts").status_code == 200
        assert browser.post("/api/v1/alerts/1/resolve", headers=own).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://elsewhere.example"}, {}],
    ids=["says so", "origin", "silent"],
)
def test_another_site_can_change_nothing_with_the_cookie(api: Api, headers: dict[str, str]) -> None:
    token = api.client.headers["Authorization"].removeprefix("Bearer ")
    cookie = {"Cookie": f"{COOKIE}={token}"}
    answer = httpx.post(f"{api.url}/api/v1/alerts/1/resolve", headers={**cookie, **headers})
    assert answer.status_code == 403


def test_the_first_administrators_password_is_made_once(database_url: str) -> None:
    async def scene(store: Store) -> None:
        passwords, settings = Passwords(), read_settings(database_url=database_url)
        password = await make_first_administrator(store, passwords, settings)
        assert password is not None
        assert await sign_in(store, passwords, "admin", password) is not None
        assert await make_first_administrator(store, passwords, settings) is None

    at_store(database_url, scene)


def test_without_an_account_no_password_is_right() -> None:
    async def scene() -> bool:
        return await Passwords().match(None, "nobody has this one")

    assert not asyncio.run(scene())
