"""The grid worker's page in a real browser of a phone's size."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from gridwatch.media import encode_jpeg
from gridwatch.model import Evidence
from gridwatch.store import Store
from tests.api.grid import settle
from tests.api.incidents import happen, register, sensor
from tests.console.console import Console
from tests.console.worker import PHONE, SMALL_PHONE, phone

GREY = np.full((360, 640, 3), 90, np.uint8)

AWAY = re.compile("ERR_INTERNET_DISCONNECTED|ERR_NETWORK_CHANGED|ERR_CONNECTION_REFUSED|ERR_INCOMPLETE")
"""What a browser writes down while there is no network: it is no fault of the page."""

TOO_SMALL = """() => [...document.querySelectorAll('button, a[href], .photo, textarea, .choice label')]
    .filter((one) => one.checkVisibility() && !one.closest('h2') && one.getBoundingClientRect().height < 44)
    .map((one) => one.outerHTML)"""


async def _fire(store: Store) -> None:
    await happen(store, "smoke-1")


async def _ebike(store: Store) -> None:
    await happen(store, "lift-1", label="ebike")


MANY = """
    INSERT INTO alert (group_key, scene, label, severity, confidence, device_key, area,
                       observed_at, last_observed_at)
    SELECT id, 'fire', 'smoke', 'major', 0.5, key, area, now(), now() FROM device WHERE id LIKE 'many%'"""


async def _three(store: Store) -> None:
    for device, label in (("lift-1", "ebike"), ("facade-1", "falling_object"), ("smoke-1", "flame")):
        await happen(store, device, label=label)


def _faults(wrong: Sequence[str]) -> list[str]:
    return [one for one in wrong if not AWAY.search(one)]


def _check(page: Page) -> None:
    """Nothing is wider than the phone or too small for a thumb, and axe-core finds nothing serious."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(TOO_SMALL) == []
    found = Axe().run(page)
    serious = [one for one in found.response["violations"] if one["impact"] in ("serious", "critical")]
    assert serious == []


def test_an_alert_comes_and_is_taken_reached_and_handled_with_one_thumb(
    browser: Browser, console: Console, tmp_path: Path
) -> None:
    console.stored(settle)
    cv2.imwrite(str(tmp_path / "photo.png"), np.random.default_rng(3).integers(0, 255, (2000, 3000, 3)))
    with phone(browser, console) as (page, _, wrong):
        expect(page.get_by_text("没有需要您处理的告警")).to_be_visible()
        console.stored(_fire)
        card = page.locator("[data-alert='1']")
        expect(card).to_contain_text("紧急")
        expect(card).to_contain_text("还没有人接单")
        card.get_by_role("button", name="已看到").tap()
        expect(card).to_contain_text("张三 已看到")
        card.get_by_role("button", name="我去处理").tap()
        expect(card).to_contain_text("您已出发")
        card.get_by_role("button", name="求助").tap()
        expect(page.locator("#toast")).to_contain_text("已呼叫上一级")
        card.get_by_role("button", name="已到达").tap()
        expect(card).to_contain_text("您在处置")
        card.get_by_role("button", name="处置完成").tap()
        page.locator("#sheet input[type=file]").first.set_input_files(tmp_path / "photo.png")
        expect(page.locator("#sheet .shot")).to_have_count(1)
        page.get_by_role("textbox", name="说明").fill("电池已搬离 🔋")
        page.get_by_role("button", name="提交：处置完成").tap()
        expect(card).to_contain_text("zhang 处置完成")
        expect(page.locator("#toast")).to_contain_text("照片已上传")
        card.get_by_role("link").tap()
        photo = page.locator("#detail figure img")
        expect(photo).to_have_js_property("naturalWidth", 1600)
        expect(page.locator("#detail .timeline")).to_contain_text("电池已搬离 🔋")
    assert wrong == []


