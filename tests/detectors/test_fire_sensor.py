"""Fire from readings: what raises, what must not, and how soon."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from math import cos, pi

import numpy as np
import pytest

from detectors.fire import FireSensorDetector
from detectors.fire.levels import LEVELS
from gridwatch.fire_fusion import UNCONFIRMED, WARNING
from gridwatch.model import Finding, Observation, Severity
from gridwatch.scenes import alarm_severity
from gridwatch.usual import Expected, Sum

NOON = datetime(2026, 4, 5, 12, tzinfo=UTC)
ORDINARY = {"temperature_c": 24.1, "humidity_pct": 41.0, "smoke_pct_m": 0.1, "co_ppm": 1.0}
BURNING = {"temperature_c": 58.0, "humidity_pct": 12.0, "smoke_pct_m": 9.0, "co_ppm": 60.0}
SMOULDERING = {"temperature_c": 30.0, "smoke_pct_m": 3.0, "co_ppm": 35.0}


class Sensor:
    """One sensor and its detector, fed by the second; warnings are set aside."""

    def __init__(self) -> None:
        self.detector = FireSensorDetector()
        self.states = self.detector.new_states()
        self.now = NOON
        self.warnings: list[Finding] = []

    def send(self, values: Mapping[str, float], after_s: float = 1.0) -> list[Finding]:
        """Send one reading `after_s` seconds after the last."""
        self.now += timedelta(seconds=after_s)
        return self.deliver(values, self.now)

    def deliver(self, values: Mapping[str, float], at: datetime, seq: int | None = None) -> list[Finding]:
        """Deliver a reading with its own time."""
        observation = Observation(device="hut-1", observed_at=at, values=values, seq=seq)
        found = [finding for _, finding in self.detector.feel(self.states, [observation])]
        self.warnings += [finding for finding in found if finding.label == WARNING]
        return [finding for finding in found if finding.label != WARNING]

    def send_all(self, readings: Iterable[Mapping[str, float]], after_s: float = 1.0) -> list[Finding]:
        """Send readings one after another."""
        return [finding for values in readings for finding in self.send(values, after_s)]


@pytest.mark.parametrize("ordinary_readings", [0, 1, 5, 500])
def test_a_fire_is_reported_by_its_third_reading(ordinary_readings: int) -> None:
    sensor = Sensor()
    assert sensor.send_all([ORDINARY] * ordinary_readings) == []
    (finding,) = sensor.send_all([BURNING] * 3)
    assert alarm_severity("fire", finding.label) is not None
    assert finding.severity is Severity.CRITICAL
    assert finding.observed_at == sensor.now
    assert finding.criteria["smoke_pct_m"] == 9.0
    assert finding.criteria["co_ppm_votes_of_5"] == 3.0


def test_plain_readings_never_raise() -> None:
    sensor = Sensor()
    assert sensor.send_all([{"temperature_c": 24.1, "humidity_pct": 41.0}] * 2000) == []


@pytest.mark.parametrize(
    "spacing_s", [0.001, 1.0, 60.0, 3600.0, 86_400.0, 30 * 86_400.0, pytest.param(None, id="irregular")]
)
@pytest.mark.parametrize("before", [0, 200])
def test_ten_agreeing_readings_raise_at_any_spacing(spacing_s: float | None, before: int) -> None:
    sensor, dice = Sensor(), np.random.default_rng(7)
    assert sensor.send_all([ORDINARY] * before, after_s=60) == []
    gaps = [
        float(dice.choice([0.5, 90.0, 7200.0, 2e5])) if spacing_s is None else spacing_s for _ in range(10)
    ]
    assert [finding for gap in gaps for finding in sensor.send(SMOULDERING, gap)] != []


def test_ten_agreeing_readings_raise_also_with_ordinary_ones_between_them() -> None:
    sensor = Sensor()
    found: list[Finding] = []
    for _ in range(10):
        assert found == []
        sensor.send_all([ORDINARY] * 50, after_s=60)
        found = sensor.send(SMOULDERING, after_s=60)
    assert [finding.label for finding in found] == ["smoke"]
    assert found[0].criteria["agreeing_readings"] == 10.0


def test_a_flat_line_does_not_keep_an_alarm_down() -> None:
    sensor = Sensor()
    assert sensor.send_all([{"smoke_pct_m": 1.9, "co_ppm": 19.0, "temperature_c": 49.0}] * 400, 60) == []
    assert len(sensor.send_all([SMOULDERING | {"temperature_c": 55.0}] * 10)) >= 1


def test_a_slow_drift_does_not_teach_the_detector_that_a_fire_is_ordinary() -> None:
    sensor = Sensor()
    sensor.send_all(({"smoke_pct_m": 0.002 * n, "co_ppm": 0.03 * n} for n in range(1500)), after_s=3600)
    sensor.send_all([ORDINARY] * 20)
    assert len(sensor.send_all([BURNING] * 3)) == 1


def test_quantities_sent_in_messages_of_their_own_agree_too() -> None:
    sensor = Sensor()
    found = sensor.send_all([{"smoke_pct_m": 3.0}, {"co_ppm": 35.0}, {"temperature_c": 31.0}] * 3)
    assert [finding.label for finding in found] == ["smoke"]


@pytest.mark.parametrize(
    ("values", "label"),
    [
        ({"smoke_pct_m": 7.0}, "smoke"),
        ({"co_ppm": 110.0}, "smoke"),
        ({"temperature_c": 61.0}, "heat"),
    ],
)
def test_one_strong_quantity_raises_after_its_vote(values: dict[str, float], label: str) -> None:
    sensor = Sensor()
    found = [sensor.send(ORDINARY | values) for _ in range(3)]
    assert [len(findings) for findings in found] == [0, 0, 1]
    assert found[2][0].label == label
    assert found[2][0].severity is None


@pytest.mark.parametrize("values", [{"smoke_pct_m": 4.5}, {"co_ppm": 55.0}])
def test_a_dangerous_level_raises_once_it_has_lasted_ten_readings(values: dict[str, float]) -> None:
    sensor = Sensor()
    found = [len(sensor.send(values, after_s=60)) for _ in range(10)]
    assert found == [0] * 9 + [1]


def test_a_steep_rise_raises_heat_below_the_fixed_level() -> None:
    sensor = Sensor()
    sensor.send_all([{"temperature_c": 22.0}] * 20, after_s=30)
    found = sensor.send_all([{"temperature_c": 22.0 + 3.0 * n} for n in range(1, 12)], after_s=30)
    assert [finding.label for finding in found][:1] == ["heat"]
    assert max(found[0].criteria["temperature_c"], 0) < 60


@pytest.mark.parametrize(
    "nuisance",
    [
        {"humidity_pct": 9.0},
        {"pm25_ugm3": 600.0},
        {"co2_ppm": 4000.0},
        {"humidity_pct": 9.0, "pm25_ugm3": 600.0, "co2_ppm": 4000.0},
        {"smoke_pct_m": 3.0},
        {"co_ppm": 35.0},
        {"temperature_c": 42.0, "humidity_pct": 9.0},
    ],
)
def test_a_nuisance_alone_never_raises(nuisance: dict[str, float]) -> None:
    sensor = Sensor()
    assert sensor.send_all([ORDINARY] * 100, after_s=60) == []
    assert sensor.send_all([ORDINARY | nuisance] * 500, after_s=60) == []


def test_single_spikes_do_not_raise() -> None:
    sensor = Sensor()
    for _ in range(100):
        assert sensor.send_all([ORDINARY] * 10 + [ORDINARY | {"smoke_pct_m": 50.0}], after_s=60) == []


@pytest.mark.parametrize(("interval_s", "days"), [(60, 5), (900, 30), (3600, 30), (4 * 3600, 30)])
def test_hot_dry_afternoons_do_not_raise(interval_s: int, days: int) -> None:
    sensor, dice = Sensor(), np.random.default_rng(3)
    for n in range(days * 86_400 // interval_s):
        sun = -cos(2 * pi * (n * interval_s % 86_400) / 86_400)
        values = {
            "temperature_c": 30 + 13 * sun + dice.normal(0, 0.4),
            "humidity_pct": 38 - 26 * sun + dice.normal(0, 2),
            "smoke_pct_m": max(0.0, 0.2 + dice.normal(0, 0.15)),
            "co_ppm": max(0.0, 2 + dice.normal(0, 1.5)),
        }
        assert sensor.send(values, after_s=interval_s) == []


def test_a_closed_alarm_contact_is_critical_at_once() -> None:
    sensor = Sensor()
    (finding,) = sensor.send({"smoke_alarm": 1.0})
    assert finding.label == "smoke"
    assert finding.severity is Severity.CRITICAL
    assert finding.criteria["smoke_alarm"] == 1.0
    assert sensor.send({"smoke_alarm": 0.0}) == []
    assert len(sensor.send({"smoke_alarm": 1.0})) == 1


def test_a_contact_that_closes_during_an_alarm_is_reported_at_once() -> None:
    sensor = Sensor()
    assert len(sensor.send_all([BURNING] * 4)) == 1
    (finding,) = sensor.send(BURNING | {"smoke_alarm": 1.0})
    assert finding.severity is Severity.CRITICAL


def test_a_contact_that_only_ever_closes_is_heard_again_the_next_day() -> None:
    sensor = Sensor()
    assert [len(sensor.send({"smoke_alarm": 1.0}, after_s=86_400)) for _ in range(3)] == [1, 1, 1]


def test_a_lasting_alarm_is_reported_every_tenth_reading() -> None:
    sensor = Sensor()
    found = [len(sensor.send(BURNING | {"co_ppm": 45.0})) for _ in range(33)]
    assert [n for n, count in enumerate(found, 1) if count] == [3, 13, 23, 33]


def test_an_ordinary_reading_does_not_tell_an_old_alarm_again() -> None:
    sensor = Sensor()
    assert len(sensor.send_all([BURNING] * 3)) == 1
    assert sensor.send(ORDINARY, after_s=3600) == []
    assert len(sensor.send(BURNING, after_s=3600)) == 1


def test_a_growing_fire_is_reported_when_it_becomes_critical() -> None:
    sensor = Sensor()
    sensor.send_all([ORDINARY] * 60, after_s=60)
    (early,) = sensor.send_all([SMOULDERING | {"temperature_c": 25.0}] * 3)
    (late,) = sensor.send_all([BURNING] * 3)
    assert early.severity is None
    assert late.severity is Severity.CRITICAL
    assert late.confidence > early.confidence
    assert late.started_at == early.started_at


def test_after_recovery_a_new_fire_raises_anew() -> None:
    sensor = Sensor()
    (first,) = sensor.send_all([BURNING] * 3)
    assert sensor.send_all([ORDINARY] * 20) == []
    (second,) = sensor.send_all([BURNING] * 3)
    assert second.started_at is not None
    assert first.started_at is not None
    assert second.started_at > first.started_at


def test_an_observation_sent_again_counts_once() -> None:
    sensor = Sensor()
    for seq in (1, 2):
        for _ in range(20):
            assert sensor.deliver(BURNING, NOON, seq) == []
    assert len(sensor.deliver(BURNING, NOON, 3)) == 1


def test_late_observations_count() -> None:
    sensor = Sensor()
    assert sensor.send_all([ORDINARY] * 100) == []
    late = [sensor.deliver(BURNING, NOON - timedelta(hours=1, seconds=n)) for n in range(3)]
    assert [len(findings) for findings in late] == [0, 0, 1]


def test_a_clock_that_jumps_makes_no_fire_of_a_hot_afternoon() -> None:
    detector = FireSensorDetector()
    states = detector.new_states()
    jumps = [timedelta(hours=-6), timedelta(days=-400), timedelta(hours=5), timedelta(days=400)]
    for minute in range(2 * 24 * 60):
        sun = -cos(2 * pi * minute / (24 * 60))
        values = {"temperature_c": 34 + 14 * sun, "humidity_pct": 30 - 20 * sun, "smoke_pct_m": 0.2}
        sent = [
            Observation(
                device=f"{jump} after {hour} h",
                observed_at=NOON
                + timedelta(minutes=minute)
                + (jump if 60 * hour <= minute < 60 * (hour + 30) else timedelta()),
                values=values,
            )
            for jump in jumps
            for hour in range(0, 24, 3)
        ]
        assert detector.feel(states, sent) == []


@pytest.mark.parametrize(
    "jump", [timedelta(hours=-6), timedelta(days=-400), timedelta(hours=5), timedelta(days=400)]
)
@pytest.mark.parametrize("before_jump", range(4))
def test_a_fire_while_the_clock_jumps_is_reported_by_its_third_reading(
    jump: timedelta, before_jump: int
) -> None:
    sensor = Sensor()
    assert sensor.send_all([ORDINARY] * 100, after_s=60) == []
    found = sensor.send_all([BURNING] * before_jump)
    sensor.now += jump
    found += sensor.send_all([BURNING] * (3 - before_jump))
    assert [finding.severity for finding in found] == [Severity.CRITICAL]
    assert [finding.severity for finding in sensor.send({"smoke_alarm": 1.0})] == [Severity.CRITICAL]


@pytest.mark.parametrize("jump", [timedelta(hours=-6), timedelta(hours=5)])
def test_ten_agreeing_readings_raise_across_a_jump(jump: timedelta) -> None:
    sensor = Sensor()
    assert sensor.send_all([ORDINARY] * 200, after_s=60) == []
    found = sensor.send_all([SMOULDERING] * 5, after_s=600)
    sensor.now += jump
    assert found + sensor.send_all([SMOULDERING] * 5, after_s=600) != []


def test_a_baseline_is_as_good_after_a_clock_was_set_back_as_before() -> None:
    sensor = Sensor()
    sensor.send_all([{"temperature_c": 22.0}] * 100, after_s=30)
    sensor.now -= timedelta(days=30)
    sensor.send_all([{"temperature_c": 22.0}] * 10, after_s=30)
    found = sensor.send_all([{"temperature_c": 22.0 + 3.0 * n} for n in range(1, 12)], after_s=30)
    assert [finding.label for finding in found][:1] == ["heat"]
    assert found[0].criteria["temperature_c"] < 60


def test_unknown_quantities_are_ignored() -> None:
    sensor = Sensor()
    assert sensor.send_all([{"wind_ms": 1e9, "battery_pct": 0.0, "rain_mm": -5.0}] * 50) == []
    assert sensor.states.heard_of(0) == {}


def test_memory_of_a_sensor_stays_bounded() -> None:
    sensor = Sensor()
    for n in range(500):
        sensor.send(ORDINARY | {f"quantity_{n}": 1.0})
    assert len(sensor.states.rows) == 1
    assert set(sensor.states.heard_of(0)) == set(ORDINARY)


@pytest.mark.parametrize(
    ("contact", "label"),
    [("test", "test_pressed"), ("mute", "muted"), ("tamper", "tampered"), ("fault", "device_fault")],
)
def test_a_contact_that_closes_is_one_finding_that_ends_and_raises_nothing(contact: str, label: str) -> None:
    sensor = Sensor()
    sent = [ORDINARY | {contact: value} for value in (0.0, 1.0, 1.0, 0.0, 0.0)]
    (began, ended) = sensor.send_all(sent)
    assert (began.label, ended.label) == (label, label)
    assert began.id == ended.id
    assert began.ended_at is None
    assert ended.ended_at == NOON + timedelta(seconds=4)
    assert ended.started_at == NOON + timedelta(seconds=2)
    assert alarm_severity("fire", label) is None


def test_all_contacts_of_one_reading_are_told_apart() -> None:
    found = Sensor().send({"test": 1, "mute": 1, "tamper": 1, "fault": 1, "smoke_alarm": 0})
    assert sorted(finding.label for finding in found) == ["device_fault", "muted", "tampered", "test_pressed"]


@pytest.mark.parametrize("contact", ["mute", "tamper", "fault"])
def test_an_alarm_contact_counts_whatever_else_is_closed(contact: str) -> None:
    found = Sensor().send({contact: 1, "smoke_alarm": 1})
    assert [finding.label for finding in found][-1] == "smoke"


def test_a_test_raises_no_alarm_though_it_closes_the_alarm_contact_and_that_opens_late() -> None:
    sensor = Sensor()
    pressed = [{"test": 0, "smoke_alarm": 0}, {"test": 1, "smoke_alarm": 1}, {"test": 0, "smoke_alarm": 1}]
    labels = [finding.label for finding in sensor.send_all([*pressed, {"smoke_alarm": 0}], after_s=10)]
    assert labels == ["test_pressed", "test_pressed"]
    assert [finding.label for finding in sensor.send({"smoke_alarm": 1})] == ["smoke"]


def test_a_button_that_sticks_silences_nothing_for_long() -> None:
    sensor = Sensor()
    assert [finding.label for finding in sensor.send({"test": 1, "smoke_alarm": 1})] == ["test_pressed"]
    assert sensor.send({"test": 1, "smoke_alarm": 1}, after_s=299) == []
    assert [finding.label for finding in sensor.send({"test": 1, "smoke_alarm": 1}, 2)] == ["smoke"]


def test_what_is_measured_during_a_test_is_judged_as_ever() -> None:
    sensor = Sensor()
    found = sensor.send_all([BURNING | {"test": 1, "smoke_alarm": 1}] * 3)
    assert [finding.label for finding in found] == ["test_pressed", "smoke"]


def test_one_witness_that_is_held_warns_once_in_half_an_hour_and_again_after_it_ended() -> None:
    sensor = Sensor()
    smoky = ORDINARY | {"smoke_pct_m": 3.0}
    assert sensor.send_all([ORDINARY] * 100 + [smoky] * 35, after_s=60) == []
    assert [(sensor.now - warning.observed_at).total_seconds() / 60 for warning in sensor.warnings] == [32, 2]
    assert sensor.warnings[0].criteria["smoke_pct_m"] == 3.0
    assert sensor.send_all([ORDINARY] * 15 + [smoky] * 3, after_s=60) == []
    assert len(sensor.warnings) == 3
    assert alarm_severity("fire", WARNING) is None


def usual_at_noon(*quantities: str) -> list[Expected]:
    """Return what is usual of the sensor: its ordinary readings, with a tenth of a step as spread."""
    spreads = {"smoke_pct_m": 0.07, "co_ppm": 0.8, "temperature_c": 0.8, "pm25_ugm3": 4.0}
    means = ORDINARY | {"pm25_ugm3": 20.0}
    return [Expected("hut-1", one, means[one], means[one], spreads[one]) for one in quantities]


def expecting(*quantities: str) -> Sensor:
    """Return a sensor of which it is known what is usual at noon."""
    sensor = Sensor()
    sensor.states.begin_hour(NOON.timestamp())
    sensor.states.expect(usual_at_noon(*quantities))
    return sensor


def raised_by(sigmas: float, *quantities: str) -> dict[str, float]:
    """Return ordinary readings, some of which lie so many standard deviations higher."""
    return ORDINARY | {one.quantity: one.mean + sigmas * one.spread for one in usual_at_noon(*quantities)}


@pytest.mark.parametrize(
    ("quantities", "labels", "warned"),
    [(["co_ppm"], [], 1), (["smoke_pct_m", "co_ppm"], ["smoke"], 1), (["smoke_pct_m"], [], 0)],
)
def test_three_sigma_of_co_warn_within_five_minutes_and_alarm_with_smoke_in_the_same_readings(
    quantities: list[str], labels: list[str], warned: int
) -> None:
    sensor = expecting("smoke_pct_m", "co_ppm")
    assert sensor.send_all([ORDINARY] * 10, after_s=60) == []
    found = sensor.send_all([raised_by(3, *quantities)] * 5, after_s=60)
    assert [finding.label for finding in found] == labels
    assert len(sensor.warnings) == warned
    for finding in found:
        assert finding.criteria["co_and_particles_cusum"] >= 4.0
        assert finding.criteria["co_ppm_cusum"] >= 4.0


CLEAR = ORDINARY | {"pm25_ugm3": 20.0}
ENGINE = CLEAR | {"co_ppm": ORDINARY["co_ppm"] + 4 * 0.8, "pm25_ugm3": 23.0, "smoke_pct_m": 0.16}
SMOULDER = CLEAR | {"co_ppm": ORDINARY["co_ppm"] + 3 * 0.8, "pm25_ugm3": 20.0 + 9 * 4.0}
HAZE = [CLEAR | {"co_ppm": 1.0 + 0.02 * minute, "pm25_ugm3": 20.0 + minute} for minute in range(90)]


@pytest.mark.parametrize(
    ("readings", "labels", "unconfirmed"),
    [([SMOULDER] * 5, ["smoke"], [False]), ([ENGINE] * 20, [], [True]), (HAZE, [], [])],
)
def test_where_fine_dust_is_measured_it_confirms_co_or_does_not(
    readings: list[dict[str, float]], labels: list[str], unconfirmed: list[bool]
) -> None:
    sensor = expecting("smoke_pct_m", "co_ppm", "pm25_ugm3")
    assert sensor.send_all([CLEAR] * 10, after_s=60) == []
    found = sensor.send_all(readings, after_s=60)
    assert [finding.label for finding in found] == labels
    assert [UNCONFIRMED in finding.criteria for finding in sensor.warnings] == unconfirmed
    assert all(finding.criteria["co_and_particles_cusum"] >= 4.0 for finding in found)


def test_a_warning_that_is_confirmed_within_the_half_hour_is_told_again() -> None:
    sensor = expecting("smoke_pct_m", "co_ppm", "pm25_ugm3")
    sensor.send_all([CLEAR] * 10 + [ENGINE] * 5, after_s=60)
    assert [UNCONFIRMED in finding.criteria for finding in sensor.warnings] == [True]
    smoke_too = ENGINE | {"co_ppm": 1.0 + 5 * 0.8, "pm25_ugm3": 20.0 + 8 * 4.0}
    for _ in range(2):
        assert sensor.send(smoke_too, after_s=60) == []
    assert [UNCONFIRMED in finding.criteria for finding in sensor.warnings] == [True, False]


def test_fine_dust_whose_usual_is_not_known_yet_denies_nothing() -> None:
    sensor = expecting("smoke_pct_m", "co_ppm")
    assert sensor.send_all([CLEAR] * 10, after_s=60) == []
    both = CLEAR | raised_by(3, "smoke_pct_m", "co_ppm")
    assert [finding.label for finding in sensor.send_all([both] * 5, after_s=60)] == ["smoke"]


def test_smoke_warns_by_its_sum_where_no_co_is_measured() -> None:
    sensor = expecting("smoke_pct_m")
    sensor.send_all([{"smoke_pct_m": 0.1}] * 10 + [{"smoke_pct_m": 0.1 + 3 * 0.07}] * 5, after_s=60)
    assert len(sensor.warnings) == 1
    assert UNCONFIRMED not in sensor.warnings[0].criteria


def test_smoke_and_co_that_rise_by_turns_are_no_fire() -> None:
    sensor = expecting("smoke_pct_m", "co_ppm")
    by_turns = [raised_by(2, "co_ppm"), raised_by(2, "smoke_pct_m")] * 20
    assert sensor.send_all([ORDINARY] * 10 + by_turns, after_s=60) == []


def test_a_day_that_is_smokier_than_others_is_followed() -> None:
    sensor = expecting("smoke_pct_m", "co_ppm")
    slowly = [raised_by(sigmas / 10, "smoke_pct_m", "co_ppm") for sigmas in range(0, 41, 1)]
    assert sensor.send_all([ORDINARY] * 3 + slowly, after_s=75) == []
    assert sensor.warnings == []


def test_what_is_usual_of_another_hour_or_of_no_known_spread_says_nothing() -> None:
    sensor = Sensor()
    sensor.states.begin_hour(NOON.timestamp() - 7200)
    sensor.states.expect(usual_at_noon("co_ppm"))
    sensor.send_all([raised_by(6, "co_ppm")] * 20, after_s=60)
    sensor.states.begin_hour(NOON.timestamp())
    sensor.send_all([raised_by(6, "co_ppm")] * 20, after_s=60)
    assert sensor.warnings == []


def test_readings_of_a_second_count_no_more_than_those_of_a_minute() -> None:
    sensor = expecting("co_ppm")
    sensor.send_all([ORDINARY] * 10 + [raised_by(3, "co_ppm")] * 120, after_s=1)
    assert sensor.warnings == []
    sensor.send_all([raised_by(3, "co_ppm")] * 240, after_s=1)
    assert len(sensor.warnings) == 1


def test_a_sum_that_was_saved_goes_on_after_a_restart() -> None:
    before, after = expecting("co_ppm"), expecting("co_ppm")
    readings = [raised_by(3, "co_ppm")] * 2
    before.send_all([ORDINARY] * 10 + readings, after_s=60)
    (saved,) = before.states.sums()
    assert (saved.device, saved.quantity) == ("hut-1", "co_ppm")
    after.states.add_up_from(saved)
    after.now = before.now
    assert after.send_all(readings, after_s=60) == []
    assert len(after.warnings) == 1


def test_a_great_danger_of_fire_lets_less_agreement_alarm() -> None:
    hazy = ORDINARY | {"smoke_pct_m": 3.0, "pm25_ugm3": 600.0, "humidity_pct": 10.0}
    eased, usual = Sensor(), Sensor()
    eased.states.ease(0.8)
    assert [finding.label for finding in eased.send_all([hazy] * 3)] == ["smoke"]
    assert usual.send_all([hazy] * 3) == []


def test_many_sensors_in_one_batch_are_felt_as_one_after_another() -> None:
    dice = np.random.default_rng(5)
    names = list(BURNING)
    sent = [
        Observation(
            device=f"hut-{dice.integers(40)}",
            observed_at=NOON + timedelta(seconds=int(dice.integers(30 * n, 30 * n + 90))),
            values={
                name: float((BURNING if dice.random() < 0.4 else ORDINARY)[name] * dice.uniform(0.8, 1.1))
                for name in dice.permutation(names)[: dice.integers(1, 5)]
            },
        )
        for n in range(6000)
    ]
    detector = FireSensorDetector()
    one_by_one, together = detector.new_states(), detector.new_states()
    singly = [(n, found) for n, one in enumerate(sent) for _, found in detector.feel(one_by_one, [one])]
    begins = range(0, len(sent), 700)
    at_once = [(b + n, found) for b in begins for n, found in detector.feel(together, sent[b : b + 700])]
    assert len(singly) > 100
    assert sorted(at_once, key=lambda found: found[0]) == singly


def test_what_is_usual_of_more_sensors_than_the_tables_began_with_is_known() -> None:
    states = FireSensorDetector().new_states()
    states.expect(Expected(f"hut-{n}", "co_ppm", 1.0, 1.0, 0.25) for n in range(600))
    for n in range(600, 1200):
        states.add_up_from(Sum(f"hut-{n}", "co_ppm", NOON.timestamp(), 3.0, 0.5))
    co = states.channels[:1200, list(LEVELS).index("co_ppm")]
    assert co["spread"][:600].tolist() == [0.25] * 600
    assert {one.device for one in states.sums()} == {f"hut-{n}" for n in range(600, 1200)}


def test_more_sensors_than_the_tables_began_with_are_remembered() -> None:
    detector = FireSensorDetector()
    states = detector.new_states()
    for second in range(3):
        found = detector.feel(
            states,
            [
                Observation(device=f"hut-{n}", observed_at=NOON + timedelta(seconds=second), values=BURNING)
                for n in range(1000)
            ],
        )
    assert sorted(index for index, _ in found) == list(range(1000))
