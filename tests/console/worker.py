"""A grid worker with a phone, and what happens around them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.api.serving import PASSWORD
from tests.console.console import Console

PHONE, SMALL_PHONE = (390, 844), (320, 568)


@contextmanager
def phone(
    browser: Browser,
    console: Console,
    username: str = "zhang",
    *,
    size: tuple[int, int] = PHONE,
    language: str = "zh-CN",
    sign_in: bool = True,
    **options: Any,
) -> Iterator[tuple[Page, BrowserContext, list[str]]]:
    """Yield a page on a phone whose worker is signed in, its browser, and what went wrong on it."""
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height}, has_touch=True, is_mobile=True, **options
    )
    context.add_cookies([{"name": "gridwatch_language", "value": language, "url": console.url}])
    page, wrong = context.new_page(), list[str]()
    page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: _note_outsider(request.url, console, wrong))
    page.goto(f"{console.url}/worker")
    if sign_in:
        enter(page, username)
    try:
        yield page, context, wrong
    finally:
        context.close()


def enter(page: Page, username: str) -> None:
    """Sign in on the light form."""
    expect(page).to_have_url(re.compile("/worker/sign-in"))
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", PASSWORD)
    page.click("button")
    expect(page.locator("#live.live")).to_be_visible()


def _note_outsider(url: str, console: Console, wrong: list[str]) -> None:
    if not url.startswith((console.url, "data:", "blob:")):
        wrong.append(f"asks another server: {url}")
