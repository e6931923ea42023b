"""Make the pictures of the console that stand in the README: rendered scenes and made-up names only.

`python -m bench.screens` starts PostgreSQL, `gridwatch api` and Chromium, lets a night pass in a small town,
and writes docs/screens/*.webp.
"""

import asyncio
import shutil
import threading
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from api.app import EVIDENCE_FOLDER
from bench.console.operators import PASSWORD, api
from bench.console.town import hold_lift, live_through_a_night, settle_in
from bench.servers import servers
from gridwatch.drawing import draw
from gridwatch.evidence import EvidenceFiles
from gridwatch.media import encode_jpeg
from gridwatch.model import Evidence, Finding, Picture, Pixels, TrackPoint
from gridwatch.store import Store
from simulators.cabin.still import render_cabin
from simulators.facade.throw import draw_throw_take, film
from simulators.ridge.scene import Asked, draw_scene
from simulators.ridge.shooting import shoot

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "screens"
SIZE_WH, PHONE_WH = (1366, 768), (390, 844)
GAP_PX = 16
QUALITY, MOST_BYTES = 82, 150_000
SETTLE_MS = 2500
HOLD_EVERY_S = 2.0
SEED = 3
OPTIONS = ["--no-sandbox", "--mute-audio", "--disable-background-networking"]

Shown = tuple[Finding, Sequence[Evidence]]


def lift(at: datetime) -> Shown:
    """Return an e-bike in a lift."""
    still = next(
        one
        for seed in range(SEED, SEED + 200)
        if (one := render_cabin(seed, size_wh=(640, 480), shows=("ebike",))).labels
    )
    seen = max(still.things, key=lambda one: one.share)
    finding = Finding(
        label="ebike", confidence=0.93, observed_at=at, box_xyxy=seen.box_xyxy, detector="elevator/rendered",
        criteria={"entered": 1.0, "score": 0.93},
    )  # fmt: skip
    return finding, [_evidence(Picture(pixels=still.pixels, at=at), finding)]


def ridge(at: datetime) -> Shown:
    """Return smoke on a ridge."""
    asked = Asked(
        start=at, duration_s=600, interval_s=60, fire=True, trouble="clear", hour=10.0, size_wh=(960, 540)
    )
    shot = max(shoot(draw_scene([SEED], asked)), key=lambda one: (one.smoke is not None, one.density))
    finding = Finding(
        label="smoke", confidence=0.71, observed_at=at, box_xyxy=shot.smoke, detector="fire/rendered",
        criteria={"growth": 1.8, "rise_blocks": 4.0, "bearing_deg": 212.0},
    )  # fmt: skip
    return finding, [_evidence(Picture(pixels=shot.picture.pixels, at=at), finding)]


def facade(at: datetime) -> Shown:
    """Return a thing that falls past windows."""
    take = draw_throw_take(
        np.random.default_rng(SEED), duration_s=5.0, fps=12.5, size_wh=(960, 540), throws=True, disturbers={}
    )
    filmed = film(take, start=at)
    seen = zip(filmed.pictures, filmed.truth[0].boxes, strict=True)
    track = tuple(
        TrackPoint(at=picture.at, x=(box[0] + box[2]) / 2, y=(box[1] + box[3]) / 2)
        for picture, box in seen
        if box is not None
    )
    finding = Finding(
        label="falling_object", confidence=0.88, observed_at=at, track=track, detector="throwing/rendered",
        criteria={"fall_m": 9.4, "samples": float(len(track))},
    )  # fmt: skip
    last = track[-1].at if track else at
    picture = min(filmed.pictures, key=lambda one: abs(one.at - last))
    return finding, [_evidence(picture, finding)]


def _evidence(picture: Picture, finding: Finding) -> Evidence:
    content = encode_jpeg(draw(picture, finding, masked=False))
    return Evidence(media_type="image/jpeg", content=content, masked=True)


