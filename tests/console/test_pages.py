"""Every page beside the first: nothing keeps anybody from using it, in both languages, sizes and themes."""

import pytest
from playwright.sync_api import Browser, expect

from gridwatch.store import Store
from tests.console.console import Console
from tests.console.test_console import operator
from tests.console.test_figures import a_month
from tests.console.test_knocking import KNOCK
from tests.console.test_now import serious

PATHS = (
    "/handover",
    "/figures",
    "/devices",
    "/devices/one?device=bad",
    "/quarantine",
    *(
        f"/administration?part={part}"
        for part in ("whom", "roster", "areas", "escalation", "accounts", "integrations", "keeping")
    ),
)


async def a_town(store: Store) -> None:
    """Let alerts have been judged, and a stranger knock."""
    await a_month(store)
    await store.execute(KNOCK)


@pytest.mark.parametrize(("language", "theme", "width"), [("zh-CN", "dark", 1366), ("en", "light", 1920)])
def test_nothing_keeps_anybody_from_using_a_page(
    browser: Browser, console: Console, language: str, theme: str, width: int
) -> None:
    console.stored(a_town)
    cookies = {"gridwatch_language": language, "gridwatch_theme": theme}
    found: dict[str, object] = {}
    with operator(browser, console, width=width, cookies=cookies) as (page, wrong):
        for path in PATHS:
            page.goto(console.url + path)
            expect(page.locator(".gw-page .gw-panel").first).to_be_visible()
            page.wait_for_load_state("networkidle")
            found[path] = serious(page)
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{path} is wider than the screen"
    assert {path: said for path, said in found.items() if said} == {}
    assert wrong == []
