"""What Prometheus hears, and the rules that listen to it."""

import re
from pathlib import Path
from typing import Any

import httpx
import yaml
from prometheus_client.parser import text_string_to_metric_families

from gridwatch.store import Store
from tests.api.serving import at_store, serving, settings_for
from tests.collectors import write_book

RULES = Path(__file__).resolve().parents[2] / "deploy" / "prometheus" / "rules.yaml"

TROUBLE = """
    INSERT INTO device (id, scene, kind) VALUES ('s1', 'fire', 'sensor'), ('s2', 'fire', 'sensor');
    INSERT INTO gap (device_key, first_seq, last_seq, after_at, before_at, missing)
        SELECT key, 5, 9, now(), now(), 4 FROM device WHERE id = 's1';
    INSERT INTO gap (device_key, first_seq, last_seq, after_at, before_at, missing, closed_at)
        SELECT key, 1, 2, now(), now(), 0, now() FROM device WHERE id = 's1';
    INSERT INTO device_clock (device_key, skew_s, sure, jumped_at)
        SELECT key, 3600, true, now() FROM device WHERE id = 's2';
    INSERT INTO broker (version, uptime_s, kept, dropped, seen_at) VALUES ('mosquitto 2', 12, 77, 0, now());
    INSERT INTO broker_incident (at, what, count, detail) VALUES
        (now(), 'restarted', 1, 'it'), (now(), 'dropped', 30, 'them'),
        (now() - interval '2 d', 'dropped', 9, '');
    INSERT INTO collector (client_id, slot, pid, subscribed, figures)
        VALUES ('g-0', 0, 1, true, '{"taken": 9, "booked": 8, "late_s": 0.5}');
    INSERT INTO fill (name, count, bytes, share) VALUES ('evidence', 3, 1000, 0.9);
    INSERT INTO chore (name, error) VALUES ('sweep', 'no'), ('fine', NULL)"""


def test_metrics_tell_of_what_is_wrong_and_the_rules_know_their_names(
    database_url: str, tmp_path: Path
) -> None:
    async def trouble(store: Store) -> None:
        for statement in TROUBLE.split(";"):
            await store.execute(statement)

    at_store(database_url, trouble)
    write_book(database_url, "s1", 10, 6, 2, 1, 1)
    write_book(database_url, "s2", 10, 9)
    write_book(database_url, "", 3, 0, 0, 3)
    with serving(settings_for(database_url, tmp_path)) as url:
        text = httpx.get(f"{url}/metrics").text
    said = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert said[("gridwatch_books_unbalanced_devices",)] == 1
    assert said[("gridwatch_messages_total", "received")] == 23
    assert said[("gridwatch_messages_total", "quarantined")] == 4
    assert (said[("gridwatch_sequence_gaps",)], said[("gridwatch_sequence_missing",)]) == (1, 4)
    assert (said[("gridwatch_device_clocks_off",)], said[("gridwatch_device_clocks_jumped",)]) == (1, 1)
    assert said[("gridwatch_broker_uptime_seconds",)] == 12
    assert said[("gridwatch_broker_kept_messages",)] == 77
    assert said[("gridwatch_broker_incidents", "restarted")] == 1
    assert said[("gridwatch_broker_incidents", "dropped")] == 30
    assert said[("gridwatch_broker_incidents", "forgot")] == 0
    assert said[("gridwatch_chores_failed",)] == 1
    assert said[("gridwatch_collector_taken_messages_total", "g-0")] == 9
    assert said[("gridwatch_collector_booked_messages_total", "g-0")] == 8
    assert said[("gridwatch_collector_late_seconds", "g-0")] == 0.5
    assert said[("gridwatch_kept_share", "evidence")] == 0.9
    assert said[("gridwatch_kept_bytes", "evidence")] == 1000
    named = {name for rule in _rules() for name in re.findall(r"gridwatch_\w+", rule["expr"])}
    assert named <= {name for name, *_ in said}


def test_every_rule_is_whole() -> None:
    for rule in _rules():
        assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}, rule
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
        assert rule["annotations"].keys() == {"summary", "action"}
        assert re.fullmatch(r"\d+[smhd]", rule.get("for", "0s"))
        assert rule["expr"].count("(") == rule["expr"].count(")")


def _rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules
