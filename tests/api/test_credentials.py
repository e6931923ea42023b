"""Credentials over HTTP, and claims of fleets."""

from datetime import timedelta

import httpx
import pytest

from api.sign_in import GUESSES
from gridwatch.store.claims import access_log, make_tokens
from gridwatch.store.credentials import verify
from tests.api.serving import Api

DEVICE = {"id": "s1", "scene": "fire", "kind": "sensor"}


@pytest.fixture
def registered(api: Api) -> Api:
    """Return a server with one device."""
    assert api.client.post("/api/v1/devices", json=DEVICE).status_code == 201
    api.stored(lambda store: store.execute("TRUNCATE bootstrap_token, access_log"))
    return api


def is_good(api: Api, answer: httpx.Response) -> bool:
    """Say whether what an answer gives lets a device in."""
    said = answer.json()
    identity = api.stored(lambda store: verify(store, said["username"], said["password"]))
    return identity is not None and identity.device == said["device"]


def claims(api: Api, token: str, device: str = "s1") -> httpx.Response:
    """Claim without being signed in."""
    return httpx.post(f"{api.url}/api/v1/claim", json={"token": token, "device": device})


def tokens_of(api: Api, count: int, good_for: timedelta = timedelta(days=1)) -> list[str]:
    """Make tokens."""
    made = make_tokens
    return list(api.stored(lambda store: made(store, count, batch="autumn", good_for=good_for, actor="test")))


def test_a_password_is_given_once_and_listed_without_it(registered: Api) -> None:
    given = registered.client.post("/api/v1/devices/s1/credentials")
    assert given.status_code == 201
    assert given.headers["Cache-Control"] == "no-store"
    assert is_good(registered, given)
    listed = registered.client.get("/api/v1/devices/s1/credentials")
    assert [one["username"] for one in listed.json()] == ["s1"]
    assert given.json()["password"] not in listed.text


def test_the_old_password_stays_good_as_long_as_is_asked_for(registered: Api) -> None:
    first, second, third = (
        registered.client.post("/api/v1/devices/s1/credentials", json=body)
        for body in (None, {"overlap_s": 3600}, {"overlap_s": 0})
    )
    assert [is_good(registered, answer) for answer in (first, second, third)] == [False, False, True]
    wrong = registered.client.post("/api/v1/devices/s1/credentials", json={"overlap_s": -1})
    assert wrong.status_code == 422


def test_what_is_taken_back_is_no_good(registered: Api) -> None:
    given = registered.client.post("/api/v1/devices/s1/credentials")
    assert registered.client.delete("/api/v1/devices/s1/credentials").status_code == 204
    assert not is_good(registered, given)
    assert registered.client.delete("/api/v1/devices/s1/credentials").status_code == 404
    assert registered.client.post("/api/v1/devices/nobody/credentials").status_code == 404


def test_nobody_gets_a_credential_without_signing_in(registered: Api) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = httpx.request(method, f"{registered.url}/api/v1/devices/s1/credentials")
        assert answer.status_code == 401


def test_a_token_is_good_for_one_device_and_one_time(registered: Api) -> None:
    registered.client.post("/api/v1/devices", json={**DEVICE, "id": "s2"})
    token, other = tokens_of(registered, 2)
    claimed = claims(registered, token)
    assert claimed.status_code == 201
    assert is_good(registered, claimed)
    assert claims(registered, token, "s2").status_code == 403
    assert claims(registered, other).status_code == 403, "s1 has its credential already"
    assert claims(registered, other, "nobody").status_code == 403
    assert claims(registered, other, "s2").status_code == 201, "a refusal uses nothing up"
    log = registered.stored(lambda store: access_log(store, "s2"))
    assert [(entry.actor, entry.action) for entry in log] == [
        ("127.0.0.1", "claimed"),
        ("127.0.0.1", "claim refused"),
    ]


def test_a_token_that_is_too_old_is_no_good(registered: Api) -> None:
    (token,) = tokens_of(registered, 1, timedelta(seconds=-1))
    assert claims(registered, token).status_code == 403


def test_the_token_is_in_no_table(registered: Api) -> None:
    (token,) = tokens_of(registered, 1)
    claims(registered, token)
    for table in ("bootstrap_token", "access_log", "credential"):
        query = f"SELECT string_agg(t::text, ' ') AS text FROM {table} t"  # noqa: S608
        row = registered.stored(lambda store, query=query: store.row(query))  # type: ignore[misc]
        assert row is not None
        assert token not in row["text"]


def test_who_guesses_tokens_must_wait(registered: Api) -> None:
    # The last of this file: the others would have to wait too.
    answers = [claims(registered, f"a guess {n}") for n in range(GUESSES + 1)]
    assert answers[0].status_code == 403
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) > 0
