"""Handing a shift over in a real browser, by keyboard, in both languages, light and dark."""

import re

from playwright.sync_api import Browser, expect

from gridwatch.store import Store
from gridwatch.store.handovers import list_handovers
from tests.api.serving import PASSWORD
from tests.api.test_handovers import a_shift
from tests.console.console import Console
from tests.console.test_console import operator


async def _handovers(store: Store) -> list[tuple[str, str, int, int]]:
    rows = await list_handovers(store)
    return [(row["left_by"], row["taken_by"], row["alerts"], row["notes"]) for row in rows]


def test_a_shift_is_handed_over_with_both_signatures_and_read_later(
    browser: Browser, console: Console
) -> None:
    console.stored(a_shift)
    with operator(browser, console) as (page, wrong):
        page.get_by_role("link", name="交接班").click()
        stands = page.locator(".gw-panel").first
        expect(stands).to_contain_text("锦竹社区 3栋 · 烟感")
        expect(stands).to_contain_text("消防主机检修")
        page.get_by_label("记录一件事").fill("3栋门禁坏了 𠮷 🔧 <b>")
        page.get_by_role("button", name="记下").click()
        expect(stands).to_contain_text("3栋门禁坏了 𠮷 🔧 <b>")
        page.get_by_label("接班人用户名").fill("wang")
        page.get_by_label("接班人密码").fill("not it")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert").filter(has_text="接班人")).to_contain_text("用户名或密码不正确")
        page.get_by_label("接班人用户名").fill("wang")
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        sheet = page.locator(".gw-sheet")
        expect(sheet).to_contain_text(re.compile("admin 交班，wang 接班"))
        expect(sheet).to_contain_text("3栋门禁坏了 𠮷 🔧 <b>")
        page.get_by_role("link", name="English").click()
        expect(sheet).to_contain_text("admin left, wang took over")
        page.get_by_role("button", name="Light or dark").click()
        expect(page.locator("html[data-theme=light] body")).to_be_visible()
        page.get_by_role("link", name="Back to now").click()
        expect(page.get_by_role("link", name=re.compile(r"\d{4}-\d\d-\d\d"))).to_have_count(1)
        expect(page.locator(".gw-panel").first).to_contain_text("This shift began at")
    assert wrong == []
    assert console.stored(_handovers) == [("admin", "wang", 1, 1)]
