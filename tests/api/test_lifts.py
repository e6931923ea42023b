"""Lifts over HTTP and from the command line, without a collector."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner, Result

from gridwatch.cli.every import app
from gridwatch.interlock import USUAL_VOICE, Note, State
from gridwatch.store import Store
from gridwatch.store.lifts import Lift, begin_hold, enter, get_lift, tell_people, tell_state
from tests.api.serving import Api

LIFTS = "/api/v1/lifts"


@pytest.fixture
def lift(api: Api) -> Api:
    """Return a server with a lift that a camera looks into, watched for ten days and held twice."""
    devices = [
        {"id": "lift-1", "scene": "elevator", "kind": "gateway"},
        {"id": "lift-1-camera", "scene": "elevator", "kind": "camera", "lift": "lift-1"},
    ]
    assert api.client.post("/api/v1/devices", json=devices).status_code == 201

    async def live(store: Store) -> None:
        found = await get_lift(store, "lift-1")
        await enter(store, found)
        await begin_hold(store, found, "lift-1-camera")
        await store.execute("UPDATE lift SET watched_s = 864000")
        await store.execute("UPDATE lift_hold SET ended_at = now(), ended = 'gone'")
        await begin_hold(store, found, "lift-1-camera")

    api.stored(live)
    return api


def cli(api: Api, monkeypatch: pytest.MonkeyPatch, *arguments: str, typed: str | None = None) -> Result:
    """Run `gridwatch lift` on the server's database."""
    monkeypatch.setenv("GRIDWATCH_DATABASE_URL", api.settings.database_url or "")
    return CliRunner().invoke(app, ["lift", *arguments], input=typed)


def test_a_lift_is_only_observed_until_somebody_who_saw_its_false_holds_switches_it_on(lift: Api) -> None:
    shown = lift.client.get(f"{LIFTS}/lift-1").json()
    assert (shown["mode"], shown["state"], shown["voice"]) == ("observe", "clear", dict(USUAL_VOICE))
    assert (shown["cameras"], shown["state_is_known"], shown["lift"]) == (["lift-1-camera"], False, None)
    assert lift.client.get(LIFTS).json() == [shown]
    refused = lift.client.patch(f"{LIFTS}/lift-1", json={"mode": "relay"})
    assert refused.status_code == 409
    assert "in 10.0 days watched there were 2 holds, 0 of them judged" in refused.json()["detail"]
    on = lift.client.patch(
        f"{LIFTS}/lift-1", json={"mode": "relay", "confirm": True, "voice": {"zh": "请出"}}
    )
    assert (on.status_code, on.json()["mode"], on.json()["voice"]) == (200, "relay", {"zh": "请出"})
    (change,) = lift.client.get(f"{LIFTS}/lift-1/changes").json()
    assert (change["actor"], change["change"]) == ("admin", "set")
    assert "mode relay" in change["detail"]


def test_who_lets_go_is_written_down_and_the_release_goes_out_at_once(lift: Api) -> None:
    answer = lift.client.post(f"{LIFTS}/lift-1/release", json={"reason": "false_alarm", "note": "轮椅"})
    assert answer.status_code == 200
    assert 50 < answer.json()["cool_down_s"] <= 60
    found = answer.json()["false_holds"]
    assert (found["holds"], found["judged"], found["false_alarms"], found["per_day"]) == (2, 1, 1, 0.1)
    assert found["per_day_most"] == pytest.approx(0.63, abs=0.01), "the hold that nobody judged counts too"
    (command,) = lift.client.get("/api/v1/devices/lift-1/commands").json()
    assert (command["action"], command["created_by"]) == ("release", "admin")
    (change,) = lift.client.get(f"{LIFTS}/lift-1/changes").json()
    assert (change["actor"], change["reason"], change["detail"]) == (
        "admin",
        "false_alarm: 轮椅",
        "false alarm",
    )
    newest, oldest = lift.client.get(f"{LIFTS}/lift-1/holds").json()
    assert (newest["verdict"], newest["verdict_by"], newest["note"]) == (
        "false_alarm",
        "admin",
        "false_alarm: 轮椅",
    )
    judged = lift.client.post(f"{LIFTS}/lift-1/holds/{oldest['id']}/verdict", json={"verdict": "right"})
    assert judged.status_code == 204
    assert lift.client.get(f"{LIFTS}/lift-1").json()["false_holds"]["judged"] == 2
    assert [one["change"] for one in lift.client.get(f"{LIFTS}/lift-1/changes").json()] == [
        "judged",
        "released",
    ]


def test_a_lift_is_switched_off_until_a_time(lift: Api) -> None:
    until = (datetime.now(UTC) + timedelta(hours=8)).isoformat()
    off = lift.client.post(f"{LIFTS}/lift-1/disable", json={"until": until, "reason": "a move"})
    assert datetime.fromisoformat(off.json()["disabled_until"]) == datetime.fromisoformat(until)
    over = {"until": (datetime.now(UTC) - timedelta(hours=1)).isoformat(), "reason": "a move"}
    assert lift.client.post(f"{LIFTS}/lift-1/disable", json=over).json()["disabled_until"] is None
    lift.client.post(f"{LIFTS}/lift-1/disable", json={"until": None})
    changes = lift.client.get(f"{LIFTS}/lift-1/changes?limit=2")
    assert [one["change"] for one in changes.json()] == ["enabled", "disabled"]
    assert len(lift.client.get(changes.links["next"]["url"]).json()) == 1


