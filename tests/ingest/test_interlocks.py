"""Lifts that are asked to wait: from a camera's pictures over broker and database to the lift's door."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from gridwatch.broker_address import BrokerAddress
from gridwatch.interlock import Mode, State, Wiring
from gridwatch.lifts import FalseHolds
from gridwatch.model import Device, DeviceFinding, DeviceKind, Finding, Frame
from gridwatch.store import Store
from gridwatch.store.devices import KnownDevice
from gridwatch.store.entries import Accepted, Concluded
from gridwatch.store.lifts import Lift, false_holds_of, get_lift, list_holds, release, set_wiring
from gridwatch.wire import encode_finding
from ingest.interlocks import SETTLED_S, Arrivals, Lateness, lift_of, scores_of
from simulators.lift_controller import LiftController
from tests.api.serving import at_store, shut_out
from tests.collectors import Collector, ask, register
from tests.servers import Mosquitto, wait_until

FRAME_S = 0.2
LIFT, CAMERA = "lift-1", "lift-1-camera"


class World:
    """A collector, a lift that stands with its door open, and a camera that tells what it sees."""

    def __init__(self, url: str, mosquitto: Mosquitto, folder: Path) -> None:
        self.url = url
        self.mosquitto = mosquitto
        self.collector = Collector(url, mosquitto, folder)
        self.told: list[Mapping[str, Any]] = []
        self.controller = LiftController(BrokerAddress.parse(mosquitto.url), LIFT, tell=self.told.append)
        self.sees = ""
        self._over = threading.Event()
        register(url, LIFT, "elevator", "gateway")
        register(url, CAMERA, "elevator", "camera")
        ask(url, "UPDATE device SET lift = %s WHERE id = %s", [LIFT, CAMERA])

    @property
    def is_held(self) -> bool:
        """Say whether the door is held now."""
        return [event["held"] for event in self.told if "held" in event][-1:] == [True]

    @property
    def commands(self) -> list[str]:
        """Return what the lift heard, in order."""
        return [str(event["command"]) for event in self.told if "command" in event]

    def lift(self) -> Lift:
        """Return the lift as the database knows it."""
        return at_store(self.url, lambda store: get_lift(store, LIFT))

    def wire(self, mode: Mode) -> None:
        """Choose how the lift is wired."""
        wiring = Wiring(mode=mode)

        async def write(store: Store) -> None:
            await set_wiring(store, await get_lift(store, LIFT), wiring, actor="li")

        at_store(self.url, write)

    def let_go(self, *, is_false: bool) -> None:
        """Release the lift, as a person would."""

        async def write(store: Store) -> None:
            found = await get_lift(store, LIFT)
            await release(store, found, actor="li", reason="wheelchair", is_false=is_false)

        at_store(self.url, write)

    def false_holds(self) -> FalseHolds:
        """Return what is known of false holds."""

        async def read(store: Store) -> FalseHolds:
            return await false_holds_of(store, await get_lift(store, LIFT))

        return at_store(self.url, read)

    def wait_for_state(self, state: State) -> None:
        """Wait until the interlock stands so."""
        wait_until(lambda: self.lift().state is state, what=f"the interlock is {state}")

    def wait_until_held(self, held: bool) -> None:
        """Wait until the door is held, or free."""
        wait_until(lambda: self.is_held is held, what="the door is held" if held else "the door is free")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the lift live and the camera look."""

        async def live() -> None:
            task = asyncio.create_task(self.controller.run())
            await asyncio.to_thread(self._over.wait)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

        threads = [
            threading.Thread(target=lambda: asyncio.run(live()), name="lift of a test"),
            threading.Thread(target=self._look, name="camera of a test"),
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(10)
                assert not thread.is_alive()

    def _look(self) -> None:
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=CAMERA)
        client.connect_async("127.0.0.1", self.mosquitto.port)
        client.loop_start()
        while not self._over.wait(FRAME_S):
            if self.sees:
                finding = Finding(label=self.sees, confidence=0.9, observed_at=datetime.now(UTC))
                client.publish(f"gw/v1/{CAMERA}/finding", encode_finding(finding), 0)
        client.disconnect()
        client.loop_stop()


