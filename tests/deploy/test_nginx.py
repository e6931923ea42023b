"""deploy/nginx/gridwatch.conf does in a real nginx what it says, with the API behind it."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from httpx_sse import connect_sse

from api.gate import LARGEST_BODY
from api.listeners import HEARTBEAT_S
from api.sign_in import GUESSES
from gridwatch.store import Store
from tests.api.incidents import happen, register, sensor
from tests.api.serving import PASSWORD, at_store, serving, settings_for
from tests.deploy.nginx import NAME, SITE, Front, nginx_before
from tests.servers import copied_database


@dataclass(frozen=True, kw_only=True)
class Site:
    """A running nginx before a running API."""

    front: Front
    database_url: str
    folder: Path

    @contextmanager
    def client(self, address: str = "127.0.0.1") -> Iterator[httpx.Client]:
        """Yield a client that comes from an address."""
        transport = httpx.HTTPTransport(verify=self.front.trust, local_address=address)
        with httpx.Client(base_url=self.front.url, transport=transport, timeout=60) as client:
            yield client

    @contextmanager
    def signed_in(self) -> Iterator[httpx.Client]:
        """Yield a client that brings a token."""
        with self.client() as client:
            form = {"username": "admin", "password": PASSWORD}
            token = client.post("/api/v1/token", data=form).json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            yield client


@pytest.fixture(scope="module")
def site(
    postgres_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Return nginx with our site before the API, on loopback."""
    folder = tmp_path_factory.mktemp("nginx")
    with copied_database(postgres_url, migrated_template) as database:
        settings = settings_for(database, folder).model_copy(update={"trusted_proxies": ("127.0.0.1",)})
        with serving(settings), nginx_before(settings.http_port, folder) as front:
            yield Site(front=front, database_url=database, folder=folder)


def test_plain_http_is_led_to_tls_and_browsers_remember_it(site: Site) -> None:
    led = httpx.get(f"{site.front.plain_url}/?alert=7", headers={"Host": NAME})
    assert (led.status_code, led.headers["location"]) == (301, f"https://{NAME}/?alert=7")
    with site.client() as client:
        page = client.get("/healthz")
        refused = client.get("/api/v1/alerts")
    assert page.status_code == 200
    assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")
    for answer in (page, refused):
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert page.headers["server"] == "nginx"


def test_an_alert_passes_through_at_once(site: Site) -> None:
    async def before(store: Store) -> None:
        await register(store, sensor("smoke-1"))

    async def something(store: Store) -> None:
        await happen(store, "smoke-1")

    at_store(site.database_url, before)
    with site.signed_in() as client, connect_sse(client, "GET", "/api/v1/alerts/stream") as source:
        assert "content-encoding" not in source.response.headers
        # The beginning of the answer has come, so the feed has us.
        at_store(site.database_url, something)
        event = next(one for one in source.iter_sse() if one.event == "alert")
    assert json.loads(event.data)["device"] == "smoke-1"


def test_who_asks_is_the_address_that_nginx_saw_whatever_a_client_claims(site: Site) -> None:
    def guess(address: str, **headers: str) -> int:
        form = {"username": "admin", "password": "wrong"}
        with site.client(address) as client:
            return client.post("/api/v1/token", data=form, headers=headers).status_code

    assert {guess("127.0.0.2") for _ in range(GUESSES)} == {401}
    assert guess("127.0.0.2") == 429
    assert guess("127.0.0.2", **{"X-Forwarded-For": "192.0.2.9"}) == 429
    assert guess("127.0.0.3") == 401


def test_a_browsers_cookie_is_for_tls_alone(site: Site) -> None:
    form = {"username": "admin", "password": PASSWORD}
    with site.client() as client:
        answer = client.post("/login", data=form, headers={"Origin": site.front.url})
    assert answer.status_code == 303
    assert "Secure" in answer.headers["set-cookie"]
    assert "HttpOnly" in answer.headers["set-cookie"]


def test_what_is_too_large_is_refused_by_the_api_in_its_own_words(site: Site) -> None:
    with site.signed_in() as client:
        answer = client.post("/api/v1/devices", content=b" " * (LARGEST_BODY + 1))
        assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
        far = client.post("/api/v1/devices", content=b" " * (LARGEST_BODY + 2 * 2**20))
        assert far.status_code == 413


def test_figures_are_not_for_strangers_and_secret_addresses_stay_out_of_the_log(site: Site) -> None:
    with site.client("127.0.0.4") as client:
        assert client.get("/metrics").status_code == 403
        assert client.get("/a/1-2-secret").status_code < 500
        client.get("/healthz")
    written = (site.folder / "access.log").read_text()
    assert "/healthz" in written
    assert "secret" not in written


def test_an_idle_feed_is_not_cut_off() -> None:
    """It says something more often than nginx gives up waiting."""
    found = re.search(r"proxy_read_timeout (\d+)s;", SITE)
    assert found is not None
    assert int(found[1]) > 2 * HEARTBEAT_S
