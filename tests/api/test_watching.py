"""The administrator is told of each fault of the installation once, and once when it is over."""

import email
import shutil
from collections import namedtuple
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from pydantic import SecretStr

from api.channels.senders import Senders, new_client
from api.dispatch.telling import open_channels
from api.dispatch.watching import Watch
from gridwatch.settings import read_settings
from gridwatch.store import Store
from gridwatch.store.channels import note_service, put_service
from gridwatch.store.deliveries import mark_reached
from gridwatch.store.faults import note_armed, note_disarmed
from gridwatch.store.webhooks import Address, Webhook, put_webhook
from gridwatch.strongbox import Strongbox
from tests.api.calling import add_alert, add_call
from tests.api.serving import at_store
from tests.channels.services import SECRET, Cloud, cloud_running, mail_server

# Apprise asks for a module that Python will drop; it does without.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
NIGHT = datetime(2026, 11, 23, 18, tzinfo=UTC)
"""12:00 and 02:00 in China."""

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def room_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the disk have room, whatever that of the machine has."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1000e9, 100e9, 900e9))


class Told:
    """Looks at an installation; says what the administrator was told at each look."""

    def __init__(self, store: Store, watch: Watch, taken: list[tuple[str, str]]) -> None:
        self.store, self.watch, self._taken = store, watch, taken

    async def at(self, now: datetime) -> list[str]:
        """Look once; return the titles of what was told."""
        before = len(self._taken)
        await self.watch.look(now=now)
        return [mail for _, mail in self._taken[before:]]


def watching(database_url: str, folder: Path, scene: Callable[[Told, Cloud], Any], **given: Any) -> Cloud:
    """Run a scene with a watch whose administrator reads mail."""
    with cloud_running() as cloud, mail_server() as (port, taken):
        settings = read_settings(
            database_url=database_url,
            data_dir=folder,
            heartbeat_url=SecretStr(f"{cloud.base}/beat/{SECRET}"),
            **given,
        )
        url = f"mailto://127.0.0.1:{port}?from=gridwatch@watch.example&to=admin@example.org"

        async def run(store: Store) -> None:
            async with new_client() as client:
                watch = Watch(store, settings, Senders(client), open_channels([url]), client)
                await scene(Told(store, watch, taken), cloud)

        at_store(database_url, run)
        return cloud


def only(mails: list[str]) -> str:
    """Return the text of the one mail there is."""
    (mail,) = mails
    message = email.message_from_string(mail, policy=default)
    body = message.get_body(("plain", "html"))
    assert body is not None
    return f"{message['subject']}\n{body.get_content()}"


def test_a_collector_that_died_is_told_once_and_its_return_too(database_url: str, tmp_path: Path) -> None:
    async def scene(told: Told, _: Cloud) -> None:
        assert await told.at(NOON) == [], "there was never a collector"
        await told.store.execute(
            "INSERT INTO collector (client_id, slot, pid, subscribed, heartbeat_at)"
            " VALUES ('c-0', 0, 1, true, now() - interval '2 minutes')"
        )
        text = only(await told.at(NOON))
        assert "1 个采集进程无响应" in text
        assert "fell silent" in text
        assert await told.at(NOON) == []
        await told.store.execute("UPDATE collector SET heartbeat_at = now()")
        assert "已恢复" in only(await told.at(NOON))
        assert await told.at(NOON) == []

    watching(database_url, tmp_path, scene)


def test_a_disk_at_eighty_percent_is_told(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(told: Told, _: Cloud) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1000e9, 790e9, 210e9))
        assert await told.at(NOON) == []
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1000e9, 810e9, 190e9))
        assert "已用 81%" in only(await told.at(NOON))
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1000e9, 850e9, 150e9))
        assert await told.at(NOON) == []

    watching(database_url, tmp_path, scene)