@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        ("release", {"reason": "I like it"}, "false_alarm"),
        ("release", {}, "required"),
        ("disable", {"until": "2026-11-24T00:00:00Z"}, "say why"),
        ("disable", {"until": "2026-11-24T00:00:00", "reason": "x"}, "timezone"),
        ("holds/1/verdict", {"verdict": "maybe"}, "right"),
    ],
)
def test_what_makes_no_sense_is_refused(lift: Api, path: str, body: dict[str, object], why: str) -> None:
    answer = lift.client.post(f"{LIFTS}/lift-1/{path}", json=body)
    assert answer.status_code == 422
    assert why in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [{"repeat_s": 9}, {"voice": {"zh": ""}}, {"voice": {"*": "x"}}, {"mode": "always"}, {"state": "hold"}],
)
def test_a_wiring_that_makes_no_sense_is_refused(lift: Api, body: dict[str, object]) -> None:
    assert lift.client.patch(f"{LIFTS}/lift-1", json=body).status_code == 422


def test_nobody_knows_lifts_that_are_not_there(lift: Api) -> None:
    assert lift.client.get(f"{LIFTS}/nobody").status_code == 404
    assert lift.client.post(f"{LIFTS}/nobody/release", json={"reason": "other"}).status_code == 404
    verdict = lift.client.post(f"{LIFTS}/lift-1/holds/999/verdict", json={"verdict": "right"})
    assert verdict.status_code == 404
    assert lift.client.get(LIFTS, headers={"Authorization": ""}).status_code == 401


def test_a_hold_that_nobody_tells_of_any_more_is_a_fault(lift: Api) -> None:
    async def hold(store: Store) -> Lift:
        found = await get_lift(store, "lift-1")
        camera = "lift-1-camera"
        await tell_state(store, found, state=State.HOLD, why="", camera=camera, spent_s=9, hold=None)
        return await get_lift(store, "lift-1")

    assert lift.stored(hold).state == "hold"

    async def die(store: Store) -> None:
        await store.execute("UPDATE lift SET told_at = now() - interval '6 s'")

    lift.stored(die)
    shown = lift.client.get(f"{LIFTS}/lift-1").json()
    assert (shown["state"], shown["why"]) == ("fault", "no collector tells of it any more")


def test_what_a_lift_says_is_its_last_word_whatever_its_clock_says(lift: Api) -> None:
    async def speak(store: Store) -> None:
        for minutes, moving in ((60, False), (0, True)):
            await store.execute(
                """INSERT INTO lift_state (device_key, observed_at, received_at, moving)
                   SELECT key, now() + %(minutes)s * interval '1 min', now(), %(moving)s
                   FROM device WHERE id = 'lift-1'""",
                {"minutes": minutes, "moving": moving},
            )

    lift.stored(speak)
    shown = lift.client.get(f"{LIFTS}/lift-1").json()
    assert (shown["lift"]["moving"], shown["state_is_known"]) == (True, True)


def test_what_people_must_know_of_a_lift_is_an_alert_of_its_own(lift: Api) -> None:
    async def tell(store: Store) -> None:
        for _ in range(2):
            found = await get_lift(store, "lift-1")
            await tell_people(store, found, Note.HELD_TOO_LONG, {}, now=datetime.now(UTC))

    lift.stored(tell)
    (alert,) = lift.client.get("/api/v1/alerts").json()
    assert (alert["device"], alert["label"], alert["severity"]) == ("lift-1", "door_held_too_long", "major")
    jobs = lift.stored(lambda store: store.rows("SELECT args FROM procrastinate_jobs"))
    assert [job["args"]["alert_id"] for job in jobs] == [alert["id"]], "told once, and at once"


def test_the_command_line_shows_false_holds_before_it_switches_on(
    lift: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    no = cli(lift, monkeypatch, "set", "lift-1", "--mode", "controller", typed="n\n")
    assert "2 holds, 0 of them judged" in no.output
    assert "Confirm it" in str(no.exception)
    yes = cli(lift, monkeypatch, "set", "lift-1", "--mode", "controller", "--silent", typed="y\n")
    assert yes.exit_code == 0, yes.output
    cli(lift, monkeypatch, "release", "lift-1", "--reason", "taken_out", "--name", "li")
    cli(lift, monkeypatch, "disable", "lift-1", "--for", "8h", "--reason", "a move")
    cli(lift, monkeypatch, "judge", "lift-1", "2", "--false-alarm")
    shown = json.loads(cli(lift, monkeypatch, "show", "lift-1", "--json").output)
    assert (shown["mode"], shown["voice"]) == ("controller", {})
    assert shown["false_holds"]["false_alarms"] == 1
    changes = [(one["change"], one["actor"][:4]) for one in shown["changes"]]
    assert changes == [("judged", "cli:"), ("disabled", "cli:"), ("released", "li"), ("set", "cli:")]
    read = cli(lift, monkeypatch, "show", "lift-1").output
    assert "its state is unknown: nothing is claimed of it" in read
    assert "lift-1" in cli(lift, monkeypatch, "list").output


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("disable", "lift-1"), "--for DURATION or --end"),
        (("disable", "lift-1", "--for", "8h"), "say why"),
        (("set", "lift-1", "--voice", "zh"), "LANG=TEXT"),
        (("set", "lift-1", "--repeat", "3"), "from 10 to 15"),
        (("show", "nobody"), "no device 'nobody'"),
    ],
)
def test_the_command_line_says_why_not(
    lift: Api, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], why: str
) -> None:
    assert why in str(cli(lift, monkeypatch, *arguments).exception)
