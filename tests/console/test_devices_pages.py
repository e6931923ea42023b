"""The pages of devices and of quarantine in a real browser, and the chart without one."""

import re
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Browser, expect

from api.console.device_chart import POINTS, bucket_for, chart
from api.texts import Words
from gridwatch.areas.area import Area, AreaLevel
from gridwatch.media import encode_jpeg
from gridwatch.model import Channel, Device, DeviceKind, Evidence
from gridwatch.store import Store
from gridwatch.store.areas import put_areas
from gridwatch.store.credentials import list_credentials
from gridwatch.store.history import EPOCH, Bucket
from gridwatch.store.lifts import get_lift, lift_changes
from tests.api.incidents import happen, register, sensor
from tests.console.console import Console
from tests.console.test_console import GREY, operator
from tests.console.test_knocking import KNOCK

READINGS = """
    WITH q AS (INSERT INTO quantity (name) VALUES ('temperature_c') RETURNING key)
    INSERT INTO reading (device_key, quantity_key, flags, observed_at, delay_ms, scaled, divisor)
    SELECT d.key, q.key, 0, now() - n * interval '1 minute', 500, 200 + n, 10
    FROM device d, q, generate_series(1, 90) n WHERE d.id = 's-1'"""

SILENT = (
    "INSERT INTO silence (device_key, since, ripe_at) SELECT key, now(), now() FROM device WHERE id = 's-2'"
)


def test_health_is_told_by_area_and_device_and_a_chart_is_drawn(browser: Browser, console: Console) -> None:
    async def scene(store: Store) -> None:
        areas = [Area(code="c", level=AreaLevel.COMMUNITY, name="锦竹社区")]
        areas += [Area(code="b", level=AreaLevel.BUILDING, name="3栋", parent="c")]
        await put_areas(store, areas)
        channels = (Channel(quantity="temperature_c", interval_s=60), Channel(quantity="smoke_pct"))
        await register(store, sensor("s-1", name="烟感 𠮷", area="b", channels=channels))
        await register(store, sensor("s-2", name="<b>", area="b"))
        await store.execute(READINGS)
        await store.execute(SILENT)

    console.stored(scene)
    with operator(browser, console) as (page, wrong):
        page.goto(f"{console.url}/devices")
        rows = page.locator(".gw-devices section").nth(1).locator("tbody tr")
        expect(rows).to_have_count(2)
        expect(rows.first).to_contain_text("✖ 数据中断")
        expect(rows.first).to_contain_text("<b>")
        page.get_by_role("link", name="锦竹社区").click()
        expect(page.get_by_role("row", name=re.compile("3栋 2 ✖ 1"))).to_be_visible()
        page.get_by_label("查找编号").fill("烟感")
        expect(rows).to_have_count(1)
        rows.get_by_role("link").click()
        channels = page.get_by_role("table", name="测量通道")
        expect(channels.get_by_role("row", name=re.compile("温度 °C 20.1"))).to_contain_text("✔ 正常")
        expect(channels.get_by_role("row", name=re.compile("smoke_pct"))).to_contain_text("未上报")
        expect(page.get_by_text(re.compile("^90 个读数，每点 5 分钟$"))).to_be_visible()
        expect(page.locator(".gw-chart svg")).to_be_visible()
        page.get_by_role("button", name="一年").click()
        expect(page.get_by_text(re.compile("^90 个读数，每点 1440 分钟$"))).to_be_visible()
        page.get_by_role("button", name="发放新密码").click()
        expect(page.get_by_role("dialog")).to_contain_text("只显示这一次")
    assert wrong == []
    assert len(console.stored(lambda store: list_credentials(store, "s-1"))) == 1


def test_a_camera_that_sends_clips_alone_is_heard_by_them(browser: Browser, console: Console) -> None:
    async def scene(store: Store) -> None:
        for device in ("c-1", "c-2"):
            await register(store, Device(id=device, scene="throwing", kind=DeviceKind.CAMERA))
        await store.execute("""
            INSERT INTO medium (device_key, kind, observed_at, received_at)
            SELECT key, 'clip', now(), timestamptz '2026-11-24 12:34:56+08' FROM device WHERE id = 'c-1'""")

    console.stored(scene)
    with operator(browser, console) as (page, wrong):
        page.goto(f"{console.url}/devices")
        rows = page.locator(".gw-devices section").nth(1).locator("tbody tr")
        expect(rows.filter(has_text="c-1")).to_contain_text("11-24 12:34:56")
        expect(rows.filter(has_text="c-2")).to_contain_text("近 30 天无")
        page.goto(f"{console.url}/devices/one?device=c-1")
        expect(page.get_by_role("heading", name="最近画面")).to_be_visible()
        expect(page.get_by_role("button", name="放行电梯")).to_have_count(0)
    assert wrong == []


