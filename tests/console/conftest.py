"""A real browser before a real `gridwatch api`."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.console.console import Console

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

OPTIONS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--mute-audio"]
"""Without a sandbox it also runs as root; it loads nothing but what we serve."""


# Playwright's event loop runs in this thread as long as the browser does: other modules start their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a browser, or skip."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip("needs Chromium, which is not installed: make setup says how")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def console(database_url: str, tmp_path: Path) -> Iterator[Console]:
    """Return a running console with a database of its own."""
    console = Console(database_url, tmp_path)
    console.start()
    try:
        yield console
    finally:
        console.stop()
