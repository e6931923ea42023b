"""A person is told by their ways in order, once each, however often a process dies."""

import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from psycopg.types.json import Jsonb

from api.channels.sending import Message
from api.dispatch.answer_links import AnswerLinks
from api.dispatch.summons import bearing_deg, distance_m
from gridwatch.delivery import Outcome
from gridwatch.errors import SettingsError
from gridwatch.services import Others, Service
from gridwatch.store import Store
from gridwatch.store.channels import channels_of, list_services
from gridwatch.store.deliveries import claim, keep_message, mark_answered, take_report
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
from tests.api.serving import Api, at_store
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


def test_wecoms_limit_of_an_hour_is_kept_with_a_third_left_to_what_is_urgent(
    database_url: str, tmp_path: Path, cloud: Cloud
) -> None:
    """Of 1,000 messages an hour for one member; the minute is empty."""

    async def scene(store: Store) -> None:
        box = box_in(tmp_path)
        person = await add_person(store, "w1")
        await reach(store, box, {"wecom": cloud.wecom}, {"w1": [("wecom", "ZhangSan")]})
        alert = await add_alert(store)
        before = await add_call(store, alert, person, step="before")
        calm = await add_call(store, alert, person, step="calm")
        urgent = await add_call(store, alert, person, step="now critical", urgent=True)
        more = await add_call(store, alert, person, step="now critical again", urgent=True)
        async with caller(store, box) as one:
            await store.execute(SENT_LATELY, {"call": before, "first": 1, "last": 666})
            assert await go_on(one, calm) == [None], "the 667th goes"
            late = await add_call(store, alert, person, step="late")
            (held,) = await go_on(one, late)
            assert held is not None
            wait_s = (held.at - datetime.now(UTC)).total_seconds()
            assert wait_s == pytest.approx(600, abs=30), "the first goes out of the hour then"
            await go_on(one, urgent)
            assert len(cloud.to("wecom")) == 2, "the other third is for it"
            await store.execute(SENT_LATELY, {"call": before, "first": 669, "last": 1000})
            await go_on(one, more)
        assert len(cloud.to("wecom")) == 2, "WeCom would throw the 1,001st away"
        assert cloud.thrown_away == 0

    at_store(database_url, scene)


SENT_LATELY = """
    INSERT INTO delivery (call_key, channel_key, round, outcome, tried_at, settled_at)
    SELECT %(call)s, c.key, n, 'sent', now() - interval '50 minutes', now()
    FROM channel c CROSS JOIN generate_series(%(first)s::integer, %(last)s::integer) AS n"""


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


def test_an_alert_tells_whom_it_called_why_by_which_way_and_what_became_of_it(
    api: Api, tmp_path: Path, cloud: Cloud
) -> None:
    def wecom_away(asked: Asked) -> tuple[int, bytes] | None:
        return (502, b"bad gateway") if asked.path.startswith("/cgi-bin") else None

    async def scene(store: Store) -> tuple[int, int]:
        box = box_in(tmp_path)
        person = await add_person(store, "w1")
        services: dict[str, Service] = {"wecom": cloud.wecom, "sms": cloud.aliyun_sms}
        await reach(store, box, services, {"w1": [("wecom", "ZhangSan"), ("sms", PHONE)]})
        alert = await add_alert(store)
        call = await add_call(store, alert, person)
        why = {"why": "responsible for b-3", "because": "they are the first to call", "level": "responsible"}
        await store.execute("UPDATE call SET why = %(why)s", {"why": Jsonb(why)})
        cloud.broken = wecom_away
        async with caller(store, box) as one:
            await go_on(one, call)
        receipt = cloud.to("aliyun_sms")[0][1]["receipt"]
        await take_report(store, service="sms", receipt=receipt, arrived=True, by_person=True)
        await mark_answered(store, call, "accept")
        await add_call(store, alert, None, step="again:2")
        await store.execute(
            "INSERT INTO notification (alert_id, step, channel) VALUES (%(id)s, 'again:2', 'mark')",
            {"id": alert},
        )
        return alert, call

    alert, call = api.stored(scene)
    person, installation = api.client.get(f"/api/v1/alerts/{alert}").json()["told"]
    assert (person["call"], person["code"], person["name"], person["step"]) == (
        call,
        "w1",
        "网格员w1",
        "raised",
    )
    assert (person["why"], person["because"]) == ("responsible for b-3", "they are the first to call")
    assert (person["answer"], person["ended_at"]) == ("accept", None)
    failed, arrived = person["messages"]
    assert (failed["service"], failed["outcome"], failed["receipt"]) == ("wecom", "failed", "")
    assert "502" in failed["why"]
    assert (arrived["service"], arrived["outcome"]) == ("sms", "arrived")
    assert arrived["receipt"] == cloud.to("aliyun_sms")[0][1]["receipt"]
    assert person["asked_at"] < failed["sent_at"] < arrived["sent_at"] < arrived["by_person_at"]
    assert (installation["code"], installation["name"], installation["step"]) == (None, None, "again:2")
    (message,) = installation["messages"]
    assert (message["service"], message["outcome"]) == ("installation mark", "sent")


