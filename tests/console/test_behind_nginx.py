"""The console behind the nginx of deploy/, with TLS: it opens, stays connected, and shows what is new."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, WebSocket, expect

from gridwatch.store import Store
from tests.api.incidents import happen, register, sensor
from tests.api.serving import PASSWORD
from tests.console.console import Console
from tests.deploy.nginx import Front, nginx_before


@pytest.fixture
def served(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Console, Front]]:
    """Return a console and the nginx before it, whose address it calls its own."""
    console = Console(database_url, tmp_path)
    with nginx_before(console.port, tmp_path) as front:
        monkeypatch.setenv("GRIDWATCH_PUBLIC_URL", front.url)
        monkeypatch.setenv("GRIDWATCH_TRUSTED_PROXIES", "127.0.0.1")
        console.start()
        try:
            yield console, front
        finally:
            console.stop()


async def _a_sensor(store: Store) -> None:
    await register(store, sensor("s-1", name="南门烟感"))


async def _fire(store: Store) -> None:
    await happen(store, "s-1")


def test_the_console_opens_over_tls_keeps_its_websocket_and_shows_a_new_alert(
    browser: Browser, served: tuple[Console, Front]
) -> None:
    console, front = served
    console.stored(_a_sensor)
    context = browser.new_context(ignore_https_errors=True)
    page, wrong = context.new_page(), list[str]()
    sockets: list[WebSocket] = []
    """The newest first."""
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("websocket", lambda socket: sockets.insert(0, socket))
    try:
        page.goto(front.url)
        expect(page).to_have_url(re.compile("/login"))
        page.fill("input[name=username]", "admin")
        page.fill("input[name=password]", PASSWORD)
        page.click("button[type=submit]")
        expect(page.locator(".gw-header")).to_be_visible()
        assert page.url.startswith(front.url)
        console.stored(_fire)
        card = page.locator("[data-alert='1']")
        expect(card).to_contain_text("明火")
        card.get_by_role("button", name="确认").click()
        expect(card).to_contain_text(re.compile("已确认"))
        newest = sockets[0]
        assert newest.url.startswith(front.url.replace("https", "wss"))
        assert not newest.is_closed()
        pages = [parse_qs(urlsplit(one.url).query)["client_id"][0] for one in sockets]
        assert len(set(pages)) == len(pages), "no page had to connect again"
    finally:
        context.close()
    assert wrong == []
