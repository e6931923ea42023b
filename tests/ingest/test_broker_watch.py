"""What happens to the broker is seen and written down."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gridwatch.store.broker import SeenBroker, What, compare
from tests.collectors import ask, register, running_collector
from tests.ingest.test_collector import reading, send
from tests.servers import Mosquitto, wait_until

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def look(after_s: float, uptime_s: float, dropped: int = 0) -> SeenBroker:
    """Return a look at a broker, so long after noon."""
    return SeenBroker(
        version="2.0", uptime_s=uptime_s, kept=7, dropped=dropped, seen_at=NOON + timedelta(seconds=after_s)
    )


@pytest.mark.parametrize(
    ("before", "now", "what"),
    [
        (look(0, 500), look(10, 510), []),
        (look(0, 500), look(29, 510), []),
        (look(0, 500), look(7200, 7690), []),
        (look(0, 500), look(10, 3), [What.RESTARTED]),
        (look(0, 5), look(7200, 3600), [What.RESTARTED]),
        (look(0, 500, 3), look(10, 510, 5), [What.DROPPED]),
        (look(0, 500, 3), look(10, 2, 2), [What.RESTARTED, What.DROPPED]),
    ],
)
def test_two_looks_at_the_broker_tell_what_happened(
    before: SeenBroker, now: SeenBroker, what: list[What]
) -> None:
    found = compare(before, now)
    assert found is not None
    assert [incident.what for incident in found] == what


def test_a_look_that_a_busy_collector_tells_late_is_no_restart() -> None:
    assert compare(look(0, 500), look(20, 490)) is None


SEEN = "SELECT uptime_s FROM broker WHERE uptime_s > 0"
INCIDENTS = "SELECT what, detail FROM broker_incident WHERE what = 'restarted'"


def test_a_broker_that_was_killed_is_named(database_url: str, mosquitto: Mosquitto, tmp_path: Path) -> None:
    with running_collector(database_url, mosquitto, tmp_path):
        wait_until(lambda: bool(ask(database_url, SEEN)), what="the broker is seen")
        mosquitto.kill()
        mosquitto.start()
        wait_until(lambda: bool(ask(database_url, INCIDENTS)), what="the restart is seen")
    (incident,) = ask(database_url, INCIDENTS)
    assert "messages kept" in incident["detail"]


def test_sessions_that_the_broker_forgot_are_named(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    forgotten = "SELECT detail, count::int FROM broker_incident WHERE what = 'forgot' ORDER BY detail"
    with running_collector(database_url, mosquitto, tmp_path):
        mosquitto.stop()
        (mosquitto.folder / "mosquitto.db").unlink()
        mosquitto.start()
        wait_until(lambda: len(ask(database_url, forgotten)) == 2, what="two sessions are forgotten")
    assert ask(database_url, forgotten) == [
        {"detail": "the session gridwatch-0-media, with what waited in it", "count": 1},
        {"detail": "the session gridwatch-0-readings, with what waited in it", "count": 1},
    ]


def test_a_collector_tells_its_figures(database_url: str, mosquitto: Mosquitto, tmp_path: Path) -> None:
    figures = "SELECT figures FROM collector WHERE (figures ->> 'taken')::int = 3"
    register(database_url, "s1", "fire", "sensor")
    with running_collector(database_url, mosquitto, tmp_path):
        send(mosquitto, ("s1/readings", b"no"), reading(1, co_ppm=1), reading(1, co_ppm=1))
        wait_until(lambda: bool(ask(database_url, figures)), what="three messages are told")
        (row,) = ask(database_url, figures)
    assert row["figures"]["booked"] == 3
    assert 0 < row["figures"]["slowest_commit_s"] <= row["figures"]["commit_s"]