@pytest.fixture
def world(database_url: str, mosquitto: Mosquitto, tmp_path: Path) -> Iterator[World]:
    """Return a world in which nothing is in the lift."""
    world = World(database_url, mosquitto, tmp_path)
    try:
        world.collector.start()
        with world.running():
            yield world
    finally:
        world.collector.stop()


def test_a_lift_waits_for_an_e_bike_and_for_nothing_else(world: World) -> None:
    """First observed: nothing is asked. Then held, and let go by a person."""
    world.sees = "ebike"
    world.wait_for_state(State.HOLD)
    assert world.commands == []
    world.wire(Mode.CONTROLLER)
    world.wait_until_held(True)
    wait_until(lambda: {"hold_open", "speak"} <= {*world.commands}, what="the lift speaks")
    assert [
        row["qos"] for row in ask(world.url, "SELECT DISTINCT qos FROM command WHERE action = 'hold_open'")
    ] == [0]
    world.let_go(is_false=True)
    world.wait_until_held(False)
    world.wait_for_state(State.OVERRIDE)
    heard = world.commands.count("hold_open")
    key = world.lift().key
    holds = at_store(world.url, lambda store: list_holds(store, key))
    assert [(hold.mode, hold.ended, hold.verdict) for hold in holds] == [
        (Mode.CONTROLLER, "released", "false_alarm"),
        (Mode.OBSERVE, "changed", None),
    ]
    found = world.false_holds()
    assert (found.holds, found.judged, found.false_alarms) == (2, 1, 1)
    assert world.commands.count("hold_open") == heard


@pytest.mark.slow
def test_a_lift_that_refuses_is_asked_no_more_once_it_says_why(world: World) -> None:
    world.wire(Mode.CONTROLLER)
    world.sees = "ebike"
    world.wait_until_held(True)
    world.controller.cabin.mode = "fire"
    world.wait_until_held(False)
    wait_until(lambda: "mode fire" in world.lift().why, what="the lift says so")
    asked = world.commands.count("hold_open")
    time.sleep(3)
    assert world.commands.count("hold_open") == asked
    world.controller.cabin.mode = "normal"
    world.wait_until_held(True)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["collector", "detector", "broker", "camera", "database"])
def test_whatever_dies_the_door_is_free_within_3_s(world: World, fault: str, postgres_url: str) -> None:
    world.wire(Mode.CONTROLLER)
    world.sees = "ebike"
    world.wait_until_held(True)
    time.sleep(2)
    died_s = time.time()
    away = shut_out(postgres_url, world.url) if fault == "database" else nullcontext()
    with away:
        _break(world, fault)
        world.wait_until_held(False)
    free_s = [event["t"] for event in world.told if event.get("held") is False][-1]
    assert free_s - died_s <= 3.3, "3 s, and the time in which it was noticed"
    if fault == "collector":
        world.sees = ""
        asked = world.commands.count("hold_open")
        world.collector.start()
        time.sleep(2)
        assert world.commands.count("hold_open") == asked, "a restart revives nothing"


def _break(world: World, fault: str) -> None:
    match fault:
        case "collector":
            world.collector.kill()
        case "detector":
            for worker in world.collector.workers():
                worker.suspend()
        case "broker":
            world.mosquitto.kill()
        case "camera":
            world.sees = ""


def at(seconds: float) -> datetime:
    """Return a moment."""
    return datetime(2026, 11, 23, tzinfo=UTC) + timedelta(seconds=seconds)


def lateness(pictures: list[tuple[float, float]], memory: Lateness | None = None) -> list[float]:
    """Return by how much later than usual pictures come that were taken and received at these seconds."""
    memory = memory or Lateness()
    return [memory.of(at(taken_s), at(received_s), received_s) for taken_s, received_s in pictures]


