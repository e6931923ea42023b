"""Frigate: the messages of its documentation become events of its cameras, with the snapshot it keeps.

`payloads/frigate.json` holds the examples of `frigate/events` and `frigate/reviews` in Frigate's MQTT page,
field for field.
"""

import asyncio
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from paho.mqtt import publish

from gridwatch.errors import SettingsError
from gridwatch.formats import Formats, Frigate, read_formats
from gridwatch.media import encode_jpeg
from gridwatch.model import Device, DeviceFinding, DeviceKind, Finding, Message, Status
from ingest.foreign import Foreign
from ingest.frigate import FrigateAdapter
from ingest.snapshots import Access, Snapshots
from tests.collectors import ask, register, running_collector, totals
from tests.servers import Mosquitto, wait_until

DOCUMENTED = json.loads((Path(__file__).parent / "payloads" / "frigate.json").read_text())
API = "http://127.0.0.1:5000"
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
EVENT_ID, REVIEW_ID = "1607123955.475377-mxklsc", "1718987129.308396-fqk5ka"


def change(kind: str, type_: str = "update", **after: object) -> dict[str, Any]:
    """Return a documented message with some fields of `after` changed."""
    documented: dict[str, Any] = DOCUMENTED[kind]
    return documented | {"type": type_, "after": documented["after"] | after}


