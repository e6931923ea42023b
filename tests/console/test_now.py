"""The pages Now and Alert as an operator uses them, in a real browser before a real `gridwatch api`."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from bench.console.town import hold_lift, raise_alert, settle_in
from gridwatch.model import Finding
from gridwatch.store import Store
from gridwatch.store.alerts import announce
from tests.console.console import Console
from tests.console.test_console import operator
from tests.servers import copied_database

MANY = 300
TILE = cv2.imencode(".png", np.full((256, 256, 3), 200, np.uint8))[1].tobytes()
SERIOUS = {"serious", "critical"}
CUT_IN_LIST = """
[...document.querySelectorAll(".gw-card :is(.gw-label, .gw-who, .gw-who b, .gw-due, .gw-facts, .gw-button)")]
    .filter((one) => one.scrollWidth > one.clientWidth + 1 && one.clientWidth).map((one) => one.textContent)
"""

ADD_MANY = """
    INSERT INTO alert (group_key, scene, label, severity, confidence, device_key, area, lon, lat, observed_at,
                       last_observed_at)
    SELECT 'g-' || n, 'fire', 'smoke', CASE WHEN n %% 10 = 0 THEN 'critical' ELSE 'minor' END, 0.8, key, area,
           lon, lat, now(), now()
    FROM device, generate_series(1, %(many)s) AS n WHERE id = 'smoke-1-0'
    RETURNING id"""


class _Tiles(BaseHTTPRequestHandler):
    """A tile server that remembers what it was asked for."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        """Answer with one grey tile."""
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.end_headers()
        self.wfile.write(TILE)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def test_a_tile_server_that_is_set_draws_the_ground_and_is_named(
    browser: Browser, postgres_url: str, migrated_template: str, tmp_path: Path
) -> None:
    """That nothing is asked from outside without it, every other test of these pages sees."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Tiles)
    Thread(target=server.serve_forever, daemon=True).start()
    tiles = f"http://127.0.0.1:{server.server_address[1]}"
    with copied_database(postgres_url, migrated_template) as database:
        console = Console(
            database, tmp_path, map_tiles=f"{tiles}/{{z}}/{{x}}/{{y}}.png", map_attribution="© 天府地图"
        )
        try:
            console.start()
            console.stored(_a_town)
            with operator(browser, console) as (page, wrong):
                expect(page.locator(".leaflet-tile-loaded").first).to_be_visible()
                expect(page.locator(".leaflet-control-attribution")).to_contain_text("© 天府地图")
                drawn = page.locator(".leaflet-tile-loaded").first.evaluate("one => one.naturalWidth")
            outside = {one for one in wrong if tiles not in one}
        finally:
            console.stop()
            server.shutdown()
            server.server_close()
    assert drawn == 256
    assert outside == set(), "nothing but tiles comes from elsewhere"
    assert _Tiles.asked
    assert all(re.fullmatch(r"/\d+/\d+/\d+\.png", path) for path in _Tiles.asked)


def found(label: str, confidence: float = 0.9) -> Finding:
    """Return what a detector found just now."""
    at = datetime.now(UTC)
    return Finding(label=label, confidence=confidence, observed_at=at, detector="sensor/3")


async def _a_town(store: Store) -> None:
    await settle_in(store)
    await store.execute("UPDATE device SET name = '南门🚒烟感' WHERE id = 'smoke-1-0'")
    await raise_alert(store, "smoke-3-2", found("smoke"))
    await raise_alert(store, "smoke-1-0", found("flame", 0.97))
    await raise_alert(store, "lift-3-camera", found("ebike"))
    await hold_lift(store)


async def _a_fire(store: Store) -> None:
    await raise_alert(store, "smoke-6-1", found("flame", 0.95))


def serious(page: Page) -> Sequence[str]:
    """Return what axe-core finds that keeps somebody from using the page."""
    violations = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['html'][:160]}"
        for one in violations
        if one["impact"] in SERIOUS
        for node in one["nodes"][:3]
    ]


