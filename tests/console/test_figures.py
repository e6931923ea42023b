"""The page of figures in a real browser, and what it says without one."""

from datetime import date

import pytest
from playwright.sync_api import Browser, expect

from api.console.figures_page import read_span, why
from api.texts import Words
from gridwatch.areas.area import Area, AreaLevel
from gridwatch.false_alarms import verdicts
from gridwatch.model import Role
from gridwatch.store import Store
from gridwatch.store.actions import act
from gridwatch.store.areas import put_areas
from tests.api.incidents import happen, register, sensor
from tests.console.console import Console
from tests.console.test_console import operator
from tests.gridwatch.test_false_alarms import judged

JUDGED = {"bad": (6, 6), "good": (0, 6), "new": (1, 1)}
"""Of each sensor: its false alarms, and its alerts."""


async def a_month(store: Store) -> None:
    """Let one sensor cry wolf again and again, and another be right."""
    await put_areas(
        store,
        [
            Area(code="c", level=AreaLevel.COMMUNITY, name="锦竹社区"),
            Area(code="b", level=AreaLevel.BUILDING, name="3栋", parent="c"),
        ],
    )
    await register(store, *(sensor(name, name=f"烟感 {name}", area="b") for name in JUDGED))
    for name, (false, alerts) in JUDGED.items():
        for n in range(alerts):
            made = await happen(store, name)
            action = "false_alarm" if n < false else "resolve"
            await act(store, made["alert"], action, actor="admin", role=Role.ADMINISTRATOR)


def test_figures_are_shown_with_a_device_to_mend_and_why(browser: Browser, console: Console) -> None:
    console.stored(a_month)
    with operator(browser, console) as (page, wrong):
        page.goto(f"{console.url}/figures")
        charts = page.locator(".gw-chart")
        expect(charts).to_have_count(3)
        expect(charts.nth(2)).to_contain_text("锦竹社区")
        first = page.locator(".gw-wide tbody tr").first
        expect(first).to_contain_text("⚠ 建议检修")
        expect(first).to_contain_text("烟感 bad")
        expect(first).to_contain_text("误报率至少 61%，其他设备为 14%")
        expect(page.locator(".gw-wide tbody tr").filter(has_text="烟感 new")).to_contain_text("不作判断")
        with page.expect_download() as download:
            page.locator(".gw-wide").get_by_role("link", name="CSV").click()
        assert "bad,烟感 bad" in download.value.path().read_text("utf-8-sig")
        page.get_by_label("起始日期").fill("2020-01-01")
        page.get_by_label("结束日期").fill("2020-02-01")
        page.get_by_role("button", name="查看").click()
        expect(page.get_by_role("heading", name="这段时间没有告警")).to_be_visible()
        expect(page.get_by_text("第一次接单之后")).to_be_visible()
        page.get_by_role("link", name="English").click()
        expect(page.get_by_text("⚠ Mend")).to_be_visible()
        first_day = page.get_by_label("First day")
        expect(first_day).to_have_attribute("type", "text")  # The browser's own would show the month first.
        first_day.fill("11/02/2026")
        page.get_by_role("button", name="Show", exact=True).click()
        expect(page.get_by_text("First day: write 2026-11-23")).to_be_visible()
    assert wrong == []


async def a_demo(store: Store) -> None:
    """Let a simulated sensor tell of a fire, and somebody take it."""
    await put_areas(store, [Area(code="c", level=AreaLevel.COMMUNITY, name="模拟社区")])
    await register(store, sensor("sim", name="模拟烟感", area="c", simulated=True))
    made = await happen(store, "sim")
    await act(store, made["alert"], "accept", actor="admin", role=Role.ADMINISTRATOR)


def test_simulated_alerts_show_what_the_page_is_for_until_there_are_real_ones(
    browser: Browser, console: Console
) -> None:
    console.stored(a_demo)
    with operator(browser, console) as (page, wrong):
        page.goto(f"{console.url}/figures")
        expect(page.locator(".gw-note-line")).to_contain_text("以下统计的是模拟告警")
        expect(page.locator(".gw-chart").nth(2)).to_contain_text("模拟社区")
        expect(page.locator(".gw-table").first).to_contain_text("模拟社区")
        with page.expect_download() as download:
            page.locator(".gw-panel").first.get_by_role("link", name="CSV").click()
        assert ",fire,1," in download.value.path().read_text("utf-8-sig")
        console.stored(a_month)
        page.reload()
        expect(page.locator(".gw-chart").nth(2)).to_contain_text("锦竹社区")
        expect(page.locator(".gw-note-line")).to_have_count(0)
        expect(page.get_by_text("模拟社区")).to_have_count(0)
    assert wrong == []


def test_days_are_read_with_what_is_wrong() -> None:
    span = read_span("2026-11-01", "2026-11-02")
    assert (span.first, span.days) == (date(2026, 11, 1), ["2026-11-01", "2026-11-02"])
    assert span.since.isoformat() == "2026-11-01T00:00:00+08:00"
    assert span.until.isoformat() == "2026-11-03T00:00:00+08:00"
    for first, last, field in (("", "2026-11-02", "first"), ("2026-11-02", "x", "last")):
        with pytest.raises(ValueError, match=f"wrong_{field}"):
            read_span(first, last)
    for first, last in (("2026-11-02", "2026-11-01"), ("1926-11-02", "2026-11-01")):
        with pytest.raises(ValueError, match="wrong_order"):
            read_span(first, last)


def test_a_proposal_says_what_it_rests_on() -> None:
    bad, *others = verdicts([judged("bad", 12, 15), judged("good", 2, 20), judged("new", 1, 1)])
    assert why(bad, Words("en")).startswith("12 false, a share of at least 55%; the others have 14%.")
    assert {why(one, Words("en")) for one in others} == {
        "its share is at least 3%, not above the others' 81%",
        "only 1 judged, fewer than 5: not enough to say",
    }
