"""What cameras repeat is one event; what they call things becomes our labels."""

from datetime import UTC, datetime, timedelta

import pytest

from gridwatch.errors import SettingsError
from ingest.bridges.judgement import Episodes, Judgement, label_of, read_labels

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


def test_a_lasting_event_is_one_with_updates_and_a_new_one_after_a_silence() -> None:
    episodes, told = Episodes(), []
    for second in (0, 1, 5, 11, 12, 22, 60, 61):
        at = NOW + timedelta(seconds=second)
        report = episodes.follow("lift-1", Judgement(kind="VMD", channel="1", at=at), at)
        if report is not None:
            told.append((second, report.started, report.is_new))
    late = NOW + timedelta(seconds=60)
    assert told == [(0, NOW, True), (11, NOW, False), (22, NOW, False), (60, late, True)]


def test_an_end_is_told_once_and_only_of_what_began() -> None:
    episodes = Episodes()
    begins, ends = Judgement(kind="VMD", channel="1"), Judgement(kind="VMD", channel="1", active=False)
    assert episodes.follow("lift-1", ends, NOW) is None
    episodes.follow("lift-1", begins, NOW)
    assert episodes.follow("lift-2", ends, NOW) is None
    report = episodes.follow("lift-1", ends, NOW + timedelta(seconds=2))
    assert report is not None
    assert (report.started, report.ended) == (NOW, True)
    assert episodes.follow("lift-1", ends, NOW) is None


def test_each_momentary_event_is_one_of_its_own() -> None:
    episodes = Episodes()
    pulse = Judgement(kind="FireWarning", channel="1", momentary=True)
    reports = [episodes.follow("roof-1", pulse, NOW + timedelta(seconds=second)) for second in (0, 1)]
    assert [report is not None and report.is_new for report in reports] == [True, True]


@pytest.mark.parametrize("vendor", ["hikvision", "dahua"])
def test_labels_come_from_the_vendors_table_and_the_bridges_own(vendor: str) -> None:
    labels = read_labels(
        vendor, {"VMD": "motion", "VMD:human": "person", "fireDetection": "", "FireWarning": ""}
    )
    assert {"smoke", "heat", "lens_covered"} <= set(labels.values())
    assert "fireDetection" not in labels
    seen = [
        label_of(Judgement(kind="VMD", channel="1", target=target), labels) for target in ("", "human", "dog")
    ]
    assert seen == ["motion", "person", "motion"]


def test_a_label_that_is_none_is_named() -> None:
    with pytest.raises(SettingsError, match="small letters"):
        read_labels("hikvision", {"VMD": "Motion"})