@pytest.mark.parametrize(("language", "theme", "width"), [("zh-CN", "dark", 1366), ("en", "light", 1366)])
def test_the_worst_alert_stands_first_and_says_who_has_it_and_nothing_is_out_of_reach(
    browser: Browser, console: Console, language: str, theme: str, width: int
) -> None:
    console.stored(_a_town)
    cookies = {"gridwatch_language": language, "gridwatch_theme": theme}
    with operator(browser, console, width=width, cookies=cookies) as (page, wrong):
        first = page.locator(".gw-card").first
        expect(first).to_contain_text("南门🚒烟感")
        expect(first).to_contain_text("无人接单" if language == "zh-CN" else "Nobody has it")
        expect(page.locator(".gw-map .gw-mark-at")).to_have_count(3)
        assert page.evaluate(CUT_IN_LIST) == []
        assert serious(page) == []
        first.click()
        pane = page.locator(".gw-pane")
        expect(pane.locator("h1")).to_have_text("明火" if language == "zh-CN" else "Flame")
        expect(pane.locator(".gw-said-told")).to_contain_text("张三")
        expect(pane.locator(".gw-said-people")).to_contain_text("李𠮷")
        expect(pane.locator(".gw-said-why")).to_contain_text("97%")
        expect(page).to_have_url(re.compile(r"/\?alert=\d+$"))
        assert serious(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.go_back()
        expect(pane).to_be_hidden()
    assert wrong == []


def test_all_is_done_with_the_keyboard_alone(browser: Browser, console: Console) -> None:
    console.stored(_a_town)
    with operator(browser, console) as (page, wrong):
        rows = page.locator(".gw-card")
        expect(rows).to_have_count(3)
        flame = rows.filter(has_text="明火")
        page.keyboard.press("j")
        expect(flame).to_be_focused()
        page.keyboard.press("a")
        expect(flame).to_contain_text("admin 已看到，无人接单")
        page.keyboard.press("p")
        page.get_by_label("姓名或工号").press_sequentially("wg-03")
        choice = page.locator(".gw-choice")
        expect(choice).to_have_count(1)
        choice.press("Enter")
        expect(flame).to_contain_text("已指派 王㛃，未接单")
        expect(page.locator(".q-dialog")).to_have_count(0)
        page.keyboard.press("?")
        expect(page.locator(".gw-keys")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator(".q-dialog")).to_have_count(0)
        flame.press("Enter")
        pane = page.locator(".gw-pane")
        pane.get_by_role("button", name="登记119报警").press("Enter")
        page.get_by_label("警情编号").fill("119-0042")
        page.get_by_role("button", name="确定").press("Enter")
        expect(pane.locator(".gw-timeline")).to_contain_text(re.compile("报警人 admin.*警情编号 119-0042"))
        page.keyboard.press("m")
        page.get_by_label("原因").fill("检修")
        page.get_by_role("button", name="确定").press("Enter")
        expect(page.get_by_text("已静默至")).to_be_visible()
        page.keyboard.press("Escape")
        expect(pane).to_be_hidden()
        expect(flame).to_be_focused()
        page.keyboard.press("x")
        page.keyboard.press("j")
        page.keyboard.press("x")
        expect(page.locator(".gw-picked")).to_contain_text("已选 2 起")
        page.locator(".gw-picked").get_by_role("button", name="解决").press("Enter")
        expect(rows).to_have_count(1)
    assert wrong == []


def test_nothing_moves_under_the_pointer_and_a_held_lift_is_let_go(
    browser: Browser, console: Console
) -> None:
    console.stored(_a_town)
    with operator(browser, console) as (page, wrong):
        rows = page.locator(".gw-card")
        expect(rows).to_have_count(3)
        under = rows.nth(1)
        under.hover()
        before = under.bounding_box()
        console.stored(_a_fire)
        expect(page.locator(".gw-fresh")).to_contain_text(re.compile("1 起新告警.*紧急"))
        expect(rows).to_have_count(3)
        assert under.bounding_box() == before
        page.mouse.move(1000, 600)
        expect(rows.first).to_contain_text("6栋")
        console.stored(hold_lift)
        page.get_by_role("button", name="电梯门拦停 1").click()
        page.locator(".gw-lift").get_by_role("button", name="放行电梯").click()
        page.get_by_role("button", name="确定").click()
        expect(page.get_by_text("已放行 3栋客梯")).to_be_visible()
        released = "SELECT reason FROM lift_change WHERE change = 'released'"
        assert console.stored(lambda store: store.rows(released)) == [{"reason": "taken_out"}]
    assert wrong == []


def test_of_two_operators_at_once_each_sees_what_the_other_does(browser: Browser, console: Console) -> None:
    console.stored(_a_town)
    with operator(browser, console) as (one, wrong), operator(browser, console) as (two, also_wrong):
        for page in (one, two):
            expect(page.locator(".gw-card")).to_have_count(3)
        flame = two.locator(".gw-card").filter(has_text="明火")
        flame.click()
        two.locator(".gw-pane").get_by_role("button", name="误报").click()
        one.locator(".gw-card").filter(has_text="明火").click()
        one.locator(".gw-pane").get_by_role("button", name="解决").click()
        expect(flame).to_have_count(0)
        expect(two.locator(".gw-pane")).to_contain_text("已解决")
        two.get_by_role("button", name="确定").click()
        expect(two.get_by_text("操作未成功")).to_be_visible()
    assert wrong == also_wrong == []


def test_an_empty_system_says_so_and_of_many_alerts_the_worst_are_shown(
    browser: Browser, console: Console
) -> None:
    async def many(store: Store) -> None:
        await settle_in(store)
        async with store.transaction() as connection:
            rows = await (await connection.execute(ADD_MANY, {"many": MANY})).fetchall()
            await announce(connection, {row["id"]: "raised" for row in rows})

    with operator(browser, console) as (page, wrong):
        expect(page.locator(".gw-empty")).to_have_text("没有待办告警")
        console.stored(many)
        rows = page.locator(".gw-card")
        expect(rows).to_have_count(60)
        expect(page.locator(".gw-counts")).to_contain_text(re.compile(r"紧急\s*30.*一般\s*270"))
        expect(rows.nth(29)).to_contain_text("紧急")
        expect(rows.nth(30)).to_contain_text("一般")
        page.get_by_role("button", name="还有 240 起").click()
        expect(rows).to_have_count(120)
    assert wrong == []
