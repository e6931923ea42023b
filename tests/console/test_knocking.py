"""The page of strangers in a real browser."""

import re

from playwright.sync_api import Browser, expect

from gridwatch.store import Store
from gridwatch.store.devices import get_device
from tests.console.console import Console
from tests.console.test_console import operator

KNOCK = """
    INSERT INTO quarantine (topic, payload, reason, decoder, received_at, digest, named)
    VALUES ('gw/v1/late/readings', '{"values": "<b>"}', 'is not registered', 'd', now(), 'x', 'late')"""


async def _knock(store: Store) -> None:
    await store.execute(KNOCK)


async def _is_adopted(store: Store) -> tuple[str, str, int]:
    device = (await get_device(store, "late")).device
    return device.name, device.kind, len(await store.rows("SELECT FROM quarantine WHERE replay_wanted"))


def test_a_stranger_is_seen_with_its_first_message_and_adopted_with_one_click(
    browser: Browser, console: Console
) -> None:
    with operator(browser, console) as (page, wrong):
        page.get_by_role("link", name="设备", exact=True).click()
        page.get_by_role("link", name="陌生设备").click()
        expect(page.locator(".gw-empty")).to_be_visible()
        console.stored(_knock)
        row = page.locator(".gw-knock")
        expect(row).to_contain_text('{"values": "<b>"}')
        page.get_by_role("link", name="English").click()
        expect(row).to_contain_text("late")
        expect(page).to_have_url(re.compile("/knocking$"))
        row.get_by_label("Name").fill("3栋烟感")
        row.get_by_role("button", name="Register").click()
        expect(row).to_have_count(0)
        expect(page.locator(".gw-empty")).to_have_text("No device sends that is not registered")
    assert wrong == []
    assert console.stored(_is_adopted) == ("3栋烟感", "sensor", 1)