@pytest.mark.parametrize(("urgent", "told", "end"), [(True, 1, "sent"), (False, 0, "unknown")])
def test_what_a_killed_process_left_is_sent_again_once_where_life_is_in_danger(
    database_url: str, tmp_path: Path, cloud: Cloud, urgent: bool, told: int, end: str
) -> None:
    async def scene(store: Store) -> None:
        box = box_in(tmp_path)
        person = await add_person(store, "w1")
        await reach(store, box, {"feishu": cloud.feishu}, {"w1": [("feishu", "")]})
        call = await add_call(store, await add_alert(store), person, urgent=urgent)
        (channel,) = await channels_of(store, box, person)
        async with claim(store, call, channel, 0, pace=None, urgent=urgent) as claimed:
            assert claimed is not None
            await keep_message(claimed, asdict(Message(title="火", body="b", number="1", link="l", short={})))
        async with caller(store, box) as one:
            for _ in range(2):
                await as_if_earlier(store, 40)
                # As if it were killed each time before it wrote down what became of it.
                await store.execute("UPDATE delivery SET outcome = 'sending' WHERE outcome = 'sent'")
                await go_on(one, call)
                assert len(cloud.to("feishu")) == told
        (row,) = await store.rows("SELECT outcome, perhaps_twice FROM delivery WHERE round = 0")
        assert row == {"outcome": "unknown", "perhaps_twice": urgent}

    at_store(database_url, scene)


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
    ("kind", "when", "urgent", "told", "end"),
    [
        ("wecom", "before", False, 1, Outcome.SENT),
        ("wecom", "after", False, 1, Outcome.SENT),
        ("feishu", "before", False, 0, Outcome.UNKNOWN),
        ("feishu", "after", False, 1, Outcome.UNKNOWN),
        ("feishu", "before", True, 1, Outcome.SENT),
        ("feishu", "after", True, 2, Outcome.SENT),
    ],
)
def test_a_process_that_is_killed_while_it_sends_makes_nobody_told_twice_but_where_life_is_in_danger(
    database_url: str,
    tmp_path: Path,
    cloud: Cloud,
    kind: str,
    when: str,
    urgent: bool,
    told: int,
    end: Outcome,
) -> None:
    """Feishu knows no repetitions: what may have gone by it goes again only where life is in danger."""
    service = cloud.wecom if kind == "wecom" else cloud.feishu

    async def prepare(store: Store) -> int:
        person = await add_person(store, "w1")
        await reach(store, box_in(tmp_path), {kind: service}, {"w1": [(kind, "ZhangSan")]})
        call = await add_call(store, await add_alert(store), person, urgent=urgent)
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
            (later,) = await go_on(one, call)
            assert (later is not None) == urgent, "what is urgent goes on until a person gives a sign"
        assert await outcomes(store, call) == [(0, end.value)]

    at_store(database_url, finish)
    assert len(cloud.to(kind)) == told