def test_a_newcomer_releases_a_lift_and_sees_its_masked_picture(browser: Browser, console: Console) -> None:
    picture = [Evidence(media_type="image/jpeg", content=encode_jpeg(GREY), masked=True)]

    async def scene(store: Store) -> None:
        camera = Device(id="cabin", scene="elevator", kind=DeviceKind.CAMERA, name="轿厢", lift="lift-1")
        lift = Device(id="lift-1", scene="elevator", kind=DeviceKind.SENSOR, name="2单元电梯")
        await register(store, lift, camera)
        await happen(store, "cabin", label="ebike", files=console.files, evidence=picture)

    async def said(store: Store) -> list[tuple[str, str, str]]:
        lift = await get_lift(store, "lift-1")
        return [(one.change, one.actor, one.reason) for one in await lift_changes(store, lift.key)]

    console.stored(scene)
    with operator(browser, console) as (page, wrong):
        page.goto(f"{console.url}/devices")
        page.get_by_role("link", name="轿厢").click()
        shown = page.locator("img.gw-last")
        expect(shown).to_be_visible()
        assert shown.evaluate("image => image.naturalWidth") == GREY.shape[1]
        page.get_by_role("link", name="所在电梯").click()
        page.get_by_role("button", name="放行电梯").click()
        expect(page.get_by_text("放行原因：请选择一个原因")).to_be_visible()
        page.get_by_label("放行原因").click()
        page.get_by_role("option", name="紧急情况").click()
        page.get_by_label("补充说明").fill("有人被困")
        page.get_by_role("button", name="放行电梯").click()
        expect(page.get_by_text("已放行：命令已发往电梯")).to_be_visible()
    assert wrong == []
    assert console.stored(said) == [("released", "admin", "emergency: 有人被困")]


def test_a_message_in_quarantine_is_read_with_its_reason_and_taken_in_again(
    browser: Browser, console: Console
) -> None:
    async def knock(store: Store) -> None:
        await store.execute(KNOCK)

    async def wanted(store: Store) -> int:
        return len(await store.rows("SELECT FROM quarantine WHERE replay_wanted"))

    console.stored(knock)
    with operator(browser, console) as (page, wrong):
        page.goto(f"{console.url}/quarantine")
        row = page.locator(".gw-message")
        expect(row).to_contain_text('{"values": "<b>"}')
        expect(row).to_contain_text("原因：is not registered")
        row.get_by_role("button", name="重新处理").click()
        expect(page.get_by_text("1 条消息将在数秒内重新处理")).to_be_visible()
        expect(row.get_by_role("button", name="重新处理")).to_be_disabled()
    assert wrong == []
    assert console.stored(wanted) == 1


def test_a_chart_has_no_more_points_than_a_screen_and_gaps_where_nothing_came() -> None:
    for days in (0.01, 1, 7, 30, 365, 3660):
        span = timedelta(days=days)
        assert span / bucket_for(span) <= POINTS
    assert bucket_for(timedelta(days=1)) == timedelta(minutes=5)
    since = datetime(2026, 11, 24, 0, 2, tzinfo=UTC)
    length = timedelta(minutes=5)
    first = EPOCH + (since - EPOCH) // length * length
    found = [
        Bucket(quantity="t", bucket_at=at, avg=2.0, min=1.0, max=3.0, count=5)
        for at in (first, first + 2 * length)
    ]
    drawn = chart("t", found, since, since + timedelta(minutes=13), length, Words("zh-CN"), light=False)
    assert drawn["xAxis"]["data"] == ["11-24 08:00", "11-24 08:05", "11-24 08:10"]
    assert [one["data"] for one in drawn["series"]] == [[3.0, None, 3.0], [2.0, None, 2.0], [1.0, None, 1.0]]
    assert drawn["yAxis"]["type"] == "value"
    day = chart(
        "t", found, since - timedelta(days=1), since + timedelta(minutes=13), length, Words("en"), light=True
    )
    assert day["xAxis"]["data"] == drawn["xAxis"]["data"], "before the first reading there is nothing to see"