def told(topic: str, body: object, **settings: object) -> tuple[str, Message]:
    """Return of whom a message speaks, and what it says."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    (heard,) = FrigateAdapter(Frigate.model_validate(settings)).read(topic, payload, NOW)
    return heard.source, heard.message(Device(id="door", scene="elevator", kind=DeviceKind.CAMERA))


def found(topic: str, body: object, **settings: object) -> Finding:
    """Return the finding of a message."""
    _, message = told(topic, body, **settings)
    assert isinstance(message, DeviceFinding)
    return message.finding


def test_the_documented_event_is_a_finding_of_its_camera() -> None:
    source, message = told("frigate/events", DOCUMENTED["events"])
    assert source == "frigate:front_door"
    assert isinstance(message, DeviceFinding)
    finding = message.finding
    assert (message.device, finding.label, finding.id) == ("door", "person", f"event {EVENT_ID}")
    assert finding.confidence == pytest.approx(0.958984375)
    assert finding.box_xyxy == (415.0, 489.0, 528.0, 700.0), "the box of the snapshot, which is what is shown"
    assert finding.observed_at.timestamp() == pytest.approx(1607123962.082975, abs=1e-6)
    assert [finding.ended_at, *finding.evidence] == [None]


def test_new_update_and_end_have_one_id_and_the_end_has_its_time() -> None:
    sent = [change("events", "new"), change("events"), change("events", "end", end_time=1607123999.5)]
    new, update, end = (found("frigate/events", one) for one in sent)
    assert new.id == update.id == end.id
    assert (new.ended_at, update.ended_at) == (None, None)
    assert end.ended_at == datetime.fromtimestamp(1607123999.5, UTC)


@pytest.mark.parametrize(
    ("label", "sub_label", "ours"),
    [
        ("motorcycle", None, "ebike"),
        ("bicycle", ["e-bike", 0.9], "ebike"),
        ("fire", None, "flame"),
        ("fire", "e-bike", "flame"),
        ("traffic light", None, "traffic_light"),
        ("person", None, "person"),
    ],
)
def test_labels_are_mapped_by_the_settings_in_their_order(label: str, sub_label: object, ours: str) -> None:
    labels = {"fire": "flame", "motorcycle": "ebike", "e-bike": "ebike"}
    body = change("events", label=label, sub_label=sub_label)
    assert found("frigate/events", body, labels=labels).label == ours


def test_a_review_is_a_finding_of_the_most_important_thing_it_names() -> None:
    source, message = told("frigate/reviews", DOCUMENTED["reviews"])
    assert source == "frigate:front_cam"
    assert isinstance(message, DeviceFinding)
    assert message.finding.label == "person"
    described = change("reviews", "genai", end_time=1718987150.0)
    assert found("frigate/reviews", described).id == message.finding.id
    data = {"detections": [EVENT_ID], "objects": ["person-verified", "car"], "audio": ["fire_alarm"]}
    labels = {"fire_alarm": "smoke", "person": "person"}
    heard = found("frigate/reviews", change("reviews", data=data), labels=labels, api=API)
    assert (heard.id, heard.label, heard.criteria) == (f"review {REVIEW_ID}", "smoke", {"alert": 1.0})
    assert (heard.evidence[0].url or "").startswith(f"{API}/api/events/{EVENT_ID}/snapshot.jpg?")
    verified = found("frigate/reviews", change("reviews", data=data), labels={"person": "person"})
    assert verified.label == "person"
    assert found("frigate/reviews", change("reviews", data={}, severity="detection")).criteria == {
        "alert": 0.0
    }


def test_a_link_to_the_snapshot_is_given_only_for_labels_that_are_mapped() -> None:
    body = change("events", label="motorcycle", sub_label=None, has_snapshot=True)
    assert found("frigate/events", body, api=API).evidence == ()
    (evidence,) = found("frigate/events", body, api=API, labels={"motorcycle": "ebike"}).evidence
    assert (evidence.url or "").startswith(f"{API}/api/events/{EVENT_ID}/snapshot.jpg?bbox=0")


@pytest.mark.parametrize(
    ("topic", "payload", "source", "online"),
    [
        ("frigate/available", b"online", "frigate", True),
        ("frigate/available", b"stopped", "frigate", False),
        ("frigate/available", b"offline", "frigate", False),
        ("frigate/available", b"", "frigate", None),
        ("frigate/front_door/status/detect", b"online", "frigate:front_door", True),
        ("frigate/front_door/status/detect", b"disabled", "frigate:front_door", False),
    ],
)
def test_availability_is_the_state_of_the_frigate_and_of_its_cameras(
    topic: str, payload: bytes, source: str, online: bool | None
) -> None:
    assert told(topic, payload) == (source, Status(device="door", online=online))


def test_a_prefix_of_several_levels_names_its_cameras_with_points() -> None:
    source, _ = told("estate-3/frigate/events", DOCUMENTED["events"], prefix="estate-3/frigate")
    assert source == "estate-3.frigate:front_door"


@pytest.mark.parametrize(
    ("topic", "body", "reason"),
    [
        ("frigate/events", b"{", "truncated"),
        ("frigate/events", {"type": "new", "after": {"id": "x"}}, "camera"),
        ("frigate/events", {"type": "gone"}, "gone"),
        ("frigate/events", change("events", top_score=1.5), "confidence"),
        (
            "frigate/events",
            change("events", id="../../etc", label="fire", has_snapshot=True),
            "id '../../etc'",
        ),
        ("frigate/events", change("events", frame_time=1.0), "2000"),
        ("frigate/available", b"asleep", "none of online"),
        ("frigate/stats", b"{}", "nothing is expected"),
    ],
)
def test_what_cannot_be_read_says_why(topic: str, body: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        told(topic, body, api=API, labels={"fire": "flame"})


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[[frigate]]\nsnapshots = true", r"frigate\.0: .*snapshots needs api"),
        ("[[frigate]]\napi = 'frigate:5000'", r"frigate\.0\.api: .*pattern"),
        ("[[frigate]]\napi = 'http://f'\nsnapshots = true\nusername = 'u'", r"frigate\.0: .*password_file"),
        ("[[frigate]]\nusername = 'u'\npassword_env = 'P'", r"frigate\.0: .*snapshots = true"),
        ("[[frigate]]\npassword = 'P'", r"frigate\.0\.password: .*not permitted"),
        ("[[frigate]]\nprefix = 'a/+'", r"frigate\.0\.prefix"),
        ("[[frigate]]\n[frigate.labels]\nfire = 'Big Flame'", r"frigate\.0\.labels: .*small letters"),
        ("[[frigate]]\n[[frigate]]", "two have the prefix frigate"),
    ],
)
def test_a_mistake_in_the_settings_is_named(tmp_path: Path, text: str, wrong: str) -> None:
    (tmp_path / "formats.toml").write_text(text)
    with pytest.raises(SettingsError, match=wrong):
        read_formats(tmp_path / "formats.toml")


def test_all_messages_of_a_frigate_are_worked_on_by_one_collector() -> None:
    foreign = Foreign.of(Formats.model_validate({"frigate": [{}, {"prefix": "a/b"}]}))
    topics = ["frigate/events", "frigate/front_door/status/detect", "a/b/reviews", "gw/v1/s1/readings", "x"]
    assert [foreign.sender(topic) for topic in topics] == ["frigate", "frigate", "a.b", "s1", ""]
    assert foreign.media == ["frigate/events", "frigate/reviews", "a/b/events", "a/b/reviews"]


@contextmanager
def frigate_api(
    pictures: Mapping[str, bytes], login: Mapping[str, str] | None = None, sessions: Sequence[str] = ()
) -> Iterator[tuple[str, list[str]]]:
    """Serve snapshots as Frigate's HTTP API does; yield its address and what was asked for.

    With `login` only who brings the cookie of the newest of `sessions` along gets an answer, two times; each
    login begins the next one.
    """
    asked: list[str] = []
    current: list[Any]
    left, current = list(sessions), ["none yet", 0]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            is_right = self.path == "/api/login" and said == login
            if is_right:
                current[:] = [left.pop(0), 2]
            self.send_response(200 if is_right else 401)
            if is_right:
                self.send_header("Set-Cookie", f"frigate_token={current[0]}; HttpOnly; Path=/; SameSite=lax")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            asked.append(self.path)
            current[1] -= 1
            cookie = self.headers.get("Cookie")
            if login is not None and (cookie != f"frigate_token={current[0]}" or current[1] < 0):
                self.send_response(401)
                self.send_header("Location", "/login")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            picture = pictures.get(self.path.split("?")[0])
            self.send_response(200 if picture else 404)
            self.send_header("Content-Type", "image/jpeg" if picture else "application/json")
            self.end_headers()
            self.wfile.write(picture or b'{"success": false, "message": "Snapshot not available"}')

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


SNAPSHOT = f"/api/events/{EVENT_ID}/snapshot.jpg"
LOGIN = {"user": "gridwatch", "password": "a password of Frigate"}


def fetched(api: str, settings: Mapping[str, object], *, times: int = 1) -> list[DeviceFinding]:
    """Return an event with its snapshot, fetched anew as often."""
    one = Frigate.model_validate({"api": api, "snapshots": True, "labels": {"fire": "flame"}, **settings})
    body = json.dumps(change("events", label="fire", sub_label=None, has_snapshot=True)).encode()
    (heard,) = FrigateAdapter(one).read("frigate/events", body, NOW)
    message = heard.message(Device(id="door", scene="elevator", kind=DeviceKind.CAMERA))
    assert isinstance(message, DeviceFinding)

    async def fetch() -> list[DeviceFinding]:
        snapshots = Snapshots([Access.of(one)])
        return [await snapshots.fetched(message) for _ in range(times)]

    return asyncio.run(fetch())


def test_a_frigate_that_wants_a_login_is_logged_in_to_once_and_again_when_that_lapses(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FRIGATE_PASSWORD", LOGIN["password"])
    settings = {"username": "gridwatch", "password_env": "FRIGATE_PASSWORD"}
    with frigate_api({SNAPSHOT: b"\xff\xd8 a picture"}, LOGIN, ["one", "two"]) as (api, asked):
        told = fetched(api, settings, times=3)
    assert [one.finding.evidence[0].content for one in told] == [b"\xff\xd8 a picture"] * 3
    assert [path.split("?")[0] for path in asked] == [
        *[SNAPSHOT, "/api/login", SNAPSHOT, SNAPSHOT],
        *[SNAPSHOT, "/api/login", SNAPSHOT],
    ]
    assert LOGIN["password"] not in caplog.text


def test_a_frigate_that_refuses_the_password_costs_the_picture_and_is_let_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "frigate.password").write_text("a wrong password\n")
    settings = {"username": "gridwatch", "password_file": str(tmp_path / "frigate.password")}
    with frigate_api({SNAPSHOT: b"\xff\xd8"}, LOGIN) as (api, asked):
        told = fetched(api, settings, times=3)
    assert [one.finding.evidence for one in told] == [()] * 3
    assert [dict(one.finding.criteria) for one in told] == [{"evidence_missing": 1.0}] * 3
    assert [path.split("?")[0] for path in asked] == [SNAPSHOT, "/api/login"], "cameras lock accounts"
    assert "refuses the user name or password" in caplog.text
    assert "a wrong password" not in caplog.text


def test_a_password_that_is_not_there_is_named_at_the_start() -> None:
    one = {"api": "http://f", "snapshots": True, "username": "u", "password_env": "NOT_SET_HERE"}
    with pytest.raises(SettingsError, match=r"frigate frigate: password: .*NOT_SET_HERE is not set"):
        Foreign.of(Formats.model_validate({"frigate": [one]}))


def test_what_frigate_sees_is_one_event_with_its_snapshot_and_raises_one_alert(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    register(database_url, "lift-3", "elevator", "camera")
    ask(database_url, "UPDATE device SET source = 'frigate:front_door'")
    began = time.time() - 60
    seen = {"label": "motorcycle", "sub_label": None, "has_snapshot": True, "start_time": began}
    messages = [
        change("events", "new", **(seen | {"has_snapshot": False}), frame_time=began + 1),
        change("events", "update", **seen, frame_time=began + 2),
        change("events", "end", **seen, frame_time=began + 2, end_time=began + 9),
        change("events", "end", **seen, frame_time=began + 2, end_time=began + 9),
        change("events", "new", **seen, id="1607123955.9-gone", frame_time=began + 3),
        change("events", "new", **seen, camera="unknown"),
    ]
    picture = encode_jpeg(np.full((720, 1280, 3), 90, np.uint8))
    with frigate_api({f"/api/events/{EVENT_ID}/snapshot.jpg": picture}) as (api, asked):
        (tmp_path / "formats.toml").write_text(
            f'[[frigate]]\napi = "{api}"\nsnapshots = true\nlabels = {{ motorcycle = "ebike" }}\n'
        )
        settings = {"GRIDWATCH_FORMATS": str(tmp_path / "formats.toml")}
        with running_collector(database_url, mosquitto, tmp_path, **settings):
            publish.multiple(
                [
                    ("frigate/available", "online", 1, False),
                    ("frigate/front_door/status/detect", "online", 1, False),
                    *[("frigate/events", json.dumps(one), 1, False) for one in messages],
                ],
                hostname="127.0.0.1",
                port=mosquitto.port,
            )
            wait_until(lambda: totals(database_url)["received"] == 8)
    assert totals(database_url) == {
        "received": 8, "stored": 5, "duplicate": 1, "quarantined": 2, "skipped": 0
    }  # fmt: skip
    strangers = ask(database_url, "SELECT named FROM quarantine ORDER BY named")
    assert [row["named"] for row in strangers] == ["frigate", "frigate:unknown"]
    assert ask(database_url, "SELECT online FROM device") == [{"online": True}]
    rows = ask(database_url, "SELECT label, ended_at, criteria, alert_id FROM event ORDER BY observed_at")
    assert [(row["label"], row["ended_at"] is None) for row in rows] == [("ebike", False), ("ebike", True)]
    assert [row["criteria"] for row in rows] == [{}, {"evidence_missing": 1.0}]
    (alert,) = ask(database_url, "SELECT device, label, scene FROM gw.alerts")
    assert alert == {"device": "lift-3", "label": "ebike", "scene": "elevator"}
    kept = ask(database_url, "SELECT masked, sha256 IS NOT NULL AS is_file FROM evidence ORDER BY position")
    assert kept == [{"masked": True, "is_file": True}, {"masked": False, "is_file": True}]
    assert asked[0].endswith("?bbox=0&timestamp=0&crop=0")
