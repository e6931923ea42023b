"""What the console says, without a browser."""

from datetime import UTC, datetime
from typing import Any

from api.console.alert_card import card_html, playback_link, thumbnail_html
from api.console.alert_parts import change_name, timeline_html, told_html
from api.console.board import urgency
from api.console.danger_chip import danger_html
from api.local_time import local_time
from api.places import Places
from api.texts import TEXTS, Words
from api.worker.texts import WORKER_TEXTS
from gridwatch.areas.area import Area, AreaLevel
from gridwatch.fire_danger import DangerLevel
from gridwatch.model import AlertState, Severity
from gridwatch.scenes import SCENES
from gridwatch.workflow import RULES

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)

ALERT = {
    "id": 1,
    "scene": "fire",
    "label": "flame",
    "severity": "critical",
    "state": "open",
    "confidence": 0.92,
    "area": "b-3",
    "device": "s-1",
    "device_name": "<script>alert(1)</script>",
    "observed_at": "2026-11-23T03:59:58+00:00",
    "acknowledged_by": None,
    "resolved_by": None,
    "ended": False,
    "location": {"lon": 120.1, "lat": 30.2},
    "evidence": [],
    "events": 3,
    "simulated": True,
}

PLACES = Places(
    [
        Area(code="e", level=AreaLevel.ESTATE, name="锦竹苑"),
        Area(code="b-3", level=AreaLevel.BUILDING, name="3栋", parent="e"),
        Area(code="b-4", level=AreaLevel.BUILDING, name="锦竹苑4栋", parent="e"),
    ]
)


DARK = {**ALERT, "label": "offline", "outage": {"scope": "area", "name": "b-3", "devices": 60, "of": 61}}


def test_the_severest_come_first_then_what_waits_then_fires_by_how_fast_they_spread_then_the_newest() -> None:
    alerts: list[dict[str, Any]] = [
        {"id": 1, "severity": "critical", "state": "open", "spread": 9.5},
        {"id": 2, "severity": "critical", "state": "accepted", "spread": 20.0},
        {"id": 3, "severity": "major", "state": "open", "spread": None},
        {"id": 4, "severity": "critical", "state": "open", "spread": 11.0},
        {"id": 5, "severity": "major", "state": "open"},
        {"id": 6, "severity": "minor", "state": "open"},
    ]
    assert [one["id"] for one in sorted(alerts, key=urgency, reverse=True)] == [4, 1, 2, 5, 3, 6]
    assert "蔓延势头 9.5" in card_html({**ALERT, "spread": 9.53}, Words("zh-CN"), PLACES, now=NOON)


def test_an_outage_says_how_much_is_silent_and_where() -> None:
    text = card_html(DARK, Words("en"), PLACES, now=NOON)
    assert "60 of 61 devices silent" in text
    assert "锦竹苑 · 3栋" in text
    assert "script" not in text.replace('title="s-1"', "")
    one = {**ALERT, "label": "channel_silent", "outage": {"scope": "device", "channels": ["co_ppm"]}}
    assert "涉及：co_ppm" in card_html(one, Words("zh-CN"), PLACES, now=NOON)


def test_a_throw_says_which_windows_it_came_from_and_how_surely() -> None:
    where = [
        {"p": 0.62, "floor": 12, "window": 3},
        {"p": 0.2, "floor": 11, "window": 3},
        {"p": 0.12, "place": "roof"},
        {"p": 0.06, "place": "elsewhere"},
    ]
    thrown = {**ALERT, "label": "falling_object", "where": where}
    text = card_html(thrown, Words("zh-CN"), PLACES, now=NOON)
    assert "最可能：12 层 3 号窗 62%，11 层 3 号窗 20%，楼顶 12%" in text
    assert "其他" not in text
    assert "floor 12, window 3 (62%); floor 11" in card_html(thrown, Words("en"), PLACES, now=NOON)
    floors = {**ALERT, "where": [{"p": 0.08, "floor": 2}]}
    assert Words("en").origin(floors) == "Most likely: floor 2 (8%)"
    assert Words("en").origin({**ALERT, "where": []}) == ""


def test_every_language_says_everything() -> None:
    keys = {language: texts.keys() for language, texts in TEXTS.items()}
    assert len(keys) == 2
    assert all(own == keys["zh-CN"] for own in keys.values())
    alarms = {f"label.{label}" for scene in SCENES.values() for label in scene.alarms}
    states = {f"state.{state}" for state in AlertState} | {f"severity.{one}" for one in Severity}
    assert alarms | states <= keys["zh-CN"]


def test_every_change_of_an_alert_has_a_word_on_the_console_and_the_phone() -> None:
    changes = {*RULES, "raise", "merge", "update", "photo", "call", "wait", "reopen", "resolve", "close"}
    for language, texts in WORKER_TEXTS.items():
        unnamed = {one for one in changes if not {f"act.{one}", f"change.{one}"} & texts.keys()}
        assert unnamed == set(), language
        assert {one for one in changes if change_name(one, Words(language)) == one} == set(), language


