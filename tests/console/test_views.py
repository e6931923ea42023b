"""Calibrating a camera on its façade in a real browser."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Locator, Page, expect

from gridwatch.drawing import draw_view
from gridwatch.facade import Corner, FacadeView, Landmark, Preset, WindowGrid, calibrate
from gridwatch.media import encode_jpeg
from gridwatch.model import Device, DeviceKind
from gridwatch.picture_format import with_preset
from gridwatch.store import Store
from gridwatch.store.devices import KnownDevice, add_devices, get_device
from gridwatch.store.facades import set_view, view_changes
from tests.console.console import Console
from tests.console.test_console import operator
from tests.gridwatch.facade_geometry import PinholeCamera

SIZE_WH = (1280, 720)
CAMERA = PinholeCamera(x_m=10, away_m=40, z_m=2, pitch_deg=20, fov_deg=50, size_wh=SIZE_WH)
GRID = WindowGrid(floors=10, windows=6)


async def _register(store: Store) -> None:
    await add_devices(store, [Device(id="wall-1", scene="throwing", kind=DeviceKind.CAMERA, name="3栋北")])


async def _known(store: Store) -> KnownDevice:
    return await get_device(store, "wall-1")


async def _actors(store: Store) -> list[tuple[str, bool]]:
    return [(one.actor, one.view is None) for one in await view_changes(store, "wall-1")]


def _place(floor: int, window: int, corner: Corner) -> tuple[float, float]:
    x_m, z_m = GRID.place_m(Landmark(x=0, y=0, floor=floor, window=window, corner=corner))
    x, y = CAMERA.see((x_m, 0, z_m))
    return float(x), float(y)


def _picture(path: Path) -> Path:
    """Draw the façade as the camera sees it."""
    metres = [(0.0, 0.0), (20.0, 0.0), (20.0, 30.0), (0.0, 30.0)]
    corners = CAMERA.see([(x, 0, z) for x, z in metres])
    marks = [
        Landmark(x=float(x), y=float(y), x_m=x_m, z_m=z_m)
        for (x, y), (x_m, z_m) in zip(corners, metres, strict=True)
    ]
    made = calibrate(SIZE_WH, marks, GRID)
    pixels = draw_view(np.full((720, 1280, 3), 70, np.uint8), FacadeView(size_wh=SIZE_WH, calibration=made))
    path.write_bytes(encode_jpeg(pixels))
    return path


def _click(page: Page, place: tuple[float, float]) -> None:
    image = page.locator(".gw-view-picture img")
    box = image.bounding_box()
    assert box is not None
    scale = box["width"] / SIZE_WH[0]
    page.mouse.click(box["x"] + place[0] * scale, box["y"] + place[1] * scale)


def _name(row: Locator, floor: int, window: int, corner: str) -> None:
    row.locator("input").nth(0).fill(str(floor))
    row.locator("input").nth(1).fill(str(window))
    row.locator(".q-select").click()
    row.page.get_by_role("option", name=corner, exact=True).click()


def test_a_camera_is_calibrated_by_clicking_and_corrected(
    browser: Browser, console: Console, tmp_path: Path
) -> None:
    console.stored(_register)
    with operator(browser, console) as (page, wrong):
        page.get_by_role("link", name="设备", exact=True).click()
        page.get_by_role("link", name="摄像头标定").click()
        expect(page.locator(".gw-knock")).to_contain_text("未标定")
        page.get_by_role("link", name="标定", exact=True).click()
        result = page.locator(".gw-result")
        expect(page.locator(".gw-here")).to_have_text("3栋北")
        page.locator(".gw-upload input[type=file]").set_input_files(_picture(tmp_path / "p.jpg"))
        expect(page.locator(".gw-view-picture img")).to_be_visible()
        rows = page.locator(".gw-mark-row")
        for count, (floor, window, corner, word) in enumerate(
            [
                (2, 1, Corner.BOTTOM_LEFT, "左下"),
                (2, 6, Corner.BOTTOM_RIGHT, "右下"),
                (9, 6, Corner.TOP_RIGHT, "右上"),
                (9, 1, Corner.TOP_LEFT, "左上"),
            ],
            1,
        ):
            _click(page, _place(floor, window, corner))
            expect(rows).to_have_count(count)
            _name(rows.last, floor, window, word)
        expect(result).to_contain_text("4 个点总能完全吻合")
        # The next corners are named by the calibration itself.
        _click(page, _place(5, 3, Corner.TOP_LEFT))
        expect(rows).to_have_count(5)
        expect(rows.last.locator("input").nth(0)).to_have_value("5")
        expect(rows.last.locator("input").nth(1)).to_have_value("3")
        expect(result).to_contain_text("残差")
        page.screenshot(path=tmp_path / "zh.png")
        rows.last.locator("input").nth(0).fill("7")
        expect(result).to_contain_text("请检查楼层和窗号")
        expect(page.get_by_role("button", name="保存")).to_be_disabled()
        rows.last.locator("input").nth(0).fill("5")
        page.get_by_role("button", name="轮廓").click()
        for place in ((300, 60), (980, 60), (980, 700), (300, 700)):
            _click(page, place)
        expect(page.locator("svg .gw-corner")).to_have_count(4)
        page.get_by_role("button", name="保存").click()
        expect(page.locator(".gw-facts")).to_contain_text("admin 于")
        # What was saved can be changed further.
        rows.last.locator("input").nth(0).fill("8")
        expect(result).to_contain_text("请检查楼层和窗号")
        rows.last.locator("input").nth(0).fill("5")
        expect(result).to_contain_text("残差")
        known = console.stored(_known)
        assert known.view is not None
        assert known.view.size_wh == SIZE_WH
        assert len(known.view.polygon) == 4
        made = known.view.calibration
        assert made is not None
        assert made.residual_m < 0.05, "clicks land on the pixel that they were made on"
        assert abs(made.camera_away_m - 40) < 1.5
        assert abs(made.camera_z_m - 2) < 0.7
        page.get_by_role("link", name="English").click()
        expect(page.locator(".gw-result")).to_contain_text("Residual")
        expect(page.locator(".gw-mark-row")).to_have_count(5)
        page.screenshot(path=tmp_path / "en.png")
        page.get_by_role("button", name="Delete").click()
        expect(page.locator(".gw-result")).to_contain_text("Not calibrated")
    assert wrong == []
    assert console.stored(_actors) == [("admin", True), ("admin", False)]


async def _on_the_ridge(store: Store) -> None:
    await add_devices(store, [Device(id="ridge-1", scene="fire", kind=DeviceKind.CAMERA, name="龙泉山")])


async def _presets(store: Store) -> list[Preset]:
    view = (await get_device(store, "ridge-1")).view
    return [] if view is None else list(view.presets)


def test_a_camera_for_fire_is_told_where_each_of_its_presets_looks(
    browser: Browser, console: Console, tmp_path: Path
) -> None:
    console.stored(_on_the_ridge)
    picture = tmp_path / "ridge.jpg"
    picture.write_bytes(with_preset(encode_jpeg(np.full((720, 1280, 3), 70, np.uint8)), "北坡"))
    with operator(browser, console) as (page, wrong):
        page.goto(f"{console.url}/cameras")
        expect(page.locator(".gw-knock")).to_contain_text("未标定")
        page.get_by_role("link", name="标定", exact=True).click()
        page.locator(".gw-upload input[type=file]").set_input_files(picture)
        expect(page.get_by_label("朝向（预置位）")).to_have_value("北坡")
        result = page.locator(".gw-result")
        expect(result).to_contain_text("给不出方向")
        page.get_by_label("画面中央方位角").fill("350")
        page.get_by_label("水平视场角").fill("200")
        expect(result).to_contain_text("150")
        expect(page.get_by_role("button", name="保存")).to_be_disabled()
        page.get_by_label("水平视场角").fill("60")
        expect(result).to_contain_text("画面左缘 320°，右缘 20°")
        expect(page.locator(".gw-bearing").filter(has_text="北 0°")).to_have_count(1)
        for count, place in enumerate(((10, 200), (1270, 200), (1270, 700), (10, 700)), 1):
            _click(page, place)
            expect(page.locator("svg .gw-corner")).to_have_count(count)
        page.get_by_label("添加预置位").fill("南坡 𠮷")
        page.get_by_role("button", name="添加", exact=True).click()
        expect(page.locator("svg .gw-corner")).to_have_count(0)
        expect(page.get_by_label("画面中央方位角")).to_have_value("")
        page.get_by_label("画面中央方位角").fill("180")
        page.get_by_label("水平视场角").fill("30")
        expect(result).to_contain_text("左缘 165°，右缘 195°")
        page.get_by_role("button", name="保存").click()
        expect(page.locator(".gw-facts")).to_contain_text("admin 于")
        north, south = console.stored(_presets)
        assert (north.name, north.azimuth_deg, north.horizontal_fov_deg) == ("北坡", 350, 60)
        assert len(north.polygon) == 4
        assert abs(north.polygon[1][0] - 1270) < 2
        middle = north.bearing_deg(640, 1280)
        assert middle is not None
        assert abs(middle - 350) < 1e-6, "what a fire is told with"
        assert (south.name, south.azimuth_deg, south.polygon) == ("南坡 𠮷", 180, ())
        page.get_by_role("link", name="English").click()
        expect(result).to_contain_text("From 320° at the left")
        page.get_by_role("button", name="Remove this preset").click()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Saved, in effect")).to_be_visible()
        assert [one.name for one in console.stored(_presets)] == ["南坡 𠮷"]
    assert wrong == []


async def _in_fog(store: Store) -> None:
    cameras = [Device(id=name, scene="fire", kind=DeviceKind.CAMERA) for name in ("ridge-1", "ridge-2")]
    await add_devices(store, cameras)
    for hours_ago, label in ((40, "night"), (30, "clear_view"), (1, "fog")):
        await store.execute(
            """
            INSERT INTO event (id, device_key, scene, label, confidence, observed_at, received_at)
            SELECT gen_random_uuid(), key, 'fire', %(label)s, 1, now() - %(ago)s * interval '1 hour', now()
            FROM device WHERE id = 'ridge-2'""",
            {"label": label, "ago": hours_ago},
        )


def test_who_looks_at_alerts_sees_that_a_camera_is_in_fog_and_what_is_not_promised_then(
    browser: Browser, console: Console
) -> None:
    console.stored(_in_fog)
    with operator(browser, console) as (page, wrong):
        chip = page.locator(".gw-sight")
        expect(chip).to_have_text("雾 1")
        expect(chip).to_have_attribute("title", re.compile("不承诺发现时间"))
        chip.click()
        rows = page.locator(".gw-knock")
        expect(rows.filter(has_text="ridge-1")).to_contain_text("视野清晰")
        expect(rows.filter(has_text="ridge-2")).to_contain_text("雾：烟雾难以分辨")
        page.get_by_role("link", name="English").click()
        expect(rows.filter(has_text="ridge-2")).to_contain_text("Fog: smoke can't be told from it")
    assert wrong == []


async def _with_odd_windows(store: Store) -> None:
    await _register(store)
    await add_devices(store, [Device(id="lift-1", scene="elevator", kind=DeviceKind.CAMERA, name="3栋1号梯")])
    grid = replace(GRID, window_pitch_m=3.504355666949157)
    corners = [(floor, window) for floor in (1, 9) for window in (1, 6)]
    marks = []
    for floor, window in corners:
        mark = Landmark(x=0, y=0, floor=floor, window=window, corner=Corner.TOP_LEFT)
        x_m, z_m = grid.place_m(mark)
        x, y = CAMERA.see((x_m, 0, z_m))
        marks.append(replace(mark, x=float(x), y=float(y)))
    made = replace(calibrate(SIZE_WH, marks, grid), landmarks=())
    view = FacadeView(size_wh=SIZE_WH, calibration=made)
    await set_view(store, "wall-1", view, by="file")


def test_a_known_calibration_is_shown_as_such_in_centimetres_and_a_lift_needs_none(
    browser: Browser, console: Console
) -> None:
    console.stored(_with_odd_windows)
    with operator(browser, console) as (page, wrong):
        page.goto(f"{console.url}/cameras")
        expect(page.locator(".gw-knock")).to_contain_text("已标定")
        page.get_by_role("link", name="标定", exact=True).click()
        expect(page.locator(".gw-result")).to_contain_text("已标定")
        expect(page.get_by_label("窗间距（米）")).to_have_value("3.50")
        expect(page.get_by_label("每层窗数")).to_have_value("6")
        page.get_by_role("button", name="保存").click()
        expect(page.locator(".gw-facts")).to_contain_text("admin 于")
        known = console.stored(_known)
        assert known.view is not None
        assert known.view.calibration is not None
        assert known.view.calibration.grid.window_pitch_m == 3.504355666949157
        page.goto(f"{console.url}/cameras/view?device=lift-1")
        expect(page.locator(".gw-empty")).to_contain_text("无需标定")
        page.get_by_role("link", name="3栋1号梯").click()
        expect(page.locator("h1")).to_have_text("3栋1号梯")
    assert wrong == []