@pytest.mark.parametrize(
    ("size", "language", "scheme"), [(PHONE, "zh-CN", "light"), (SMALL_PHONE, "en", "dark")]
)
def test_every_view_fits_and_can_be_read_by_everybody(
    browser: Browser, console: Console, size: tuple[int, int], language: str, scheme: str
) -> None:
    async def scene(store: Store) -> None:
        await settle(store)
        await _three(store)
        picture = Evidence(media_type="image/jpeg", content=encode_jpeg(GREY), masked=True)
        await happen(store, "smoke-1", files=console.files, evidence=[picture])

    console.stored(scene)
    options: dict[str, Any] = {"color_scheme": scheme, "reduced_motion": "reduce"}
    with phone(browser, console, size=size, language=language, sign_in=False, **options) as (page, _, wrong):
        _check(page)
    with phone(browser, console, size=size, language=language, **options) as (page, _, more):
        cards = page.locator("article")
        expect(cards).to_have_count(3)
        texts = [cards.nth(n).locator(".band b").inner_text() for n in range(3)]
        assert texts == (
            ["紧急", "紧急", "重要"] if language == "zh-CN" else ["Critical", "Critical", "Major"]
        )
        expect(cards.first).to_contain_text("最紧急" if language == "zh-CN" else "Most urgent")
        _check(page)
        page.locator("article", has_text="锦竹苑一网格 · 3栋 · 烟感1").get_by_role("link").tap()
        expect(page.locator("#detail .timeline")).to_be_visible()
        expect(page.locator("#detail .pictures img")).to_have_js_property("naturalWidth", 640)
        calls = page.locator("#detail a[href^='tel:']").evaluate_all("all => all.map((one) => one.href)")
        assert calls == ["tel:119", "tel:02885800000", "tel:13911112222"]
        assert page.locator("#detail a[href*='uri.amap.com']").count() == 1
        _check(page)
        page.locator("#detail [data-focus=return]").tap()
        _check(page)
        page.keyboard.press("Escape")
        page.locator("#detail [data-focus=back]").tap()
        page.locator("#tabs button").last.tap()
        expect(page.locator(".me")).to_contain_text("锦竹苑一网格")
        _check(page)
    assert (wrong, more) == ([], [])


def test_a_keyboard_alone_is_enough(browser: Browser, console: Console) -> None:
    async def scene(store: Store) -> None:
        await settle(store)
        await _ebike(store)

    console.stored(scene)
    with phone(browser, console) as (page, _, wrong):
        card = page.locator("[data-alert='1']")
        expect(card).to_be_visible()
        _tab_to(page, "open")
        page.keyboard.press("Enter")
        expect(page.locator("#detail")).to_be_visible()
        _tab_to(page, "main")
        page.keyboard.press("Enter")
        expect(page.locator("#detail .who")).to_contain_text("您已出发")
        page.keyboard.press("Escape")
        expect(page.locator("#detail")).to_be_hidden()
        _tab_to(page, "main")
        page.keyboard.press("Space")
        expect(card).to_contain_text("您在处置")
        assert page.evaluate("document.activeElement.dataset.focus") == "main"
        _tab_to(page, "me")
        page.keyboard.press("Enter")
        expect(page.locator(".me")).to_be_visible()
    assert wrong == []


def _tab_to(page: Page, name: str) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement?.dataset?.focus") == name:
            return
    raise AssertionError(f"the tab key does not lead to {name}")


def test_what_is_done_offline_waits_is_sent_once_and_a_reload_shows_the_list(
    browser: Browser, console: Console, tmp_path: Path
) -> None:
    async def scene(store: Store) -> None:
        await settle(store)
        await _fire(store)

    console.stored(scene)
    cv2.imwrite(str(tmp_path / "photo.jpg"), GREY)
    with phone(browser, console) as (page, context, wrong):
        card = page.locator("[data-alert='1']")
        expect(card).to_be_visible()
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        page.wait_for_function("navigator.serviceWorker.controller !== null")
        context.set_offline(True)
        expect(page.locator(".banner.bad")).to_contain_text("起连接断开")
        card.get_by_role("button", name="我去处理").tap()
        expect(card).to_contain_text("等待发送：我去处理")
        card.get_by_role("button", name="已到达").tap()
        card.get_by_role("button", name="处置完成").tap()
        page.locator("#sheet input[type=file]").first.set_input_files(tmp_path / "photo.jpg")
        expect(page.locator("#sheet .shot")).to_have_count(1)
        page.get_by_role("button", name="提交：处置完成").tap()
        expect(card).to_contain_text("1 张照片等待发送")
        page.reload()
        expect(card).to_contain_text("等待发送：我去处理、已到达、处置完成")
        expect(page.locator(".banner.bad")).to_be_visible()
        assert _changes(console) == ["raised"]
        console.stored(_ebike)
        context.set_offline(False)
        expect(page.locator("#live.live")).to_be_visible()
        expect(page.locator("[data-alert='2']")).to_be_visible()
        expect(page.locator(".banner", has_text="等待发送")).to_have_count(0)
        expect(page.locator(".banner", has_text="断线")).to_contain_text("期间新告警 1 起")
    assert _changes(console) == ["raised", "accept", "arrive", "resolve", "photo"]
    assert _faults(wrong) == []


def _changes(console: Console) -> list[str]:
    async def read(store: Store) -> list[str]:
        rows = await store.rows("SELECT change FROM alert_change WHERE alert_id = 1 ORDER BY seq")
        return [row["change"] for row in rows]

    return console.stored(read)


