"""Let 200 fire cameras send a picture every 10 s to a whole installation; print whether all are looked at.

`python -m bench.fire.cameras`. Broker, database, collector, detectors and API run beside each other, and this
process, which publishes, takes its part of the same cores.
"""

import argparse
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import cv2
import numpy as np
import paho.mqtt.client as paho
import psutil
import psycopg
from paho.mqtt.enums import CallbackAPIVersion

from bench.machine import Machine
from bench.up import Operator, Up, data_folder, running
from bench.waiting import wait_until
from gridwatch.media import encode_jpeg
from gridwatch.model import Pixels
from gridwatch.running import database_url
from gridwatch.settings import read_settings
from simulators.ridge.scene import Asked, draw_scene
from simulators.ridge.shooting import shoot

CAMERAS, EVERY_S, SIZE_WH = 200, 10.0, (1920, 1080)
SCENES = 4
"""Rendered, at a third of the size, and shown by fifty cameras each."""
MINUTES = 3.0
CONNECT_WITHIN_S, BOOKED_WITHIN_S = 30.0, 300.0
BOOKS = "SELECT coalesce(sum(received), 0)::bigint, coalesce(sum(stored), 0)::bigint FROM gridwatch.book"
SEED = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """What became of the pictures."""

    sent: int
    received: int
    judged: int
    most_late_s: float
    """By which this process itself fell behind its clock: it shares the cores."""
    last_after_s: float
    """From the last picture until all were booked."""
    cpu_s: float
    """Of the whole installation, without this process."""


def main() -> None:
    """Render, send, and print a line."""
    parser = argparse.ArgumentParser(prog="python -m bench.fire.cameras", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--cameras", type=int, default=CAMERAS)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    machine = Machine.this()
    rounds = round(given.minutes * 60 / EVERY_S)
    jpegs = [_scene(number, rounds) for number in range(SCENES)]
    with data_folder() as data, running(data, "--no-simulate") as up:
        found = _sent(up, given.cameras, jpegs)
    kb = sum(map(len, jpegs[0])) / rounds / 1000
    size = f"{SIZE_WH[0]} × {SIZE_WH[1]}, {kb:.0f} kB"
    print(
        f"{machine.measured_at[:10]}, commit {machine.commit}, {machine.cores} cores",
        f"at {machine.load_1min:.1f} load: {given.cameras} cameras, {given.minutes:g} min, {size}:",
        f"{found.sent} sent, {found.received} received, {found.judged} judged, the last",
        f"{found.last_after_s:.1f} s after it was sent; {found.cpu_s:.0f} s of CPU;",
        f"sent {found.most_late_s:.1f} s late at most",
    )


def _scene(number: int, rounds: int) -> list[bytes]:
    """Return what a camera sends, as JPEGs."""
    asked = Asked(start=datetime.now(UTC), duration_s=rounds * EVERY_S, interval_s=EVERY_S, fire=False)
    return [_large(shot.picture.pixels) for shot in shoot(draw_scene([SEED, number], asked))]


def _large(pixels: Pixels) -> bytes:
    return encode_jpeg(np.asarray(cv2.resize(pixels, SIZE_WH, interpolation=cv2.INTER_CUBIC), np.uint8))


def _sent(up: Up, cameras: int, jpegs: list[list[bytes]]) -> Watched:
    """Send each camera's pictures in its turn, and wait until all are booked."""
    names = [f"ridge-{number:03d}" for number in range(cameras)]
    Operator(up.port).register(names, scene="fire", kind="camera")
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", up.mqtt_port)
    client.loop_start()
    wait_until(client.is_connected, timeout_s=CONNECT_WITHIN_S, what="the cameras connect")
    sent, late_s = 0, 0.0
    used_s = _cpu_s(up)
    began = time.monotonic()
    for turn in range(len(jpegs[0])):
        for number, name in enumerate(names):
            due = began + (turn + number / cameras) * EVERY_S
            time.sleep(max(0.0, due - time.monotonic()))
            late_s = max(late_s, time.monotonic() - due)
            topic = f"gw/v1/{name}/frame/{round(time.time() * 1000)}"
            client.publish(topic, jpegs[number % len(jpegs)][turn], qos=1)
            sent += 1
    last = time.monotonic()
    with psycopg.connect(database_url(read_settings(data_dir=up.data)), autocommit=True) as books:

        def booked() -> tuple[int, int]:
            received, stored = books.execute(BOOKS).fetchone() or (0, 0)
            return int(received), int(stored)

        try:
            wait_until(lambda: booked()[0] >= sent, timeout_s=BOOKED_WITHIN_S, what="all are booked")
        except TimeoutError as error:
            print(error)
        received, judged = booked()
    took_s, used_s = time.monotonic() - last, _cpu_s(up) - used_s
    client.disconnect()
    client.loop_stop()
    return Watched(
        sent=sent, received=received, judged=judged, most_late_s=late_s, last_after_s=took_s, cpu_s=used_s
    )


def _cpu_s(up: Up) -> float:
    """Return the CPU time of an installation's processes that are there."""
    parent = psutil.Process(up.process.pid)
    times = [one.cpu_times() for one in (parent, *parent.children(recursive=True))]
    return sum(one.user + one.system for one in times)


if __name__ == "__main__":
    main()
