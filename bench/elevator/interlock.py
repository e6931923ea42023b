"""Plugs are pulled while a lift is held: how long its door stays held, how fast a hold is asked for.

Real broker, database, collector and detector (YOLOX-nano on a real picture); the lift is the simulated
controller behind a line of its own that can be cut. `python -m bench.elevator.interlock [REPEATS]` from the
repository with `GRIDWATCH_BENCH_DATA` naming the folder of pictures and weights; prints one JSON object.
"""

import asyncio
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import paho.mqtt.client as paho
import psutil
from paho.mqtt.enums import CallbackAPIVersion

from bench.machine import Machine
from bench.servers import Servers, mosquitto, servers
from bench.up import clean_environment
from bench.waiting import end, free_port, wait_until
from detectors.elevator import ElevatorDetector
from gridwatch.broker_address import BrokerAddress
from gridwatch.model import Picture, Pixels
from simulators.lift_controller import LiftController

LIFT, CAMERA = "lift-1", "lift-1-camera"
FRAME_S = 0.25
"""A stock detector on a busy machine keeps up with four pictures a second."""
CLEAR_S = 8.0
HELD_WITHIN_S, FREE_WITHIN_S = 60.0, 30.0
HELD_FOR_S = 2.0
LEAST_SCORE = 0.7
ALLOWED_S = 3.0

FAULTS = (
    "camera silent",
    "camera repeats a picture",
    "camera's clock back by 1 h",
    "detector hangs",
    "database hangs",
    "lift's network cut",
    "broker hangs",
    "broker killed",
    "collector hangs",
    "collector killed",
)


@dataclass(slots=True)
class Camera:
    """Shows an empty cabin, or a bike, with noise as a real one."""

    empty: Pixels
    bike: Pixels
    port: int
    shows_bike: bool = False
    is_silent: bool = False
    is_frozen: bool = False
    ahead_s: float = 0.0
    since_bike: list[float] = field(default_factory=list)
    """When each frame was published since the bike is there."""
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Publish until it is over."""
        noise = np.random.default_rng(1)
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=CAMERA)
        client.connect_async("127.0.0.1", self.port)
        client.loop_start()
        last = b""
        while not self.over.wait(FRAME_S):
            picture = self.bike if self.shows_bike else self.empty
            if not (self.is_frozen and last):
                speckled = cv2.add(picture, noise.integers(0, 6, picture.shape, np.uint8))
                last = cv2.imencode(".jpg", speckled)[1].tobytes()
            if self.is_silent:
                continue
            t_ms = round((time.time() + self.ahead_s) * 1000)
            client.publish(f"gw/v1/{CAMERA}/frame/{t_ms}", last, 0)
            if self.shows_bike:
                self.since_bike.append(time.time())
        client.disconnect()
        client.loop_stop()


class Line:
    """A line from the lift to the broker that can be cut."""

    def __init__(self, to_port: int) -> None:
        self.port = free_port()
        self.is_cut = False
        self._to_port = to_port
        self._writers: set[asyncio.StreamWriter] = set()

    async def run(self) -> None:
        """Carry bytes both ways, for ever."""
        async with await asyncio.start_server(self._serve, "127.0.0.1", self.port) as server:
            await server.serve_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            there, onward = await asyncio.open_connection("127.0.0.1", self._to_port)
            await asyncio.gather(self._carry(reader, onward), self._carry(there, writer))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A line that is cut swallows what comes, and nobody is told."""
        while data := await reader.read(65_536):
            if not self.is_cut:
                writer.write(data)
                await writer.drain()
        writer.close()


