"""The page of administration in a real browser: what is wrong says which field, why, and what to do."""

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, expect

from gridwatch.areas.area import Area, AreaLevel
from gridwatch.duty.files import Table, cell
from gridwatch.settings import read_settings
from gridwatch.store import Store
from gridwatch.store.accounts import find_account
from gridwatch.store.areas import list_areas, put_areas
from gridwatch.store.channels import list_channels, put_service
from gridwatch.store.escalation import changed_times, drop_times
from gridwatch.store.kept import kept_now
from gridwatch.store.people import list_table
from tests.api.incidents import happen, register, sensor
from tests.api.receiving import SECRET, receiving
from tests.api.test_escalation_times import PERSON
from tests.api.test_handovers import a_shift
from tests.channels.services import cloud_running
from tests.console.console import Console
from tests.console.test_console import operator


async def a_building(store: Store) -> None:
    """Register a sensor in a building that one person answers for."""
    await put_areas(store, [Area(code="b", level=AreaLevel.BUILDING, name="3栋")])
    await register(store, sensor("s-1", area="b"))
    await store.execute(PERSON)


def test_a_dry_run_says_who_would_be_called_and_changed_times_count_in_it(
    browser: Browser, console: Console
) -> None:
    async def taken_back(store: Store) -> list[str]:
        names = [row["name"] for row in await changed_times(store)]
        for name in names:
            await drop_times(store, name, by="x")
        return names

    console.stored(a_building)
    with operator(browser, console) as (page, wrong):
        page.goto(f"{console.url}/administration")
        page.get_by_label("设备编号", exact=True).fill("s-9")
        page.keyboard.press("Enter")
        answer = page.get_by_role("status").first
        expect(answer).to_contain_text("设备编号：没有设备 s-9")
        page.get_by_label("设备编号", exact=True).fill("s-1")
        page.get_by_role("button", name="试算").click()
        expect(answer.locator("tbody tr").first).to_contain_text("张三 (w-1)")
        page.get_by_role("link", name="升级时限").click()
        page.get_by_label("无人接单").fill("0")
        page.get_by_role("button", name="保存").click()
        failed = page.get_by_role("alert").filter(has_text="无人接单")
        expect(failed).to_contain_text("无人接单：必须大于 0")
        page.get_by_label("无人接单").fill("3")
        page.get_by_role("button", name="保存").click()
        row = page.get_by_role("row", name=re.compile("^紧急"))
        expect(row).to_contain_text("admin")
        expect(row.get_by_role("cell").nth(1)).to_have_text("3")
    assert wrong == []
    assert console.stored(taken_back) == ["critical"]


def test_an_account_is_made_and_a_roster_comes_in_with_its_wrong_lines_told(
    browser: Browser, console: Console, tmp_path: Path
) -> None:
    bad, good = tmp_path / "bad.csv", tmp_path / "good.csv"
    bad.write_text("code,name,area\nw-2,李四,nowhere\n", "utf-8")
    good.write_text("code,name,area\nw-2,李𠮷🔧,b\n", "utf-8")

    async def stored(store: Store) -> tuple[bool, list[str]]:
        account = await find_account(store, "赵六")
        names = [row["name"] for row in await list_table(store, Table.PEOPLE)]
        return account is not None and account.password_hash is not None, names

    console.stored(a_building)
    with operator(browser, console) as (page, wrong):
        page.goto(f"{console.url}/administration?part=roster")
        files = page.locator(".gw-upload input[type=file]").first
        files.set_input_files(bad)
        expect(page.get_by_role("dialog")).to_contain_text(re.compile("第 2 行，area：.*nowhere"))
        page.get_by_role("button", name="关闭").click()
        page.locator(".gw-upload input[type=file]").first.set_input_files(good)
        expect(page.get_by_role("row", name=re.compile("w-2 李𠮷🔧"))).to_be_visible()
        page.get_by_role("link", name="账号与令牌").click()
        page.get_by_label("用户名").fill("a b")
        page.get_by_role("button", name="保存").click()
        expect(page.get_by_text("用户名：1–64 个字符")).to_be_visible()
        page.get_by_label("用户名").fill("赵六")
        page.get_by_role("button", name="保存").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("只显示这一次")
        dialog.get_by_role("button", name="关闭").click()
        page.get_by_role("button", name="删除 赵六").wait_for()
        for part, said in (("区域", "3栋"), ("对接", "没有配置通知服务"), ("保存期限", "GRIDWATCH_KEEP")):
            page.get_by_role("link", name=part, exact=True).click()
            expect(page.locator(".gw-page")).to_contain_text(said)
    assert wrong == []
    assert console.stored(stored) == (True, ["张三", "李𠮷🔧"])