async def _live(database_url: str, files: EvidenceFiles, shown: Mapping[str, Shown]) -> None:
    async with Store.open(database_url) as store:
        await settle_in(store)
        await live_through_a_night(store, files, shown)


@contextmanager
def _holding(database_url: str) -> Any:
    """Let the door of a lift be held for the length of the block."""
    over = threading.Event()

    async def hold() -> None:
        async with Store.open(database_url) as store:
            while not over.is_set():
                await hold_lift(store)
                await asyncio.sleep(HOLD_EVERY_S)

    thread = threading.Thread(target=lambda: asyncio.run(hold()), name="holds a lift")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _opened(browser: Browser, url: str, theme: str, language: str) -> Page:
    context = browser.new_context(viewport={"width": SIZE_WH[0], "height": SIZE_WH[1]})
    for name, value in {"gridwatch_theme": theme, "gridwatch_language": language}.items():
        context.add_cookies([{"name": name, "value": value, "url": url}])
    page = context.new_page()
    page.goto(f"{url}/login")
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_selector(".gw-card")
    return page


def _on_phones(browser: Browser, url: str) -> Sequence[Pixels]:
    """Return the grid worker's list, an alert, and the list without a network."""
    width, height = PHONE_WH
    context = browser.new_context(viewport={"width": width, "height": height}, has_touch=True, is_mobile=True)
    context.add_cookies([{"name": "gridwatch_language", "value": "zh-CN", "url": url}])
    page = context.new_page()
    page.goto(f"{url}/worker")
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", PASSWORD)
    page.click("button")
    page.wait_for_selector("#live.live")
    phones = [_shot(page)]
    page.locator("[data-focus=open]").first.click()
    phones.append(_shot(page))
    page.go_back()
    context.set_offline(True)
    page.get_by_role("button", name="我去处理").first.click()
    phones.append(_shot(page))
    context.close()
    return phones


def _shot(page: Page) -> Pixels:
    page.wait_for_timeout(SETTLE_MS)
    pixels = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise RuntimeError("the browser gave no picture")
    return pixels.astype(np.uint8)


def _side_by_side(pictures: Sequence[Pixels]) -> Pixels:
    """Return pictures of the same height in a row, a gap between them."""
    gap = np.full((pictures[0].shape[0], GAP_PX, 3), 128, np.uint8)
    row = [one for picture in pictures for one in (picture, gap)]
    return np.hstack(row[:-1])


def _keep(pixels: Pixels, name: str) -> None:
    done, encoded = cv2.imencode(".webp", pixels, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    if not done or len(encoded) > MOST_BYTES:
        raise RuntimeError(f"{name}: {len(encoded)} bytes, at most {MOST_BYTES}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.webp").write_bytes(encoded.tobytes())
    print(f"{FOLDER / name}.webp: {len(encoded) / 1000:.0f} kB")


def main() -> None:
    """Make all pictures."""
    now = datetime.now(UTC)
    shown = {
        "elevator": lift(now - timedelta(seconds=40)),
        "fire": ridge(now - timedelta(minutes=6)),
        "throwing": facade(now - timedelta(minutes=9)),
    }
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    with servers() as there, api(there) as (url, _):
        files = EvidenceFiles(there.folder / EVIDENCE_FOLDER)
        asyncio.run(_live(there.database_url, files, shown))
        with _holding(there.database_url), sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=program, args=["--no-sandbox", "--mute-audio"]
            )
            page = _opened(browser, url, "dark", "zh-CN")
            _keep(_shot(page), "now")
            page.locator(".gw-card").filter(has_text="明火").click()
            _keep(_shot(page), "alert-fire")
            page.locator(".gw-card").filter(has_text="高空抛物").click()
            _keep(_shot(page), "alert-throwing")
            page = _opened(browser, url, "light", "en")
            page.locator(".gw-card").filter(has_text="E-bike").click()
            _keep(_shot(page), "alert-lift-en")
            _keep(_side_by_side(_on_phones(browser, url)), "worker")
            browser.close()


if __name__ == "__main__":
    main()
