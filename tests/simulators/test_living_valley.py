"""A valley lives: what its posts send, what it tells of it, and what the rules for fire make of that."""

import asyncio
from datetime import UTC, datetime, timedelta
from math import cos, radians, sin
from pathlib import Path

import msgspec
import numpy as np

from detectors.fire import FireCameraDetector, FireSensorDetector
from gridwatch.areas.area import AreaLevel
from gridwatch.broker_address import BrokerAddress
from gridwatch.facade import FacadeView, Preset
from gridwatch.fire_fusion import SEEN_BESIDE_DEG
from gridwatch.media import read_picture
from gridwatch.model import DeviceKind, Observation, Observations, Picture
from gridwatch.scenes import alarm_severity
from gridwatch.wire import decode
from simulators.publication import Publication
from simulators.publishing import Publisher
from simulators.rendered import Truth
from simulators.truth import TruthFile
from simulators.valley.climate import Weather
from simulators.valley.filming import SIZE_WH, in_view, landscape_before, pictures
from simulators.valley.layout import CAMERAS, RidgeCamera
from simulators.valley.living import ValleySimulation, live, plan_valley
from tests.servers import Mosquitto
from tests.simulators.listening import listening

START = datetime(2026, 5, 1, 8, tzinfo=UTC)


def valley(
    minutes: float, *, posts: int = 12, rate: float = 2.4, start: datetime = START
) -> ValleySimulation:
    return plan_valley(posts + CAMERAS, seed=2, rate=rate, start=start, duration=timedelta(minutes=minutes))


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
    assert {device.area for device in district.devices} == {"sim-valley"}
    assert [camera.kind for camera in district.cameras] == [DeviceKind.CAMERA] * CAMERAS
    devices = [sensor.device for sensor in district.sensors]
    assert len({device.id for device in devices}) == len({device.location for device in devices}) == 12
    vanes = [any(channel.quantity == "wind_deg" for channel in device.channels) for device in devices]
    assert 0 < sum(vanes) < 12
    assert all(device.simulated and device.channels[0].quality["drift"] for device in devices)


def test_the_fire_that_its_truth_tells_of_alarms_where_it_is_and_nothing_did_before() -> None:
    simulation = valley(8)
    posts = {post.id for post in simulation.valley.posts}
    fires = [
        (post, one) for _, post, one in simulation.happenings() if one.label == "smoke" and post in posts
    ]
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


def test_the_cameras_on_the_ridges_send_a_picture_each_20_s_and_see_the_fire_where_it_is() -> None:
    simulation = valley(5)
    fires = [(device, truth) for _, device, truth in simulation.happenings() if "ridge" in device]
    assert fires
    for device, fire in fires:
        camera = next(one for one in simulation.valley.cameras if one.id == device)
        sent = list(simulation.pictures(camera))
        assert [one.at - START for one in sent] == [timedelta(seconds=20 * number) for number in range(15)]
        quiet = pictures(
            camera,
            landscape_before(camera, simulation.seed),
            seed=simulation.seed,
            begins_s=START.timestamp(),
            ends_s=START.timestamp() + 300,
            fires=(),
            climate=Weather(simulation.valley, simulation.seed).at(np.array([START.timestamp()])),
        )
        shown, without = ([read_picture(one.payload).astype(int) for one in of] for of in (sent, quiet))
        np.testing.assert_array_equal(shown[3], without[3])
        smoke = np.abs(shown[-1] - without[-1]).mean(axis=2).max(axis=0)
        seen = in_view(camera, *place_of(camera, fire))
        assert seen is not None
        column = int(seen[0] * SIZE_WH[0])
        assert smoke.max() > 15
        assert smoke[max(0, column - 80) : column + 80].max() == smoke.max()


def test_a_column_of_a_ridge_cameras_picture_lies_where_its_pose_says() -> None:
    for camera in valley(5).valley.cameras:
        pose = Preset(azimuth_deg=camera.heading_deg, horizontal_fov_deg=camera.view_deg)
        for off_deg in np.linspace(-camera.view_deg / 2 + 2, camera.view_deg / 2 - 2, 9):
            bearing_deg = (camera.heading_deg + off_deg) % 360
            x, y = camera.x_m + 700 * sin(radians(bearing_deg)), camera.y_m + 700 * cos(radians(bearing_deg))
            seen = in_view(camera, x, y)
            assert seen is not None
            assert abs((seen[1] - bearing_deg + 180) % 360 - 180) < 1e-6
            told = pose.bearing_deg(seen[0] * SIZE_WH[0], SIZE_WH[0])
            assert told is not None
            assert abs((told - bearing_deg + 180) % 360 - 180) < 0.01
        behind = radians(camera.heading_deg + 180)
        assert in_view(camera, camera.x_m + 700 * sin(behind), camera.y_m + 700 * cos(behind)) is None


def test_the_bearing_of_what_the_cameras_tell_is_that_of_the_fire() -> None:
    simulation = valley(8)
    told = 0
    for device, fire in [(device, fire) for _, device, fire in simulation.happenings() if "ridge" in device]:
        camera = next(one for one in simulation.valley.cameras if one.id == device)
        pose = Preset(azimuth_deg=camera.heading_deg, horizontal_fov_deg=camera.view_deg)
        detector = FireCameraDetector()
        state = detector.new_state(FacadeView(size_wh=SIZE_WH, presets=(pose,)))
        for sent in simulation.pictures(camera):
            for found in detector.see(state, Picture(pixels=read_picture(sent.payload), at=sent.at)):
                if found.label in ("smoke", "flame"):
                    off = found.criteria["bearing_deg"] - float(fire.detail["bearing_deg"])
                    assert abs((off + 180) % 360 - 180) < SEEN_BESIDE_DEG
                    told += 1
    assert told


def place_of(camera: RidgeCamera, fire: Truth) -> tuple[float, float]:
    bearing, far_m = radians(float(fire.detail["bearing_deg"])), float(fire.detail["distance_m"])
    return camera.x_m + far_m * sin(bearing), camera.y_m + far_m * cos(bearing)


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
    assert (last["type"], last["published"]) == ("end", 120 + CAMERAS)