def test_one_person_is_added_changed_and_deleted_without_a_file(browser: Browser, console: Console) -> None:
    async def posts(store: Store) -> list[tuple[Any, ...]]:
        rows = await list_table(store, Table.PEOPLE)
        return [(row["code"], row["name"], row["phone"], row["area"], row["rank"]) for row in rows]

    console.stored(a_building)
    before = console.stored(posts)
    with operator(browser, console) as (page, wrong):
        page.goto(f"{console.url}/administration?part=roster")
        table = page.get_by_role("table", name="人员与责任区域")
        page.get_by_label("工号").fill("w-7")
        page.get_by_label("姓名").fill("李𠮷")
        page.get_by_label("区域代码与顺位").fill("nowhere")
        page.get_by_role("button", name="保存人员").click()
        expect(page.get_by_role("dialog")).to_contain_text("区域：没有区域 nowhere")
        page.get_by_role("button", name="关闭").click()
        page.get_by_label("电话").fill("13900000007")
        page.get_by_label("区域代码与顺位").fill("b 2")
        page.get_by_role("button", name="保存人员").click()
        expect(table).to_contain_text("李𠮷")
        assert ("w-7", "李𠮷", "13900000007", "b", 2) in console.stored(posts)
        page.get_by_label("人员", exact=True).click()
        page.get_by_role("option", name="w-7 李𠮷").click()
        expect(page.get_by_label("区域代码与顺位")).to_have_value("b 2")
        page.get_by_label("姓名").fill("李吉")
        page.get_by_role("button", name="保存人员").click()
        expect(table).to_contain_text("李吉")
        assert ("w-7", "李吉", "13900000007", "b", 2) in console.stored(posts)
        page.get_by_label("人员", exact=True).click()
        page.get_by_role("option", name="w-7 李吉").click()
        page.get_by_role("button", name="删除人员").click()
        page.get_by_role("dialog").get_by_role("button", name="删除人员").click()
        expect(table).not_to_contain_text("李吉")
    assert wrong == []
    assert console.stored(posts) == before, "and all others stay as they are"


def test_a_shift_and_leave_are_added_and_deleted_line_by_line_and_the_trail_says_who_did(
    browser: Browser, console: Console
) -> None:
    async def stored(store: Store) -> dict[str, list[tuple[Any, ...]]]:
        shifts = [(row["days"], cell(row["starts"])) for row in await list_table(store, Table.SHIFTS)]
        leave = [(cell(row["starts"]), row["reason"]) for row in await list_table(store, Table.LEAVE)]
        return {"shifts": shifts, "leave": leave}

    console.stored(a_building)
    with operator(browser, console) as (page, wrong):
        page.goto(f"{console.url}/administration?part=roster")
        shifts, leave = (page.get_by_role("region", name=name) for name in ("班次", "请假与代班"))
        shifts.get_by_label("排班人员").click()
        page.get_by_role("option", name="w-1 张三").click()
        expect(shifts).to_contain_text("没有班次")
        shifts.get_by_label("星期").fill("1-8")
        shifts.get_by_label("开始", exact=True).fill("08:00")
        shifts.get_by_label("结束", exact=True).fill("20:00")
        shifts.get_by_role("button", name="新增班次").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("星期，如 1-5（留空为每天）：'1-8'：1 为周一，7 为周日")
        dialog.get_by_role("button", name="关闭").click()
        shifts.get_by_label("星期").fill("1-5")
        shifts.get_by_role("button", name="新增班次").click()
        expect(shifts.get_by_role("listitem")).to_contain_text("08:00–20:00 · 周一、周二、周三、周四、周五")
        shifts.get_by_label("开始", exact=True).fill("09:00")
        shifts.get_by_label("结束", exact=True).fill("12:00")
        shifts.get_by_label("星期").fill("6")
        shifts.get_by_role("button", name="新增班次").click()
        expect(shifts.get_by_role("listitem")).to_have_count(2)
        leave.get_by_label("请假人员").click()
        page.get_by_role("option", name="w-1 张三").click()
        leave.get_by_label("开始", exact=True).fill("2026-11-23 08:30")
        leave.get_by_label("结束", exact=True).fill("2026-11-23 08:30")
        leave.get_by_label("事由").fill("体检")
        leave.get_by_role("button", name="新增请假").click()
        expect(dialog).to_contain_text("结束：须晚于开始时间")
        dialog.get_by_role("button", name="关闭").click()
        leave.get_by_label("结束", exact=True).fill("2026-11-24 08:30")
        leave.get_by_role("button", name="新增请假").click()
        expect(leave.get_by_role("listitem")).to_contain_text("2026-11-23 08:30 – 2026-11-24 08:30")
        assert console.stored(stored) == {
            "shifts": [([1, 2, 3, 4, 5], "08:00"), ([6], "09:00")],
            "leave": [("2026-11-23 08:30", "体检")],
        }
        shifts.get_by_role("button", name=re.compile("删除 08:00")).click()
        expect(shifts.get_by_role("listitem")).to_have_count(1)
        leave.get_by_role("button", name=re.compile("删除 2026")).click()
        expect(leave.get_by_role("listitem")).to_have_count(0)
        assert console.stored(stored) == {"shifts": [([6], "09:00")], "leave": []}
        page.get_by_role("link", name="变更记录").click()
        rows = page.get_by_role("table", name="变更记录").get_by_role("row")
        expect(rows.nth(1)).to_contain_text(re.compile("admin.*请假.*w-1.*开始 2026-11-23.*→ —"))
        expect(rows).to_have_count(6)
        expect(page.locator(".gw-page")).not_to_contain_text("体检")
    assert wrong == []


