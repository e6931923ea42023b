"""A real browser before a real `gridwatch api`."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.api.serving import empty
from tests.console.console import Console
from tests.servers import copied_database

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

OPTIONS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--mute-audio"]
"""Without a sandbox it also runs as root; it loads nothing but what we serve."""

expect.set_options(timeout=30_000)
"""Of pages on a busy machine: how fast they are is measured in bench/console."""


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


@pytest.fixture(scope="session")
def running_console(
    postgres_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Console]:
    """Return a running console, which takes longer to start than most tests take."""
    with copied_database(postgres_url, migrated_template) as database:
        console = Console(database, tmp_path_factory.mktemp("console"))
        console.start()
        try:
            yield console
        finally:
            console.stop()


@pytest.fixture
def console(running_console: Console) -> Console:
    """Return a running console without devices, areas and alerts."""
    running_console.stored(empty)
    return running_console
