"""The console in a real browser: alerts appear, are answered, and a restart is survived."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import numpy as np
from playwright.sync_api import Browser, Page, expect

from gridwatch.areas.area import Area, AreaLevel, GridKind
from gridwatch.media import encode_jpeg, encode_mp4
from gridwatch.model import Evidence, Picture
from gridwatch.store import Store
from gridwatch.store.areas import put_areas
from gridwatch.store.devices import delete_devices
from tests.api.incidents import happen, register, sensor
from tests.api.serving import PASSWORD, shut_out
from tests.console.console import Console
from tests.servers import wait_until

GREY = np.full((72, 128, 3), 90, np.uint8)
START = datetime(2026, 11, 23, 8, tzinfo=UTC)

SQUARE = {"type": "Polygon", "coordinates": [[[120, 30], [120.2, 30], [120.2, 30.3], [120, 30.3], [120, 30]]]}


async def _a_building(store: Store) -> None:
    await put_areas(store, [Area(code="b-3", level=AreaLevel.BUILDING, name="3栋", boundary=SQUARE)])
    real = sensor("s-1", name="烟感<b>1</b>", area="b-3")
    await register(store, real, sensor("s-2", name="南门", simulated=True))


async def _fire(store: Store) -> None:
    await happen(store, "s-1")


@contextmanager
def operator(
    browser: Browser,
    console: Console,
    *,
    path: str = "/",
    width: int = 1366,
    cookies: Mapping[str, str] = MappingProxyType({}),
    username: str = "admin",
) -> Iterator[tuple[Page, list[str]]]:
    """Yield a page whose operator is signed in, and what went wrong on it."""
    context = browser.new_context(viewport={"width": width, "height": width * 9 // 16})
    for name, value in cookies.items():
        context.add_cookies([{"name": name, "value": value, "url": console.url}])
    page, wrong = context.new_page(), list[str]()
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: _note_outsider(request.url, console, wrong))
    page.goto(console.url + path)
    expect(page).to_have_url(re.compile("/login"))
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    expect(page.locator(".gw-header")).to_be_visible()
    yield page, wrong
    context.close()


def _note_outsider(url: str, console: Console, wrong: list[str]) -> None:
    own = (console.url, console.url.replace("http", "ws"), "data:", "blob:")
    if not url.startswith(own):
        wrong.append(f"asks another server: {url}")


def test_an_alert_appears_within_a_second_and_is_acknowledged_and_resolved(
    browser: Browser, console: Console
) -> None:
    console.stored(_a_building)
    with operator(browser, console) as (page, wrong):
        expect(page.locator(".gw-area")).to_have_text("3栋")
        console.stored(_fire)
        card = page.locator("[data-alert='1']")
        expect(card).to_contain_text("紧急")
        expect(card).to_contain_text("明火")
        expect(card).to_contain_text("3栋 · 烟感<b>1</b>")
        expect(page.locator(".gw-map .gw-mark-at")).to_have_count(1)
        card.get_by_role("button", name="确认").click()
        expect(card).to_contain_text(re.compile("已确认.*admin 已看到，无人接单"))
        card.click()
        page.locator(".gw-pane").get_by_role("button", name="解决").click()
        page.mouse.move(1000, 400)
        expect(card).to_be_hidden()
        page.get_by_role("button", name="含已结束").click()
        expect(card).to_contain_text(re.compile("已解决.*admin"))
    assert wrong == []


def test_who_answers_an_alert_sees_whom_to_call_and_the_recorder(browser: Browser, console: Console) -> None:
    async def scene(store: Store) -> None:
        contact = {"address": "锦竹苑3栋2单元501", "telephone": "028 8580 0000"}
        await put_areas(store, [Area(code="m", level=AreaLevel.GRID, grid=GridKind.MICRO, name="微网格")])
        await store.execute(
            """WITH one AS (INSERT INTO person (code, name, phone, duties)
                            VALUES ('answers-m', '张三', '13800000001', '巡查') RETURNING key)
               INSERT INTO responsibility (person_key, area) SELECT key, 'm' FROM one"""
        )
        url = "https://nvr.example/?from={start}"
        await register(store, sensor("s-1", area="m", playback_url=url, **contact))
        await happen(store, "s-1")

    console.stored(scene)
    with operator(browser, console) as (page, wrong):
        card = page.locator("[data-alert='1']")
        expect(card).not_to_contain_text("8580")
        card.locator(".gw-thumbnail").click()
        expect(page.locator(".gw-said-place")).to_contain_text("锦竹苑3栋2单元501")
        numbers = page.locator(".gw-pane a[href^='tel:']")
        expect(numbers.first).to_have_attribute("href", "tel:02885800000")
        expect(numbers.last).to_have_attribute("href", "tel:13800000001")
        expect(page.locator(".gw-contact")).to_contain_text("张三 · 巡查 · 微网格 · 值班")
        link = page.get_by_role("link", name="录像回放")
        expect(link).to_have_attribute("href", re.compile(r"^https://nvr\.example/\?from=\d{10}$"))
    assert wrong == []


def test_evidence_that_is_gone_is_a_plain_sentence_and_no_broken_picture(
    browser: Browser, console: Console
) -> None:
    pictures = [Picture(pixels=GREY, at=START + timedelta(seconds=i / 5)) for i in range(3)]
    evidence = [
        Evidence(media_type="image/jpeg", content=encode_jpeg(GREY), masked=True),
        Evidence(media_type="video/mp4", content=encode_mp4(pictures), masked=True),
    ]

    async def scene(store: Store) -> None:
        await _a_building(store)
        await happen(store, "s-1", files=console.files, evidence=evidence)

    console.stored(scene)
    for path in console.files.folder.rglob("*.*"):
        path.unlink()
    with operator(browser, console) as (page, _):
        picture = page.locator("[data-alert='1'] .gw-thumbnail")
        expect(picture).to_contain_text("证据无法显示")
        expect(picture.locator("img")).to_have_count(0)
        picture.click()
        expect(page.locator(".gw-said-evidence")).to_contain_text(re.compile("证据无法显示.*证据无法显示"))
        expect(page.locator(".gw-said-evidence :is(img, video)")).to_have_count(0)


def test_evidence_is_shown_and_clips_play_and_simulated_alerts_say_so(
    browser: Browser, console: Console
) -> None:
    pictures = [Picture(pixels=GREY, at=START + timedelta(milliseconds=100 * n)) for n in range(10)]
    evidence = [
        Evidence(media_type="image/jpeg", content=encode_jpeg(GREY), masked=True),
        Evidence(media_type="video/mp4", content=encode_mp4(pictures), masked=True),
    ]

    async def scene(store: Store) -> None:
        await _a_building(store)
        await happen(store, "s-2", files=console.files, evidence=evidence)

    console.stored(scene)
    with operator(browser, console) as (page, wrong):
        card = page.locator("[data-alert='1']")
        expect(card).to_contain_text("模拟")
        page.wait_for_function("document.querySelector('.gw-thumbnail img').naturalWidth === 128")
        card.locator(".gw-thumbnail").hover()
        page.wait_for_function("document.querySelector('.gw-thumbnail video')?.currentTime > 0")
        page.locator(".gw-product").hover()
        expect(card.locator("video")).to_have_count(0)
        card.locator(".gw-thumbnail").click()
        page.wait_for_function("document.querySelector('.gw-pane video')?.currentTime > 0")
    assert wrong == []


def test_a_link_in_a_notification_leads_through_the_sign_in_to_its_alert(
    browser: Browser, console: Console
) -> None:
    evidence = [Evidence(media_type="image/jpeg", content=encode_jpeg(GREY), masked=True)]

    async def scene(store: Store) -> None:
        await _a_building(store)
        await happen(store, "s-1", files=console.files, evidence=evidence)

    console.stored(scene)
    with operator(browser, console, path="/?alert=1") as (page, wrong):
        expect(page).to_have_url(re.compile("alert=1$"))
        expect(page.locator(".gw-said-evidence img")).to_be_visible()
    assert wrong == []


def test_the_card_of_a_deleted_device_goes_when_it_is_answered(browser: Browser, console: Console) -> None:
    async def deleted(store: Store) -> None:
        await delete_devices(store, ["s-1"])

    console.stored(_a_building)
    console.stored(_fire)
    with operator(browser, console) as (page, wrong):
        card = page.locator("[data-alert='1']")
        expect(card).to_be_visible()
        console.stored(deleted)
        card.get_by_role("button", name="确认").click()
        expect(page.get_by_text("该告警已被删除")).to_be_visible()
        page.mouse.move(1000, 400)
        expect(card).to_have_count(0)
    assert wrong == []


def test_the_language_is_switched_and_kept(browser: Browser, console: Console) -> None:
    console.stored(_a_building)
    console.stored(_fire)
    with operator(browser, console) as (page, wrong):
        page.get_by_role("link", name="English").click()
        expect(page.locator("[data-alert='1']")).to_contain_text("Critical")
        page.reload()
        expect(page.get_by_role("button", name="Acknowledge")).to_be_visible()
        page.wait_for_function("document.documentElement.lang === 'en'")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        page.goto(console.url)
        expect(page).to_have_url(re.compile("/login$"))
    assert wrong == []


def test_the_page_outlives_a_killed_server_and_needs_no_new_sign_in(
    browser: Browser, console: Console
) -> None:
    console.stored(_a_building)
    with operator(browser, console) as (page, _):
        page.wait_for_function("window.socket && window.socket.connected")
        banner = page.locator(".gw-banner")
        console.kill()
        expect(banner).to_contain_text(re.compile(r"\d\d:\d\d:\d\d 起连接中断"))
        console.stored(_fire)
        console.start()
        expect(page.locator("[data-alert='1']")).to_be_visible()
        expect(banner).to_contain_text("期间有 1 起告警")
        expect(page.locator("[data-alert='1']")).to_contain_text("断线期间")
        console.stored(_something_simulated)
        expect(page.locator("[data-alert='2']")).to_be_visible()


def test_a_banner_says_when_the_database_is_away_and_goes_when_it_is_back(
    browser: Browser, console: Console, postgres_url: str
) -> None:
    console.stored(_a_building)
    with operator(browser, console) as (page, wrong):
        banner = page.locator(".gw-banner")
        expect(banner).to_be_hidden()
        with shut_out(postgres_url, console.database_url):
            expect(banner).to_contain_text(re.compile(r"\d\d:\d\d:\d\d 起数据库或告警通道中断"))
        expect(banner).to_contain_text("期间没有新告警")
        console.stored(_fire)
        expect(page.locator("[data-alert='1']")).to_be_visible()
    assert wrong == []


async def _something_simulated(store: Store) -> None:
    await happen(store, "s-2")


def test_a_console_whose_sound_is_on_is_heard_and_known_to_be(browser: Browser, console: Console) -> None:
    console.stored(_a_building)

    def armed() -> int:
        return len(console.stored(lambda store: store.rows("SELECT FROM armed_console")))

    with operator(browser, console) as (page, wrong):
        switch = page.locator(".gw-sound")
        expect(switch).to_contain_text("声音已关")
        console.stored(_fire)
        expect(page.locator(".gw-card")).to_have_count(1)
        assert page.evaluate("window.gwBeeps || 0") == 0
        switch.click()
        expect(switch).to_contain_text("声音已开")
        wait_until(lambda: armed() == 1, what="the console is known to be heard")
        before = page.evaluate("window.gwBeeps")

        async def another(store: Store) -> None:
            await store.execute("UPDATE alert SET state = 'resolved'")
            await happen(store, "s-1")

        console.stored(another)
        page.wait_for_function(f"window.gwBeeps > {before}")
        assert wrong == []
    wait_until(lambda: armed() == 0, what="a window that is closed is not heard")