def test_a_camera_with_a_wrong_clock_is_as_good_as_any() -> None:
    found = lateness([(n * 0.2 - 3600, n * 0.2 + 0.05) for n in range(50)])
    assert found[:4] == [float("inf")] * 4
    assert max(found[-40:]) < 0.01


def test_pictures_that_had_waited_count_for_nothing_until_they_are_caught_up_with() -> None:
    waited = [(n * 0.2, 20 + n * 0.01) for n in range(100)]
    current = [(20 + n * 0.2, 21.05 + n * 0.2) for n in range(20)]
    found = lateness([*waited, *current])
    assert all(late == float("inf") for late in found[: 100 + int(SETTLED_S / 0.2) - 2])
    assert max(found[-10:]) < 0.5


def test_pictures_that_come_later_and_later_are_that_old() -> None:
    memory = Lateness()
    lateness([(n * 0.2, n * 0.2 + 0.05) for n in range(20)], memory)
    assert lateness([(4.0, 7.05)], memory) == [pytest.approx(3.0)]


def test_a_jump_of_our_clock_makes_nothing_younger(monkeypatch: pytest.MonkeyPatch) -> None:
    arrivals = Arrivals()
    now_s, wall_s = [1000.0], [at(0).timestamp()]
    monkeypatch.setattr("ingest.interlocks.time.monotonic", lambda: now_s[0])
    monkeypatch.setattr("ingest.interlocks.time.time", lambda: wall_s[0])
    before = at(0)
    assert arrivals.at_s(before) == 1000.0
    now_s[0], wall_s[0] = 1001.0, wall_s[0] + 1 - 3600
    assert arrivals.at_s(before) == 1000.0, "back: what came before is as old as it was"
    assert arrivals.at_s(datetime.fromtimestamp(wall_s[0], UTC)) < 0, (
        "and what comes now seems old for a while"
    )
    now_s[0], wall_s[0] = 1012.0, wall_s[0] + 11
    assert arrivals.at_s(datetime.fromtimestamp(wall_s[0], UTC)) == 1012.0
    now_s[0], wall_s[0] = 1013.0, wall_s[0] + 1 + 7200
    assert arrivals.at_s(datetime.fromtimestamp(wall_s[0], UTC)) == 1013.0
    assert arrivals.at_s(datetime.fromtimestamp(wall_s[0] - 7201, UTC)) < 1012.0


def test_a_camera_looks_into_the_lift_that_it_names_or_is_called_as() -> None:
    camera: Callable[..., Device] = lambda **more: Device(id="c", kind=DeviceKind.CAMERA, **more)  # noqa: E731
    assert lift_of(camera(scene="elevator", lift="l")) == "l"
    assert lift_of(camera(scene="elevator")) == "c"
    assert lift_of(camera(scene="fire")) is None
    assert lift_of(Device(id="s", kind=DeviceKind.SENSOR, scene="elevator")) is None


def test_a_frame_speaks_by_its_scores_and_a_cameras_own_finding_by_itself() -> None:
    now = datetime.now(UTC)
    finding = Finding(label="ebike", confidence=0.9, observed_at=now)
    known = KnownDevice(key=1, device=Device(id=CAMERA, kind=DeviceKind.CAMERA, scene="elevator"))
    frame = Accepted(
        known=known,
        message=Frame(device=CAMERA, observed_at=now, image=b""),
        received_at=now,
        concluded=(Concluded(finding=finding),),
        scores={"wheelchair": 0.8},
    )
    assert scores_of(frame) == {"wheelchair": 0.8}
    own = Accepted(
        known=known,
        message=DeviceFinding(device=CAMERA, finding=finding),
        received_at=now,
        concluded=(Concluded(finding=finding),),
    )
    assert scores_of(own) == {"ebike": 0.9}
    over = msgspec.structs.replace(own, concluded=(Concluded(finding=replace(finding, ended_at=now)),))
    assert scores_of(over) == {}
