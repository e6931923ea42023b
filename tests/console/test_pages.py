"""Every page beside the first: nothing keeps anybody from using it, in both languages, sizes and themes."""

import re
from pathlib import Path

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

WITHOUT_PANELS = ("/", "/cameras", "/knocking", "/cameras/view?device=bad")
CUT = """
[...document.querySelectorAll(".q-field__label, .q-field .ellipsis, .gw-table td, .gw-table th, .gw-label")]
    .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)
"""
STYLES = Path(__file__).parents[2] / "api" / "console"


async def a_town(store: Store) -> None:
    """Let alerts have been judged, and a stranger knock."""
    await a_month(store)
    await store.execute(KNOCK)


@pytest.mark.parametrize(
    ("language", "theme", "width"), [("zh-CN", "dark", 1366), ("en", "light", 1366), ("en", "dark", 1920)]
)
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
            assert page.evaluate(CUT) == [], f"{path} cuts what it says"
    assert {path: said for path, said in found.items() if said} == {}
    assert wrong == []


def test_the_way_to_the_other_pages_stands_in_the_same_place_on_each(
    browser: Browser, console: Console
) -> None:
    console.stored(a_town)
    with operator(browser, console, width=1366) as (page, wrong):
        places = {}
        for path in (*WITHOUT_PANELS, *PATHS):
            page.goto(console.url + path)
            expect(page.locator(".gw-nav .gw-current")).to_have_count(1)
            boxes = [link.bounding_box() for link in page.locator(".gw-nav .gw-link").all()]
            places[path] = [round(box["x"]) for box in boxes if box]
            assert page.evaluate("document.querySelector('.gw-header').scrollWidth <= innerWidth"), path
        widest = max(abs(x - y) for found in places.values() for x, y in zip(found, places["/"], strict=True))
        assert widest <= 4, "more than what a bold word takes"
    assert wrong == []


def test_light_or_dark_is_chosen_on_any_page_and_stays(browser: Browser, console: Console) -> None:
    with operator(browser, console, width=1366) as (page, wrong):
        for path, theme in (("/figures", "light"), ("/", "dark"), ("/cameras", "light")):
            page.goto(console.url + path)
            page.get_by_role("button", name="明暗切换").click()
            expect(page.locator(f"html[data-theme={theme}] body")).to_be_visible()
            page.wait_for_load_state("networkidle")
            expect(page.locator(f"html[data-theme={theme}] .gw-nav")).to_be_visible()
    assert wrong == []


def test_a_colour_stands_once_for_dark_and_once_for_light() -> None:
    defined = {
        path.name: re.findall(
            r"^\s*(--gw-[a-z-]+): |; (--gw-[a-z-]+): #", path.read_text("utf-8"), re.MULTILINE
        )
        for path in STYLES.glob("*.css")
    }
    print_only = {"--gw-text", "--gw-quiet", "--gw-line"}
    names = ["".join(found) for found in defined["style.css"]]
    palette = {name for name in names if name != "--gw-severity"}
    assert len(palette) > 20
    assert all(names.count(name) == 2 for name in palette), "each once for dark and once for light"
    assert {"".join(found) for found in defined["pages.css"]} <= print_only