def test_a_dead_secret_and_a_channel_that_fails_for_ten_minutes_are_told(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(told: Told, cloud: Cloud) -> None:
        box = Strongbox(tmp_path)
        await put_service(
            told.store, box, "wecom", msgspec.structs.replace(cloud.wecom, secret="old"), by="a test"
        )
        await put_service(told.store, box, "sms", cloud.aliyun_sms, by="a test")
        text = only(await told.at(NOON))
        assert "wecom" in text
        assert "密钥无效或已过期" in text
        await note_service(told.store, "sms", error="it hangs")
        assert await told.at(NOON) == [], "not for ten minutes yet"
        earlier = "UPDATE service SET failing_since = now() - interval '10 minutes' WHERE name = 'sms'"
        await told.store.execute(earlier)
        assert "it hangs" in only(await told.at(NOON))
        await note_service(told.store, "sms")
        await put_service(told.store, box, "wecom", cloud.wecom, by="a test")
        assert len(await told.at(NOON)) == 2, "both are over"

    watching(database_url, tmp_path, scene)


def test_channels_of_the_installation_that_take_nothing_for_ten_minutes_are_told(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(told: Told, _: Cloud) -> None:
        alert = await add_alert(told.store)
        call = await add_call(told.store, alert, None)
        assert await told.at(NOON) == [], "not for ten minutes yet"
        await told.store.execute("UPDATE call SET asked_at = now() - interval '11 minutes'")
        assert "GRIDWATCH_NOTIFY_URLS" in only(await told.at(NOON))
        assert await told.at(NOON) == []
        await mark_reached(told.store, call)
        assert "已恢复" in only(await told.at(NOON))
        await told.store.execute("UPDATE call SET reached_at = NULL")
        await told.store.execute("UPDATE alert SET state = 'resolved'")
        assert await told.at(NOON) == [], "nobody need be told of what is over"

    watching(database_url, tmp_path, scene)


def test_a_night_without_a_console_that_can_be_heard_is_told(database_url: str, tmp_path: Path) -> None:
    async def scene(told: Told, _: Cloud) -> None:
        console = uuid4()
        await note_armed(told.store, console, "admin")
        assert await told.at(NIGHT) == []
        await note_disarmed(told.store, console)
        assert await told.at(NOON) == []
        assert "夜间没有开启声音的值班页面" in only(await told.at(NIGHT))
        assert "已恢复" in only(await told.at(NIGHT + timedelta(hours=6)))

    watching(database_url, tmp_path, scene)


def test_what_the_administrators_channel_refuses_is_told_at_the_next_look(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(told: Told, _: Cloud) -> None:
        channels = told.watch._channels
        told.watch._channels = open_channels(["json://127.0.0.1:1"])
        assert await told.at(NIGHT) == []
        told.watch._channels = channels
        assert len(await told.at(NIGHT)) == 1

    watching(database_url, tmp_path, scene)


def test_a_heartbeat_goes_out_and_its_address_into_no_log(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(told: Told, cloud: Cloud) -> None:
        await told.watch.beat()
        assert cloud.asked == [f"/beat/{SECRET}"]

    watching(database_url, tmp_path, scene)
    assert "does not answer well" in caplog.text, "the test's server knows no such address"
    assert SECRET not in caplog.text


def test_another_system_that_gets_nothing_is_told(database_url: str, tmp_path: Path) -> None:
    async def scene(told: Told, _: Cloud) -> None:
        address = Address(url="https://city.example/in", secret="whsec_x")
        await put_webhook(told.store, Strongbox(tmp_path), Webhook(name="city", address=address), by="a test")
        assert await told.at(NOON) == []
        await told.store.execute("""
            UPDATE webhook
            SET failing_since = now() - interval '11 minutes', last_error = 'it answered 503'""")
        text = only(await told.at(NOON))
        assert "city" in text
        assert "it answered 503" in text
        await told.store.execute("UPDATE webhook SET failing_since = NULL")
        assert len(await told.at(NOON)) == 1

    watching(database_url, tmp_path, scene)