def test_an_area_is_added_renamed_moved_and_deleted_without_a_file(
    browser: Browser, console: Console
) -> None:
    async def areas(store: Store) -> dict[str, tuple[str, str | None]]:
        return {one.code: (one.name, one.parent) for one in await list_areas(store)}

    console.stored(a_building)
    with operator(browser, console) as (page, wrong):
        page.goto(f"{console.url}/administration?part=areas")

        def save(code: str, name: str, level: str, parent: str) -> None:
            page.get_by_label("区域代码", exact=True).fill(code)
            page.get_by_label("区域名称").fill(name)
            page.get_by_label("区域层级").click()
            page.get_by_role("option", name=level, exact=True).click()
            page.get_by_label("上级区域代码").fill(parent)
            page.get_by_role("button", name="保存区域").click()

        tree = page.get_by_role("table", name="区域")
        save("e", "", "小区", "nowhere")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("区域名称：请填写")
        dialog.get_by_role("button", name="关闭").click()
        save("e", "锦竹苑", "小区", "")
        expect(tree).to_contain_text("锦竹苑")
        page.get_by_label("区域代码", exact=True).fill("b")
        page.get_by_role("button", name="查找").click()
        expect(page.get_by_label("区域名称")).to_have_value("3栋")
        save("b", "3号楼", "楼栋", "e")
        expect(tree).to_contain_text("3号楼")
        assert console.stored(areas) == {"e": ("锦竹苑", None), "b": ("3号楼", "e")}
        page.get_by_role("button", name="删除区域").click()
        dialog.get_by_role("button", name="删除区域").click()
        expect(page.get_by_text("b 及其下级有设备：s-1；请先移到别处")).to_be_visible()
        save("h", "101室", "户", "b")
        expect(tree).to_contain_text("101室")
        page.get_by_role("button", name="删除区域").click()
        dialog.get_by_role("button", name="删除区域").click()
        expect(tree).not_to_contain_text("101室")
        page.get_by_role("link", name="变更记录").click()
        rows = page.get_by_role("table", name="变更记录").get_by_role("row")
        expect(rows.filter(has_text="3号楼").first).to_contain_text(re.compile("admin.*区域.*3栋.*→.*3号楼"))
    assert wrong == []


def test_what_is_kept_is_changed_at_the_console_and_goes_back_to_the_settings(
    browser: Browser, console: Console
) -> None:
    async def kept(store: Store) -> float:
        return (await kept_now(store, read_settings()))["keep_evidence.alert"]

    with operator(browser, console) as (page, wrong):
        page.goto(f"{console.url}/administration?part=keeping")
        page.get_by_label("保存内容").click()
        page.get_by_role("option", name="证据：告警").click()
        days = page.get_by_label("天数（限额为 GB）")
        expect(days).to_have_value("90")
        days.fill("400000")
        page.get_by_role("button", name="保存").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("天数（限额为 GB）：不能大于 36500")
        dialog.get_by_role("button", name="关闭").click()
        days.fill("45")
        page.get_by_role("button", name="保存").click()
        expect(dialog).to_contain_text("由 90 改为 45：超出的数据将被永久删除")
        dialog.get_by_role("button", name="保存").click()
        row = page.get_by_role("row", name=re.compile("^证据：告警"))
        expect(row).to_contain_text(re.compile("45.*admin"))
        assert console.stored(kept) == 45
        page.get_by_label("保存内容").click()
        page.get_by_role("option", name="证据：告警").click()
        page.get_by_role("button", name="按服务器设置").click()
        expect(row).to_contain_text(re.compile("90.*—"))
        assert console.stored(kept) == 90
    assert wrong == []


