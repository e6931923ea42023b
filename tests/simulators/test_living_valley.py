"""A valley lives: what its posts send, what it tells of it, and what the rules for fire make of that."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from detectors.fire import FireSensorDetector
from gridwatch.areas.area import AreaLevel
from gridwatch.broker_address import BrokerAddress
from gridwatch.model import Observation, Observations
from gridwatch.scenes import alarm_severity
from gridwatch.wire import decode
from simulators.publication import Publication
from simulators.publishing import Publisher
from simulators.truth import TruthFile
from simulators.valley.living import ValleySimulation, live, plan_valley
from tests.servers import Mosquitto
from tests.simulators.listening import listening

START = datetime(2026, 5, 1, 8, tzinfo=UTC)


def valley(
    minutes: float, *, posts: int = 12, rate: float = 2.4, start: datetime = START
) -> ValleySimulation:
    return plan_valley(posts, seed=2, rate=rate, start=start, duration=timedelta(minutes=minutes))


def observed(publication: Publication) -> Observation:
    message = decode(publication.topic, publication.payload, received_at=publication.at)
    assert isinstance(message, Observations)
    (observation,) = message.items
    return observation


def test_its_messages_come_at_their_rate_in_order_of_time_and_the_same_for_the_same_seed() -> None:
    sent = list(valley(12).readings())
    assert [one.at for one in sent] == sorted(one.at for one in sent)
    # Past the window that is sensed at once, too.
    assert len(sent) == 12 * 60 * 2.4
    assert sent[-1].at < START + timedelta(minutes=12) <= sent[-1].at + timedelta(seconds=1)
    assert [one.payload for one in valley(2).readings()] == [one.payload for one in sent[:288]]


def test_its_posts_are_registered_in_the_valley_with_limits_and_some_with_a_wind_vane() -> None:
    district = valley(1).district
    assert [area.level for area in district.areas] == [
        AreaLevel.DISTRICT,
        AreaLevel.TOWN,
        AreaLevel.COMMUNITY,
    ]
    devices = district.devices
    assert len({device.id for device in devices}) == len({device.location for device in devices}) == 12
    assert {device.area for device in devices} == {"sim-valley"}
    vanes = [any(channel.quantity == "wind_deg" for channel in device.channels) for device in devices]
    assert 0 < sum(vanes) < 12
    assert all(device.simulated and device.channels[0].quality["drift"] for device in devices)


def test_the_fire_that_its_truth_tells_of_alarms_where_it_is_and_nothing_did_before() -> None:
    simulation = valley(8)
    fires = [(post, truth) for _, post, truth in simulation.happenings() if truth.label == "smoke"]
    ((post, fire),) = fires
    assert fire.started_at == START + timedelta(minutes=1)
    detector = FireSensorDetector()
    states = detector.new_states()
    told = [
        (finding.observed_at, publication.device)
        for publication in simulation.readings()
        for _, finding in detector.feel(states, [observed(publication)])
        if alarm_severity("fire", finding.label) is not None
    ]
    first_at, first_post = told[0]
    assert first_post == post
    assert fire.started_at < first_at < fire.started_at + timedelta(minutes=5)


def test_what_happens_on_many_days_is_told_in_order() -> None:
    told = list(valley(3 * 24 * 60).happenings())
    moments = [moment for moment, _, _ in told]
    assert moments == sorted(moments)
    assert START.timestamp() <= moments[0]
    assert moments[-1] < START.timestamp() + 3 * 86_400
    labels = {truth.label for _, _, truth in told}
    assert {"smoke", "engine", "insect"} <= labels
    assert sum(truth.label == "smoke" for _, _, truth in told) >= 3 * 96


def test_its_messages_reach_a_broker_and_its_truth_a_file(mosquitto: Mosquitto, tmp_path: Path) -> None:
    simulation = valley(1 / 30, rate=60, start=datetime.now(UTC))
    ids = [device.id for device in simulation.district.devices]
    publisher = Publisher(BrokerAddress.parse(mosquitto.url), ids, statuses=False)

    async def scene(truth: TruthFile) -> set[str]:
        async with listening(mosquitto) as heard:
            async with publisher.connected():
                await live(simulation, publisher, truth)
            truth.end(publisher.counts, datetime.now(UTC))
            await heard.until(lambda: len(heard.messages) >= publisher.total)
            return {str(topic).split("/")[2] for topic in heard.topics}

    with TruthFile.open(tmp_path / "truth.jsonl") as truth:
        assert asyncio.run(scene(truth)) == set(ids)
    last = msgspec.json.decode((tmp_path / "truth.jsonl").read_bytes().splitlines()[-1])
    assert (last["type"], last["published"]) == ("end", 120)