class Rig:
    """Everything between a camera and a lift's door."""

    def __init__(self, running: Servers, camera: Camera, weights: Path) -> None:
        self.running = running
        self.camera = camera
        self._weights = weights
        self.told: list[Mapping[str, Any]] = []
        self.line = Line(running.mqtt_port)
        address = BrokerAddress.parse(f"mqtt://127.0.0.1:{self.line.port}")
        self.lift = LiftController(address, LIFT, tell=self.told.append)
        self._collector: subprocess.Popen[bytes] | None = None
        self.over = threading.Event()

    @property
    def is_held(self) -> bool:
        """Say whether the door is held."""
        return [event["held"] for event in self.told if "held" in event][-1:] == [True]

    def start_collector(self) -> None:
        """Start `gridwatch ingest` and wait until it works."""
        environment = clean_environment() | {
            "GRIDWATCH_DATABASE_URL": self.running.database_url,
            "GRIDWATCH_MQTT_URL": f"mqtt://127.0.0.1:{self.running.mqtt_port}",
            "GRIDWATCH_DATA_DIR": str(self.running.folder),
            "GRIDWATCH_DETECTOR_WORKERS": "1",
            "GRIDWATCH_ELEVATOR_ONNX": str(self._weights),
        }
        with (self.running.folder / "ingest.log").open("ab") as log:
            command = [sys.executable, "-m", "gridwatch", "ingest"]
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        self._collector = process
        fresh = (
            "SELECT 1 FROM collector WHERE subscribed AND heartbeat_at > now() - interval '2 s' AND pid = %s"
        )
        wait_until(
            lambda: bool(self.running.ask(fresh, [process.pid])), timeout_s=60, what="the collector works"
        )

    def collector(self) -> psutil.Process:
        """Return the running collector."""
        if self._collector is None:
            raise RuntimeError("no collector runs")
        return psutil.Process(self._collector.pid)

    def end_collector(self) -> None:
        """End it, and whatever hangs of it."""
        if self._collector is not None:
            for process in [self.collector(), *self.workers()]:
                process.resume()
            end(self._collector, signal.SIGTERM)

    def workers(self) -> list[psutil.Process]:
        """Return its detector processes."""
        return [one for one in self.collector().children() if "spawn_main" in " ".join(one.cmdline())]

    def live(self) -> None:
        """Let the lift live until it is over."""

        async def together() -> None:
            tasks = [asyncio.create_task(self.line.run()), asyncio.create_task(self.lift.run())]
            await asyncio.to_thread(self.over.wait)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run(together())

    def hold(self) -> float:
        """Let a bike stand in the lift until it is held; return the seconds from the deciding frame."""
        self.camera.since_bike.clear()
        heard = len(self.told)
        self.camera.shows_bike = True
        wait_until(lambda: self.is_held, timeout_s=HELD_WITHIN_S, what="the lift is held")
        asked = next(one["t"] for one in self.told[heard:] if one.get("command") == "hold_open")
        return float(asked) - self.camera.since_bike[3]

    def wait_until_free(self) -> float:
        """Return when the door was free."""
        wait_until(lambda: not self.is_held, timeout_s=FREE_WITHIN_S, what="the door is free")
        return float([event["t"] for event in self.told if event.get("held") is False][-1])


@contextmanager
def fault(rig: Rig, name: str) -> Iterator[None]:
    """Let something fail for the length of the block."""
    camera, broker = rig.camera, rig.running.processes("mosquitto")
    match name:
        case "camera silent":
            camera.is_silent = True
            yield
            camera.is_silent = False
        case "camera repeats a picture":
            camera.is_frozen = True
            yield
            camera.is_frozen = False
        case "camera's clock back by 1 h":
            camera.ahead_s = -3600
            yield
            camera.ahead_s = 0
        case "lift's network cut":
            rig.line.is_cut = True
            yield
            rig.line.is_cut = False
        case "detector hangs":
            with suspended(rig.workers()):
                yield
        case "database hangs":
            with suspended(rig.running.processes("postgres")):
                yield
        case "broker hangs":
            with suspended(broker):
                yield
        case "collector hangs":
            with suspended([rig.collector()]):
                yield
        case "collector killed":
            rig.collector().kill()
            yield
            rig.start_collector()
        case _:
            raise ValueError(name)


@contextmanager
def suspended(processes: list[psutil.Process]) -> Iterator[None]:
    """Stop processes where they stand, for the length of the block."""
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