def test_a_drill_says_whom_it_calls_before_it_is_raised_and_where_nobody_stands_on_the_roster(
    browser: Browser, console: Console
) -> None:
    async def drills(store: Store) -> list[tuple[str, str]]:
        rows = await store.rows("SELECT state, area FROM alert WHERE drill")
        return [(row["state"], row["area"]) for row in rows]

    async def a_bare_place(store: Store) -> None:
        await put_areas(store, [Area(code="c", level=AreaLevel.BUILDING, name="9栋")])
        await register(store, sensor("c-1", area="c"))

    console.stored(a_building)
    console.stored(a_bare_place)
    with operator(browser, console) as (page, wrong):
        page.goto(f"{console.url}/administration?part=whom")
        raised = page.get_by_role("button", name="发起演练").first
        raised.click()
        expect(page.get_by_role("alert").filter(has_text="演练事由：请填写")).to_be_visible()
        page.get_by_label("演练事由").fill("季度演练")
        page.get_by_label("设备编号或区域代码").fill("nowhere")
        raised.click()
        expect(page.get_by_role("alert").filter(has_text="没有 nowhere")).to_be_visible()
        page.get_by_label("设备编号或区域代码").fill("c")
        raised.click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("演练不会通知任何人")
        dialog.get_by_role("button", name="取消").click()
        assert console.stored(drills) == []
        page.get_by_label("设备编号或区域代码").fill("s-1")
        raised.click()
        expect(dialog).to_contain_text("张三")
        dialog.get_by_role("button", name="发起演练").click()
        link = page.get_by_role("link", name=re.compile("查看演练"))
        link.wait_for()
        assert console.stored(drills) == [("open", "b")]
        raised.click()
        dialog.get_by_role("button", name="发起演练").click()
        expect(page.get_by_text("还在进行：请先将它解决")).to_be_visible()
        link.click()
        expect(page.locator("body")).to_contain_text("季度演练")
    assert wrong == []


def test_a_service_is_tried_and_says_in_chinese_why_it_took_nothing(
    browser: Browser, console: Console
) -> None:
    with cloud_running() as cloud:

        async def set_up(store: Store) -> None:
            await put_service(store, console.box, "work", cloud.wecom, by="a test")

        console.stored(set_up)
        with operator(browser, console) as (page, wrong):
            page.goto(f"{console.url}/administration?part=integrations")
            page.get_by_label("测试地址").fill("ZhangSan")
            page.get_by_role("button", name="发送测试消息").click()
            expect(page.get_by_text("work：服务已收下测试消息")).to_be_visible()
            assert [(one[0], one[1]) for one in cloud.delivered] == [("wecom", "ZhangSan")]
            page.get_by_label("测试地址").fill("Nobody")
            page.get_by_role("button", name="发送测试消息").click()
            expect(page.get_by_text("没有这名成员，或应用对其不可见")).to_be_visible()
        assert wrong == []


def test_another_system_is_told_tried_and_given_what_was_put_aside(
    browser: Browser, console: Console
) -> None:
    async def refused(store: Store) -> None:
        await happen(store, "s-1")
        await store.execute(
            "UPDATE webhook_message SET state = 'dead', why = 'it answered 410', settled_at = now()"
        )

    async def waiting(store: Store) -> int:
        return len(await store.rows("SELECT FROM webhook_message WHERE state = 'waiting'"))

    console.stored(a_building)
    with receiving() as receiver, operator(browser, console) as (page, wrong):
        page.goto(f"{console.url}/administration?part=integrations")
        page.get_by_label("名称", exact=True).fill("city")
        page.get_by_label("地址").fill("http://city.example/in")
        page.get_by_role("button", name="保存推送").click()
        expect(page.get_by_role("alert").filter(has_text="地址")).to_contain_text("https://")
        page.get_by_label("地址").fill(receiver.url)
        page.get_by_label("签名密钥").fill(SECRET)
        page.get_by_role("button", name="保存推送").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text(SECRET)
        dialog.get_by_role("button", name="关闭").click()
        receiver.answers = [(410, {})]
        page.get_by_role("button", name="测试 city").click()
        expect(page.get_by_text("city：测试未成功：对方回应 410")).to_be_visible()
        page.get_by_role("button", name="测试 city").click()
        expect(page.get_by_text("city：对方已收下测试事件")).to_be_visible()
        assert [one["type"] for one in receiver.events] == ["gridwatch.test"]
        console.stored(refused)
        page.reload()
        page.get_by_role("button", name="查看搁置 city").click()
        expect(page.get_by_role("dialog").get_by_role("row").nth(1)).to_contain_text("对方回应 410")
        page.keyboard.press("Escape")
        expect(page.locator(".gw-page")).not_to_contain_text("private")
        page.get_by_role("button", name="全部重发 city").click()
        expect(page.get_by_role("button", name="查看搁置 city")).to_have_count(0)
        assert console.stored(waiting) == 1
        page.get_by_role("button", name="删除推送 city").click()
        page.get_by_role("dialog").get_by_role("button", name="删除推送").click()
        expect(page.locator(".gw-page")).to_contain_text("没有推送到其他系统")
    assert wrong == []