def test_what_was_seen_again_and_again_is_one_line_of_the_timeline() -> None:
    told = ["raise", "merge", "update", "update", "acknowledge", "merge"]
    changes = [
        {"change": one, "actor": None, "detail": None, "changed_at": f"2026-11-23T04:00:0{n}+00:00"}
        for n, one in enumerate(told)
    ]
    html = timeline_html(changes, Words("zh-CN"), now=NOON)
    assert html.count("<li>") == 4
    assert "又有发现，并入本告警 ×3" in html
    assert "12:00:03" in html


def test_a_card_says_what_where_when_and_how_bad_and_lets_no_markup_in() -> None:
    html = card_html(ALERT, Words("zh-CN"), PLACES, now=NOON)
    for word in ("紧急", "明火", "模拟", "锦竹苑 · 3栋", "11:59:58", "92%", "3 次", "待处理"):
        assert word in html
    assert "<script>" not in html
    assert "simulated" in card_html(ALERT, Words("en"), PLACES, now=NOON)


def test_a_drill_is_marked_with_its_tester() -> None:
    drill = {**ALERT, "simulated": False, "drill": True, "tester": "<李>"}
    assert "演练 &lt;李&gt;" in card_html(drill, Words("zh-CN"), PLACES, now=NOON)
    assert "DRILL" in card_html(drill, Words("en"), PLACES, now=NOON)
    assert "演练" not in card_html({**drill, "drill": False}, Words("zh-CN"), PLACES, now=NOON)


def test_the_recorder_is_asked_for_the_time_of_the_alert() -> None:
    at = {"observed_at": "2026-11-23T03:59:58+00:00", "last_observed_at": "2026-11-23T04:00:08+00:00"}
    alert = {**ALERT, **at, "playback_url": "https://nvr.example/play?from={start}&to={end}"}
    assert playback_link(alert) == "https://nvr.example/play?from=1795406368&to=1795406468"
    assert playback_link({**alert, "playback_url": "rtsp://nvr.example/1"}) is None
    assert playback_link(ALERT) is None


def test_only_our_own_pictures_are_loaded() -> None:
    outside = {
        "event": "e",
        "position": 0,
        "media_type": "image/jpeg",
        "url": "http://elsewhere.example/a.jpg",
    }
    assert "elsewhere" not in thumbnail_html({**ALERT, "evidence": [outside]}, Words("en"))
    own = {**outside, "url": '/api/v1/events/e/evidence?position=0"onerror="x'}
    assert 'onerror="x' not in thumbnail_html({**ALERT, "evidence": [own]}, Words("en"))


def test_deleted_evidence_is_a_plain_sentence() -> None:
    deleted = {**ALERT, "evidence_deleted_at": "2026-11-23T03:00:00+00:00"}
    assert "证据已按保存规定删除" in thumbnail_html(deleted, Words("zh-CN"))
    assert "No picture" in thumbnail_html({**ALERT, "evidence_deleted_at": None}, Words("en"))


def test_a_place_is_named_by_its_innermost_areas_without_repeating_itself() -> None:
    assert PLACES.name("b-3") == "锦竹苑 3栋"
    assert PLACES.name("b-4") == "锦竹苑4栋"
    assert PLACES.name("unheard-of") == "unheard-of"
    assert PLACES.name(None) == ""
    assert PLACES.of({**ALERT, "area": None}) == "30.20000, 120.10000"


def test_times_are_those_of_china_with_the_date_of_another_day() -> None:
    assert local_time("2026-11-22T16:30:00+00:00", now=NOON) == "00:30:00"
    assert local_time("2026-11-22T15:30:00+00:00", now=NOON) == "11-22 23:30:00"


def test_a_level_of_fire_danger_is_told_in_words_and_colour() -> None:
    chinese = danger_html(DangerLevel.VERY_HIGH, Words("zh-CN"))
    assert "森林火险极高（5 级）" in chinese
    assert "gw-danger-red" in chinese
    assert "禁止一切用火" in chinese
    assert "Fire danger lower (2 of 5)" in danger_html(DangerLevel.LOWER, Words("en"))


def test_who_was_told_says_why_a_message_did_not_go_in_the_readers_language() -> None:
    why = "Alibaba Cloud did not take it (x)"
    message = {"service": "sms", "outcome": "failed", "sent_at": NOON, "why": why}
    told = {
        "name": "张三", "why": "", "why_zh": "", "messages": [message],
        "asked_at": NOON, "answered_at": None, "reached_at": None, "ended_at": None,
    }  # fmt: skip
    assert "阿里云没有收下（x）" in told_html([told], Words("zh-CN"), now=NOON)
    assert why in told_html([told], Words("en"), now=NOON)