@contextmanager
def killed_broker(rig: Rig, brokers: ExitStack) -> Iterator[None]:
    """Kill the broker, and start it again after the block."""
    for process in rig.running.processes("mosquitto"):
        process.kill()
    yield
    brokers.enter_context(mosquitto(rig.running.folder / "broker", rig.running.mqtt_port))


def measure(repeats: int, data: Path) -> dict[str, Any]:
    """Return for each fault how long the door stayed held after it, and the times from frame to command."""
    weights = data / "weights" / "yolox_nano.onnx"
    bike = _bike(data / "elevator" / "etoilesha", weights)
    empty = np.full_like(bike, 128)
    free_s: dict[str, list[float]] = {name: [] for name in FAULTS}
    latencies_s: list[float] = []
    with servers() as running, ExitStack() as brokers:
        camera = Camera(empty=empty, bike=bike, port=running.mqtt_port)
        rig = Rig(running, camera, weights)
        rig.start_collector()
        _register(running)
        threads = [threading.Thread(target=camera.run), threading.Thread(target=rig.live)]
        for thread in threads:
            thread.start()
        try:
            for name in [*FAULTS] * repeats:
                # The interlock has seen the camera for a while, and the cabin clear.
                camera.shows_bike = False
                time.sleep(CLEAR_S)
                latencies_s.append(rig.hold())
                time.sleep(HELD_FOR_S)
                failing = killed_broker(rig, brokers) if name == "broker killed" else fault(rig, name)
                began = time.time()
                with failing:
                    free_s[name].append(rig.wait_until_free() - began)
                    camera.shows_bike = False
                print(f"{name}: free after {free_s[name][-1]:.2f} s", file=sys.stderr, flush=True)
                time.sleep(2)
        except TimeoutError:
            print((running.folder / "ingest.log").read_text()[-3000:], file=sys.stderr)
            raise
        finally:
            camera.over.set()
            rig.over.set()
            for thread in threads:
                thread.join(20)
            rig.end_collector()
    return _report(free_s, latencies_s)


def _report(free_s: Mapping[str, list[float]], latencies_s: list[float]) -> dict[str, Any]:
    every = [one for times in free_s.values() for one in times]
    machine = Machine.this()
    return {
        "faults": {
            name: {"injected": len(times), "free_s_most": round(max(times), 2)}
            for name, times in free_s.items()
        },
        "injected": len(every),
        "free_within_3_s": sum(one <= ALLOWED_S for one in every),
        "frame_to_command_ms": {
            "samples": len(latencies_s),
            "median": round(statistics.median(latencies_s) * 1000),
            "most": round(max(latencies_s) * 1000),
        },
        "commit": machine.commit,
        "cpu": machine.cpu,
        "load_1min": machine.load_1min,
    }


def _register(running: Servers) -> None:
    running.ask("INSERT INTO device (id, scene, kind) VALUES (%s, 'elevator', 'gateway')", [LIFT])
    running.ask(
        "INSERT INTO device (id, scene, kind, lift) VALUES (%s, 'elevator', 'camera', %s)", [CAMERA, LIFT]
    )
    running.ask(
        "INSERT INTO lift (device_key, mode) SELECT key, 'controller' FROM device WHERE id = %s", [LIFT]
    )


def _bike(folder: Path, weights: Path) -> Pixels:
    """Return a picture in which the detector is sure of a bike."""
    detector = ElevatorDetector(weights)
    for path in sorted(folder.rglob("*.jpg")):
        pixels = cv2.imread(str(path))
        if pixels is None:
            continue
        small = np.asarray(cv2.resize(pixels, (640, 360), interpolation=cv2.INTER_AREA), np.uint8)
        found = detector.judge(Picture(pixels=small, at=datetime.now(UTC)))
        if any(one.confidence >= LEAST_SCORE for one in found):
            return small
    raise RuntimeError(f"no picture in {folder} shows the detector a bike")


if __name__ == "__main__":
    cv2.setNumThreads(1)
    print(
        json.dumps(
            measure(
                int(sys.argv[1]) if len(sys.argv) > 1 else 3,
                Path(os.environ.get("GRIDWATCH_BENCH_DATA", "shared/data")),
            ),
            indent=2,
        )
    )