def test_who_looks_after_one_area_sees_no_more_than_the_api_gives(browser: Browser, console: Console) -> None:
    console.stored(a_shift)
    with operator(browser, console, username="local") as (page, wrong):
        page.goto(f"{console.url}/administration?part=accounts")
        parts = page.get_by_role("navigation", name="管理").get_by_role("link")
        expect(parts).to_have_text(["试算通知", "人员与排班", "区域", "升级时限"])
        expect(page.locator(".gw-upload")).to_have_count(0)
        page.get_by_role("link", name="升级时限").click()
        expect(page.get_by_role("button", name="保存")).to_have_count(0)
        page.goto(f"{console.url}/devices")
        expect(page.locator(".gw-page")).to_contain_text("烟感")
        expect(page.locator(".gw-page")).not_to_contain_text("o-1")
        page.goto(f"{console.url}/devices/one?device=o-1")
        expect(page.locator(".gw-empty")).to_contain_text("不属于您的区域")
        page.goto(f"{console.url}/quarantine")
        expect(page.locator(".gw-message")).to_have_count(0)
    assert wrong == []


def test_a_service_ways_and_places_are_given_without_a_command(
    browser: Browser, console: Console, tmp_path: Path
) -> None:
    ways = tmp_path / "ways.csv"
    heading = "person,position,service,address,quiet_from,quiet_to\n"

    async def stored(store: Store) -> list[tuple[Any, ...]]:
        return [
            (one["person"], one["service"], one["address"]) for one in await list_channels(store, console.box)
        ]

    console.stored(a_building)
    with operator(browser, console) as (page, wrong):
        page.goto(f"{console.url}/administration?part=integrations")
        page.get_by_label("服务名称").fill("work")
        page.get_by_label("corp_id").fill("ww1")
        page.get_by_label("agent_id").fill("x")
        page.get_by_role("button", name="保存服务").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("secret：请填写")
        dialog.get_by_role("button", name="关闭").click()
        page.get_by_label("secret", exact=True).fill(SECRET)
        page.get_by_role("button", name="保存服务").click()
        expect(dialog).to_contain_text("agent_id：请填写整数")
        dialog.get_by_role("button", name="关闭").click()
        page.get_by_label("agent_id").fill("7")
        page.get_by_role("button", name="保存服务").click()
        expect(dialog).to_contain_text("/callbacks/work")
        dialog.get_by_role("button", name="关闭").click()
        expect(page.get_by_text("/callbacks/work")).to_have_count(0)
        expect(page.get_by_role("row", name=re.compile("^work"))).to_be_visible()
        ways.write_text(f"{heading}w-1,1,none,ZhangSan,,\n", "utf-8")
        page.locator(".gw-upload input[type=file]").set_input_files(ways)
        expect(dialog).to_contain_text("第 2 行，service：没有服务 none")
        dialog.get_by_role("button", name="关闭").click()
        ways.write_text(f"{heading}w-1,1,work,ZhangSan,,\n", "utf-8")
        page.locator(".gw-upload input[type=file]").set_input_files(ways)
        expect(page.get_by_text("新增 1，共 1")).to_be_visible()
        assert console.stored(stored) == [("w-1", "work", "ZhangSan")]
        assert SECRET not in page.content()
        page.get_by_role("button", name="删除服务").click()
        dialog.get_by_role("button", name="删除服务").click()
        expect(page.locator(".gw-page")).to_contain_text("没有配置通知服务")
        assert console.stored(stored) == []
        page.get_by_role("link", name="区域", exact=True).click()
        page.get_by_role("button", name="按位置归入区域").click()
        expect(page.get_by_text("归入区域的设备：0；不在任何区域：0")).to_be_visible()
    assert wrong == []
