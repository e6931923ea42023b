"""What the first visit of the grid worker's page weighs, and how soon it is usable.

`python -m bench.worker_page` starts a simulated district and opens the page in fresh browsers of a phone's
size, as an administrator, who sees every alert. Bytes are those that the browser received, headers too: the
sign-in form, the page with all that it loads, and the list. Usable: the list is shown and its feed is open.
Once as the network of this machine is, once as a poor mobile one (400 ms there and back, 1 Mbit/s).
"""

import shutil
import statistics
import sys
import time

from playwright.sync_api import Browser, sync_playwright

from bench.up import PASSWORD, data_folder, running

RUNS = 5
POOR = {"offline": False, "latency": 400, "downloadThroughput": 125_000, "uploadThroughput": 62_500}
"""Milliseconds and bytes a second, as Chromium takes them."""

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SHOWN, OPEN = "article, .nothing", "#live.live"
"""The list, and the sign that its feed is open."""


def main() -> None:
    """Measure and print one line for each network."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        sys.exit("needs Chromium")
    with data_folder() as data, running(data, "--simulate") as up, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name, poor in {"as it is": False, "400 ms, 1 Mbit/s": True}.items():
            visits = [_visit(browser, f"http://127.0.0.1:{up.port}", poor=poor) for _ in range(RUNS)]
            kilobytes = [bytes_ / 1000 for bytes_, _, _ in visits]
            loaded, usable = ([visit[place] for visit in visits] for place in (1, 2))
            print(
                f"{name}: {max(kilobytes):.0f} kB at most, loaded after {statistics.median(loaded):.2f} s, "
                f"usable {statistics.median(usable):.2f} s later (at most {max(usable):.2f} s, n = {RUNS})"
            )
        browser.close()


def _visit(browser: Browser, url: str, *, poor: bool) -> tuple[float, float, float]:
    """Return the bytes of a first visit, seconds until its files were there, and until it was usable then."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, service_workers="block")
    page = context.new_page()
    session, received = context.new_cdp_session(page), [0.0]
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda told: received.append(told["encodedDataLength"]))
    if poor:
        session.send("Network.emulateNetworkConditions", POOR)
    page.goto(f"{url}/worker")
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", PASSWORD)
    begun = time.monotonic()
    page.click("button", no_wait_after=True)
    page.wait_for_url("**/worker", wait_until="load")
    loaded = time.monotonic()
    page.locator(SHOWN).first.wait_for()
    page.locator(OPEN).wait_for()
    usable = time.monotonic()
    page.wait_for_timeout(500)
    total = sum(received)
    context.close()
    return total, loaded - begun, usable - loaded


if __name__ == "__main__":
    main()