def test_of_two_workers_the_second_is_told_who_was_first(browser: Browser, console: Console) -> None:
    async def scene(store: Store) -> None:
        await settle(store)
        await _fire(store)

    console.stored(scene)
    with phone(browser, console, "zhang") as (zhang, context, wrong):
        with phone(browser, console, "li") as (li, _, more):
            mine, theirs = (one.locator("[data-alert='1']") for one in (zhang, li))
            expect(mine).to_be_visible()
            context.set_offline(True)
            expect(zhang.locator(".banner.bad")).to_be_visible()
            mine.get_by_role("button", name="我去处理").tap()
            mine.get_by_role("button", name="已到达").tap()
            theirs.get_by_role("button", name="我去处理").tap()
            expect(theirs).to_contain_text("您已出发")
        context.set_offline(False)
        expect(mine.get_by_role("alert")).to_contain_text("“我去处理”没有成功：李四 已出发")
        expect(mine.get_by_role("alert")).to_contain_text("之后的 1 项操作也已取消")
        expect(mine.locator(".who")).to_have_text("李四 已出发")
        mine.get_by_role("button", name="知道了").tap()
        expect(mine.get_by_role("alert")).to_have_count(0)
    refused = [one for one in _faults(wrong) if "409" not in one]
    assert (refused, more) == ([], [])


def test_the_feed_goes_on_where_it_broke_off_when_the_server_was_killed(
    browser: Browser, console: Console
) -> None:
    console.stored(settle)
    with phone(browser, console) as (page, _, wrong):
        console.stored(_ebike)
        expect(page.locator("[data-alert='1']")).to_be_visible()
        console.kill()
        expect(page.locator("#live.lost")).to_be_visible()
        console.stored(_fire)
        console.start()
        expect(page.locator("[data-alert='2']")).to_be_visible()
        expect(page.locator("#live.live")).to_be_visible()
    assert _faults(wrong) == []


def test_rare_characters_and_emoji_are_shown_as_they_are_and_nothing_is_taken_for_markup(
    browser: Browser, console: Console
) -> None:
    name = "𠮷野家<b>䶮</b>🛵"

    async def scene(store: Store) -> None:
        await settle(store)
        await register(store, sensor("s-9", name=name, area="b"))
        await happen(store, "s-9")
        await store.execute("UPDATE person SET name = '㼆𫟹🐉' WHERE code = 'w-li'")

    console.stored(scene)
    with phone(browser, console, "zhang", size=SMALL_PHONE) as (page, _, wrong):
        card = page.locator("[data-alert='1']")
        expect(card.locator(".place")).to_contain_text(name)
        with phone(browser, console, "li") as (li, _, more):
            li.locator("[data-alert='1']").get_by_role("button", name="我去处理").tap()
            expect(card.locator(".who")).to_have_text("㼆𫟹🐉 已出发")
        assert page.locator("b", has_text="䶮").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert (wrong, more) == ([], [])


def test_sound_is_off_until_somebody_asks_for_it_and_then_rings_for_life_safety_alone(
    browser: Browser, console: Console
) -> None:
    console.stored(settle)
    with phone(browser, console) as (page, _, wrong):
        expect(page.get_by_text("叫醒您的是电话和消息")).to_be_visible()
        page.get_by_role("button", name="开启声音").tap()
        expect(page.locator("#sound")).to_have_attribute("aria-pressed", "true")
        console.stored(_ebike)
        expect(page.locator("[data-alert='1']")).to_be_visible()
        assert page.evaluate("window.gwBeeps") == 1
        console.stored(_fire)
        page.get_by_role("button", name="停止响铃").tap()
        assert page.evaluate("window.gwBeeps") >= 2
        expect(page.get_by_role("button", name="停止响铃")).to_have_count(0)
    assert wrong == []


def test_three_hundred_alerts_stay_usable_and_a_link_in_a_message_opens_its_own(
    browser: Browser, console: Console
) -> None:
    async def scene(store: Store) -> None:
        await settle(store)
        sensors = [sensor(f"many-{n}", name=f"烟感{n}", area="b") for n in range(300)]
        await register(store, *sensors)
        await store.execute(MANY)
        await _fire(store)

    console.stored(scene)
    with phone(browser, console) as (page, _, wrong):
        expect(page.locator("article")).to_have_count(300)
        expect(page.get_by_text("另有 1 起未显示")).to_be_visible()
        expect(page.locator("article").first).to_contain_text("明火")
        page.locator("article").first.get_by_role("button", name="我去处理").tap()
        expect(page.locator("article").first).to_contain_text("您已出发")
        page.goto(f"{console.url}/?alert=17")
        expect(page.locator("#detail")).to_contain_text("烟雾")
        page.go_back()
        expect(page.locator("#detail")).to_be_hidden()
    assert wrong == []
