"""A person is told by their ways in order, once each, however often a process dies."""

import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from psycopg.types.json import Jsonb

from api.dispatch.answer_links import AnswerLinks
from api.dispatch.summons import bearing_deg, distance_m
from gridwatch.delivery import Outcome
from gridwatch.errors import SettingsError
from gridwatch.services import Others, Service
from gridwatch.store import Store
from gridwatch.store.channels import list_services
from gridwatch.store.deliveries import take_report
from gridwatch.store.jobs import defer_call
from gridwatch.strongbox import KEY_FILE, Strongbox
from tests.api.calling import (
    add_alert,
    add_call,
    add_lift_alert,
    add_person,
    as_if_earlier,
    box_in,
    call_row,
    caller,
    go_on,
    outcomes,
    reach,
)
from tests.api.serving import at_store
from tests.channels.services import SECRET, Asked, Cloud, cloud_running

# Apprise asks for a module that Python will drop; it does without.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

PHONE = "13900000000"


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """Return all the services, running."""
    with cloud_running() as running:
        yield running


def test_a_card_says_where_what_to_do_and_how_to_answer(
    database_url: str, tmp_path: Path, cloud: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(store: Store) -> None:
        box = box_in(tmp_path)
        person = await add_person(store, "w1")
        await reach(store, box, {"wecom": cloud.wecom}, {"w1": [("wecom", "ZhangSan")]})
        area = """
            INSERT INTO area (code, level, name, boundary) VALUES ('a-1', 'estate', '幸福里', %(boundary)s)"""
        square = [[120.0, 30.19], [120.2, 30.19], [120.2, 30.21], [120.0, 30.21], [120.0, 30.19]]
        await store.execute(area, {"boundary": Jsonb({"type": "Polygon", "coordinates": [square]})})
        await store.execute(
            "INSERT INTO responsibility (person_key, area) VALUES (%(key)s, 'a-1')", {"key": person}
        )
        call = await add_call(store, await add_alert(store), person, step="escalated:town")
        async with caller(store, box) as one:
            assert await go_on(one, call) == [None]
            assert await go_on(one, call) == [None]
        row = await call_row(store, call)
        assert row["reached_at"] is not None

    with caplog.at_level(logging.DEBUG):
        at_store(database_url, scene)
    ((user, sent),) = cloud.to("wecom")
    card = sent["template_card"]
    assert user == "ZhangSan"
    assert card["main_title"]["title"] == "【紧急】明火 · b-3"
    for told in ("下级未在时限内响应", "地点：b-3", "119", "3栋烟感"):
        assert told in card["sub_title_text"]
    assert [one["key"] for one in card["button_list"]] == ["accept", "acknowledge"]
    assert card["card_action"]["url"].startswith("https://watch.example/a/")
    assert SECRET not in caplog.text
    assert "ZhangSan" not in caplog.text


def test_people_read_their_own_language(database_url: str, tmp_path: Path, cloud: Cloud) -> None:
    async def scene(store: Store) -> None:
        box = box_in(tmp_path)
        person = await add_person(store, "w1", language="en")
        await reach(store, box, {"wecom": cloud.wecom}, {"w1": [("wecom", "ZhangSan")]})
        async with caller(store, box) as one:
            await go_on(one, await add_call(store, await add_alert(store), person))

    at_store(database_url, scene)
    ((_, sent),) = cloud.to("wecom")
    assert "call 119 first" in sent["template_card"]["sub_title_text"]
    assert sent["template_card"]["button_list"][0]["text"] == "I am going"


def test_a_way_that_fails_is_followed_by_the_next_and_its_service_counts_as_failing(
    database_url: str, tmp_path: Path, cloud: Cloud
) -> None:
    def wecom_away(asked: Asked) -> tuple[int, bytes] | None:
        return (502, b"bad gateway") if asked.path.startswith("/cgi-bin") else None

    async def scene(store: Store) -> None:
        box = box_in(tmp_path)
        person = await add_person(store, "w1")
        services: dict[str, Service] = {"wecom": cloud.wecom, "sms": cloud.aliyun_sms}
        await reach(store, box, services, {"w1": [("wecom", "ZhangSan"), ("sms", PHONE)]})
        call = await add_call(store, await add_alert(store), person)
        cloud.broken = wecom_away
        async with caller(store, box) as one:
            (later,) = await go_on(one, call)
            assert later is not None, "a text message has not arrived yet"
            assert await outcomes(store, call) == [(0, "failed"), (0, "sent")]
            states = {state.name: state for state in await list_services(store)}
            assert states["wecom"].failing_since is not None
            assert states["sms"].failing_since is None
            receipt = cloud.to("aliyun_sms")[0][1]["receipt"]
            assert (
                await take_report(store, service="wecom", receipt=receipt, arrived=True, by_person=False)
                == []
            )
            told = await take_report(store, service="sms", receipt=receipt, arrived=True, by_person=False)
            assert told == [call]
            assert await go_on(one, call) == [None]
        assert (await call_row(store, call))["reached_at"] is not None
        assert len(cloud.to("aliyun_sms")) == 1

    at_store(database_url, scene)


def test_what_is_urgent_is_repeated_until_somebody_took_up_the_phone(
    database_url: str, tmp_path: Path, cloud: Cloud
) -> None:
    async def scene(store: Store) -> None:
        box = box_in(tmp_path)
        person = await add_person(store, "w1")
        services: dict[str, Service] = {"wecom": cloud.wecom, "voice": cloud.aliyun_voice}
        await reach(store, box, services, {"w1": [("wecom", "ZhangSan"), ("voice", PHONE)]})
        call = await add_call(store, await add_alert(store), person, urgent=True)
        async with caller(store, box) as one:
            for expected in ([(0, "sent")], [(0, "sent"), (0, "sent")], [(0, "sent")] * 2 + [(1, "sent")]):
                assert (await go_on(one, call))[0] is not None
                assert await outcomes(store, call) == expected
                await as_if_earlier(store, 300)
            receipt = cloud.to("aliyun_voice")[0][1]["receipt"]
            await take_report(store, service="voice", receipt=receipt, arrived=True, by_person=True)
            assert await go_on(one, call) == [None]
        assert (await call_row(store, call))["reached_at"] is not None
        titles = [sent["template_card"]["main_title"]["title"] for _, sent in cloud.to("wecom")]
        assert ["第 2 次" in title for title in titles] == [False, True]

    at_store(database_url, scene)


@pytest.mark.parametrize("over", ["ended_at = now()", "answered_at = now()"])
def test_nobody_is_told_of_what_is_over(database_url: str, tmp_path: Path, cloud: Cloud, over: str) -> None:
    async def scene(store: Store) -> None:
        box = box_in(tmp_path)
        person = await add_person(store, "w1")
        await reach(store, box, {"wecom": cloud.wecom}, {"w1": [("wecom", "ZhangSan")]})
        alert = await add_alert(store)
        calls = [await add_call(store, alert, person, step=step) for step in ("a", "b")]
        if over == "ended_at = now()":
            await store.execute("UPDATE call SET ended_at = now()")
        else:
            await store.execute("UPDATE call SET answered_at = now()")
        async with caller(store, box) as one:
            assert await go_on(one, *calls, 10_000) == [None, None, None]
        assert cloud.delivered == []

    at_store(database_url, scene)


def test_wecoms_limit_is_kept_and_what_is_too_much_is_folded_into_one_message(
    database_url: str, tmp_path: Path, cloud: Cloud
) -> None:
    async def scene(store: Store) -> None:
        box = box_in(tmp_path)
        person = await add_person(store, "w1")
        await reach(store, box, {"wecom": cloud.wecom}, {"w1": [("wecom", "ZhangSan")]})
        alert = await add_alert(store)
        calls = [await add_call(store, alert, person, step=f"remind:{step}") for step in range(25)]
        others = [await add_lift_alert(store, f"lift-{number}") for number in range(5)]
        calls += [await add_call(store, other, person) for other in others]
        async with caller(store, box) as one:
            later = await go_on(one, *calls)
            assert len(cloud.to("wecom")) == 20, "a third is left to what is urgent"
            assert sum(end is not None for end in later) == 10
            urgent = await add_call(store, alert, person, step="now critical", urgent=True)
            await go_on(one, urgent)
            assert len(cloud.to("wecom")) == 21
            await store.execute("UPDATE delivery SET tried_at = tried_at - interval '2 minutes'")
            waiting = [key for key, end in zip(calls, later, strict=True) if end is not None]
            assert await go_on(one, waiting[0]) == [None]
            assert await go_on(one, *waiting[1:]) == [None] * 9
        assert len(cloud.to("wecom")) == 22
        text = cloud.to("wecom")[-1][1]["text"]["content"]
        assert "电动自行车进电梯" in text
        assert cloud.thrown_away == 0
        reached = await store.rows("SELECT FROM call WHERE reached_at IS NOT NULL")
        assert len(reached) == 30, "each of them was told"

    at_store(database_url, scene)


def test_nothing_secret_is_readable_in_the_database(database_url: str, tmp_path: Path, cloud: Cloud) -> None:
    async def scene(store: Store) -> None:
        box = box_in(tmp_path)
        await add_person(store, "w1")
        mail = Others(url=f"mailtos://me:{SECRET}@smtp.example?to={{address}}")
        services: dict[str, Service] = {"wecom": cloud.wecom, "mail": mail}
        await reach(store, box, services, {"w1": [("wecom", "ZhangSan"), ("mail", "li@example.org")]})
        rows = await store.rows(
            "SELECT s::text AS text FROM service s UNION ALL SELECT c::text FROM channel c"
        )
        kept = "".join(row["text"] for row in rows)
        sealed = "SELECT sealed FROM service UNION ALL SELECT sealed FROM channel"
        raw = [bytes(row["sealed"]) for row in await store.rows(sealed)]
        for secret in (SECRET, "ZhangSan", "li@example.org"):
            assert secret not in kept
            assert all(secret.encode() not in one for one in raw)
        with pytest.raises(SettingsError, match=KEY_FILE):
            Strongbox(tmp_path / "another").unlock(raw[0])
        another = Strongbox(tmp_path / "third")
        another.lock("something")
        with pytest.raises(SettingsError, match="another"):
            another.unlock(raw[0])

    at_store(database_url, scene)
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_a_link_is_good_for_one_call_for_a_day() -> None:
    links, asked_at = AnswerLinks(b"s" * 32), datetime(2026, 11, 23, tzinfo=UTC)
    token = links.token(123_456, asked_at=asked_at)
    assert links.token(123_456, asked_at=asked_at) == token
    assert links.read(token, now=asked_at + timedelta(hours=24)) == 123_456
    assert links.read(token, now=asked_at + timedelta(hours=26)) is None
    assert AnswerLinks(b"t" * 32).read(token, now=asked_at) is None
    for wrong in ("", "-", "--", "a-b", token[:-1], f"x{token}", token.replace("-", ".", 1), "２-２-２"):
        assert links.read(wrong, now=asked_at) is None


def test_distances_and_directions_are_those_of_a_globe() -> None:
    # One minute of latitude is a nautical mile.
    assert distance_m(120.0, 30.0, 120.0, 30.0 + 1 / 60) == pytest.approx(1853, abs=2)
    assert bearing_deg(120.0, 30.0, 120.01, 30.0) == pytest.approx(90, abs=0.1)
    assert bearing_deg(120.0, 30.0, 120.0, 29.9) == pytest.approx(180)


DIE = """
import asyncio, os, sys
from api.channels.senders import Senders
from gridwatch.settings import read_settings
from api.dispatch.worker import dispatch

send = Senders.send

async def dying(self, service, address, message):
    if sys.argv[3] == "before":
        os.kill(os.getpid(), 9)
    await send(self, service, address, message)
    os.kill(os.getpid(), 9)

Senders.send = dying
asyncio.run(dispatch(read_settings(database_url=sys.argv[1], data_dir=sys.argv[2])))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "when", "told", "end"),
    [
        ("wecom", "before", 1, Outcome.SENT),
        ("wecom", "after", 1, Outcome.SENT),
        ("feishu", "before", 0, Outcome.UNKNOWN),
        ("feishu", "after", 1, Outcome.UNKNOWN),
    ],
)
def test_a_process_that_is_killed_while_it_sends_makes_nobody_told_twice(
    database_url: str, tmp_path: Path, cloud: Cloud, kind: str, when: str, told: int, end: Outcome
) -> None:
    """Feishu knows no repetitions: what may have gone by it is not sent again, and counts as not reached."""
    service = cloud.wecom if kind == "wecom" else cloud.feishu

    async def prepare(store: Store) -> int:
        person = await add_person(store, "w1")
        await reach(store, box_in(tmp_path), {kind: service}, {"w1": [(kind, "ZhangSan")]})
        call = await add_call(store, await add_alert(store), person)
        async with store.transaction() as connection:
            await defer_call(connection, call)
        return call

    call = at_store(database_url, prepare)
    for _ in range(2):
        command = [sys.executable, "-c", DIE, database_url, str(tmp_path), when]
        killed = subprocess.run(command, check=False, timeout=60)
        assert killed.returncode == -signal.SIGKILL

        async def again(store: Store) -> None:
            await as_if_earlier(store, 60)
            await store.execute("UPDATE procrastinate_jobs SET status = 'todo', scheduled_at = NULL")

        at_store(database_url, again)
        if kind == "feishu":
            break

    async def finish(store: Store) -> None:
        async with caller(store, box_in(tmp_path)) as one:
            assert await go_on(one, call) == [None]
        assert await outcomes(store, call) == [(0, end.value)]

    at_store(database_url, finish)
    assert len(cloud.to(kind)) == told
