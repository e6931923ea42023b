"""Scenarios say what happens when."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise, takewhile
from typing import get_args

import msgspec
import pytest

from gridwatch.model import Observations
from gridwatch.scenes import SCENES
from gridwatch.wire import decode
from simulators.acts import Act
from simulators.district import build_district
from simulators.films import shoot
from simulators.footage import Film
from simulators.scenarios import SCENARIOS, ScenarioName
from simulators.simulation import Simulation
from simulators.smoulder import Ignition

START = datetime(2026, 5, 1, 6, tzinfo=UTC)
ALARMING = {"ebike", "throw", "fire"}


def simulation(scenario: ScenarioName, *, seed: int = 1, devices: int = 20, minutes: float = 1) -> Simulation:
    return Simulation(
        scenario=scenario,
        district=build_district(devices, seed=seed),
        seed=seed,
        rate=10,
        start=START,
        duration=timedelta(minutes=minutes),
    )


def alarming(act: Act) -> bool:
    return isinstance(act, Ignition) or act.shows in ALARMING


@pytest.mark.parametrize("name", get_args(ScenarioName))
def test_acts_come_in_order_of_time_and_without_end(name: ScenarioName) -> None:
    acts = SCENARIOS[name].acts(build_district(20, seed=1), 1)
    times = [act.at_s for act in takewhile(lambda act: act.at_s < 3600, acts)]
    assert times == sorted(times)
    assert len(times) > 15


def test_in_quiet_nothing_deserves_an_alert() -> None:
    assert not any(alarming(act) for act in simulation("quiet", minutes=60).acts())


def test_mixed_has_something_new_every_one_to_two_minutes_and_soon() -> None:
    times = [act.at_s for act in simulation("mixed", minutes=60).acts() if alarming(act)]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert times[0] <= 10
    assert min(gaps) >= 50
    assert max(gaps) <= 120


def test_mixed_alternates_its_scenes_and_keeps_two_ebikes_apart_by_more_than_a_merge_window() -> None:
    acts = [act for act in simulation("mixed", minutes=60).acts() if alarming(act)]
    kinds = [type(act) if isinstance(act, Ignition) else act.shows for act in acts]
    assert all(first != second for first, second in pairwise(kinds))
    ebikes = [act.at_s for act in acts if isinstance(act, Film) and act.shows == "ebike"]
    window_s = SCENES["elevator"].merge_window.total_seconds()
    assert all(b - a > window_s + 30 for a, b in pairwise(ebikes))


def test_the_same_seed_and_start_give_the_same_messages() -> None:
    first, second = (list(simulation("wildfire").readings()) for _ in range(2))
    assert first == second
    assert len(first) == 600
    assert first != list(simulation("wildfire", seed=2).readings())


@pytest.mark.parametrize(
    ("device", "shows"), [("sim-lift-1", "person"), ("sim-facade-1", "throw"), ("sim-ridge-1", "fire")]
)
def test_the_same_film_is_rendered_to_the_same_bytes(device: str, shows: str) -> None:
    film = Film(at_s=0, device=device, shows=shows, seed=5, take=2)
    first, second = shoot(film, START), shoot(film, START)
    assert first.publications == second.publications
    assert [t.label for t in first.truth] == [t.label for t in second.truth]
    assert first.truth


def test_readings_are_counted_up_by_one_per_device_at_the_rate_asked_for() -> None:
    sent = list(simulation("quiet").readings())
    assert sent[-1].at - sent[0].at == timedelta(seconds=59.9)
    by_device: dict[str, list[int]] = {}
    for publication in sent:
        by_device.setdefault(publication.device, []).append(msgspec.json.decode(publication.payload)["seq"])
    assert len(by_device) == 17
    assert all(seqs == list(range(1, len(seqs) + 1)) for seqs in by_device.values())


def readings_of(sim: Simulation, device: str) -> list[dict[str, float]]:
    sent = [publication for publication in sim.readings() if publication.device == device]
    decoded = [decode(p.topic, p.payload, received_at=START) for p in sent]
    assert all(isinstance(message, Observations) for message in decoded)
    return [dict(message.items[0].values) for message in decoded if isinstance(message, Observations)]


def test_in_a_wildfire_smoke_and_co_rise_and_humidity_falls_near_the_fire() -> None:
    sim = simulation("wildfire", minutes=2)
    fire = next(act for act in sim.acts() if isinstance(act, Ignition))
    values = readings_of(sim, fire.sensor.device.id)
    assert max(v["smoke_pct_m"] for v in values[:5]) < 1
    worst = max(values, key=lambda v: v["smoke_pct_m"])
    assert worst["smoke_pct_m"] > 4
    assert worst["co_ppm"] > 60
    assert worst["humidity_pct"] < values[0]["humidity_pct"] - 3


def test_on_a_quiet_day_no_sensor_comes_near_an_alarm() -> None:
    for sensor in build_district(20, seed=1).sensors[:4]:
        for values in readings_of(simulation("quiet", minutes=5), sensor.device.id):
            assert values["smoke_pct_m"] < 0.6
            assert values["co_ppm"] < 5
            assert 300 < values["co2_ppm"] < 1200
            assert -10 < values["temperature_c"] < 45
            assert 0 <= values["humidity_pct"] <= 100
            assert 60 < values["battery_pct"] <= 100
