"""Each measurement runs at a tiny size, and what it counts is what happened."""

import shutil
from datetime import UTC, datetime

import pytest

from bench import areas, edge, history, ingest, latency, media, memory, overload, rate, shared, startup
from bench.__main__ import BEGIN, END, FOLDER, PAGE, with_table
from bench.publisher import PAYLOAD_BYTES, Load, packets, payload
from bench.spread import Spread, quantile
from detectors.fire import FireSensorDetector
from gridwatch.model import Observations
from gridwatch.wire import decode


def test_readings_of_the_load_are_of_the_stated_size_and_alarm_nobody() -> None:
    detector = FireSensorDetector()
    states = detector.new_states()
    for seq in range(200):
        sent = payload(seq, 1.76e9, 7)
        assert len(sent) == PAYLOAD_BYTES
        said = decode("gw/v1/bench-0007/readings", sent, received_at=datetime.now(UTC))
        assert isinstance(said, Observations)
        (item,) = said.items
        assert (item.seq, len(item.values)) == (seq, 4)
        assert not detector.feel(states, [item])


def test_the_connections_of_a_load_share_its_messages_without_repeating_one() -> None:
    load = Load(messages=1_001, devices=10, begin_t=1.76e9)
    sent = [packet for number in range(4) for packet in packets(load, number, 4)]
    assert len({packet[-PAYLOAD_BYTES - 40 :] for packet in sent}) == len(sent) == 1_001


def test_a_quantile_is_a_value_that_was_measured() -> None:
    values = [float(value) for value in range(1, 201)]
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile([3.0], 0.99)) == (100, 198, 3)
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(runs=3, min=1, median=2, max=3)


def test_points_find_their_areas_in_a_whole_district() -> None:
    found = areas.measure(areas.QUICK)
    assert found.polygons > 12_000
    assert 0 < found.inside < areas.QUICK.points
    assert [row.what.split()[0] for row in areas.rows(found)] == ["point", "read"]


def test_the_table_replaces_only_what_stands_between_its_marks() -> None:
    page = (FOLDER / PAGE).read_text(encoding="utf-8")
    changed = with_table(page, "new")
    assert f"{BEGIN}\nnew\n{END}" in changed
    assert with_table(changed, "new") == changed
    assert changed.startswith(page.partition(BEGIN)[0])
    assert changed.endswith(page.partition(END)[2])


@pytest.mark.skipif(shutil.which("mosquitto_sub") is None, reason="needs Mosquitto and its clients")
def test_the_rate_counts_every_message_into_the_database() -> None:
    found = rate.measure(rate.Sizes(pairs=1, messages=3_000))
    assert found.published == found.stored == 6_000
    assert found.readings == 4 * 6_000
    assert all(spread.min > 0 for spread in found.spreads.values())
    assert len(rate.rows(found)) == 2


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("mosquitto") is None, reason="needs Mosquitto")
def test_a_shared_subscription_strands_what_its_dead_subscriber_was_given() -> None:
    found = shared.measure(shared.Sizes(messages=2_000))
    assert found.published == 2_000
    assert found.stranded > 0
    assert found.lost == 0
    assert found.devices_split > 0


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("mosquitto_sub") is None, reason="needs Mosquitto and its clients")
def test_ingest_measures_devices_packs_two_collectors_and_commits() -> None:
    found = ingest.measure(ingest.Sizes(pairs=1, messages=104_000, latency_s=2.0))
    assert found.latency_messages == 2 * ingest.LATENCY_RATE
    assert 0 < found.committed_p50_ms < found.committed_p99_ms
    assert min(found.few.min, found.many.min, found.packs.min, found.two.min) > 0
    assert len(ingest.rows(found)) == 4


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("mosquitto") is None, reason="needs Mosquitto")
def test_an_overloaded_collector_catches_up() -> None:
    found = overload.measure(overload.Sizes(overload_s=5.0, catch_up_s=120.0))
    assert found.stored == found.published
    assert found.rss_most_mib < 300
    assert len(overload.rows(found)) == 1


@pytest.mark.slow
def test_latency_sees_an_alert_for_every_sample() -> None:
    found = latency.measure(latency.Sizes(rounds=1, samples=10))
    assert [tail.samples for tail in (found.idle, found.loaded, found.relay_idle)] == [10, 10, 10]
    assert 0 < found.relay_idle.p50_ms < found.idle.p50_ms
    assert len(latency.rows(found)) == 2


@pytest.mark.slow
def test_media_times_a_clip_that_raises_an_alert() -> None:
    found = media.measure(media.Sizes(clips=1, clip_s=4.0, cameras=1, frame_passes=1))
    assert (found.sent, found.missed) == (1, 0)
    assert found.lane_fps.min > 0
    assert len(media.rows(found)) == 2


@pytest.mark.slow
def test_judging_beside_a_camera_counts_its_pictures() -> None:
    found = edge.measure(edge.Sizes(cameras=1, judged_s=8.0, film_s=6.0))
    (run,) = found.runs
    assert run.came > 8 * 25
    assert run.judged + run.skipped <= run.came
    assert run.most_rss_mib > 50
    assert 2 <= len(edge.rows(found)) <= 3


@pytest.mark.slow
def test_memory_finds_every_part_by_name() -> None:
    found = memory.measure(memory.Sizes(idle_s=0.1, simulated_s=5.0, load_s=1.0))
    names = {part.name for part in found.simulated}
    assert {"database", "broker", "collector", "detectors", "api", "up itself"} <= names
    assert "others" not in names
    assert all(part.rss_mib > 1 for part in found.loaded)


@pytest.mark.slow
def test_startup_times_a_first_and_a_later_start() -> None:
    found = startup.measure(startup.Sizes(runs=1, setup=False))
    assert found.first.min > 0
    assert found.later.min > 0
    assert startup.rows(found)[2].value == "not measured"


def test_the_history_is_filled_and_each_question_answered() -> None:
    found = history.measure(history.Sizes(observations=48, devices=3, days=4, questions=2))
    for one in found.databases:
        assert one.readings == 4 * 48 * 3
        assert [answers.rows > 0 for answers in one.answers.values()] == [True] * 3
    assert len(history.rows(found)) >= 5
