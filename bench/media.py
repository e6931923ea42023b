"""Clip → alert, and how many pictures a second one detector process takes from lift cameras."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import cv2
import numpy as np
import paho.mqtt.client as paho
import psycopg
from paho.mqtt.enums import CallbackAPIVersion

from bench.show import show
from bench.spread import Row, Spread
from bench.up import Operator, Up, data_folder, running
from bench.waiting import wait_until
from detectors import DetectorOptions
from gridwatch.media import encode_jpeg, encode_mp4
from gridwatch.model import Clip, Frame
from gridwatch.running import database_url
from gridwatch.settings import read_settings
from ingest.examine import Examiner, Medium
from simulators.cabin.visit import filmed, render_visit
from simulators.facade import draw_throw_take, film

CONNECT_WITHIN_S = 10.0
ALERT_WITHIN_S = 60.0
FRAMES_WITHIN_S = 60.0
LOOK_EVERY_S = 0.003
IN_HAND = 3
"""Frames of a camera sent and not booked yet: the lane never waits for one, and none is skipped (past 4)."""
BOOKED = "SELECT received, stored FROM gridwatch.book WHERE device = %s"
CLIP_WH, CLIP_FPS = (1280, 720), 25.0
FRAME_WH = (640, 360)
USUAL_LIFT_FPS = 2.0
SEED = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How many clips, how often each, and how many passes over the frames of a visit."""

    clips: int = 3
    clip_s: float = 6.0
    cameras: int = 2
    """Fresh cameras that send each clip, one after the other."""
    frame_passes: int = 3


FULL = Sizes()
QUICK = Sizes(clips=1, cameras=1, frame_passes=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Media:
    """Times and rates."""

    sent: int
    missed: int
    """Clips with a throw in them that raised no alert within a minute."""
    clip_to_alert_s: Spread | None
    clip_length_s: float
    clip_pictures: int
    clip_detector_s: Spread
    """The worker's part alone: decoding, detecting, drawing and encoding the evidence; in this process."""
    frames: int
    frame_fps: Spread
    """JPEG decoding and the lift detector without ONNX weights, one process with one thread."""
    lane_fps: Spread
    """From the camera into the database, of one lift whose next frames always wait already."""


def measure(sizes: Sizes) -> Media:
    """Render, look at everything alone, then send the clips through an installation."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # as in a detector process
    try:
        clips = [_clip(SEED + number, sizes.clip_s) for number in range(sizes.clips)]
        alone = [_seconds_alone("throwing", [clip]) for clip in clips]
        frames = _frames()
        rates = [len(frames) / _seconds_alone("elevator", frames) for _ in range(sizes.frame_passes)]
    finally:
        cv2.setNumThreads(threads)
    with data_folder() as data, running(data, "--no-simulate") as up, _camera(up) as camera:
        operator = Operator(up.port)
        found = _send_clips(operator, camera, clips, sizes.cameras)
        lanes = [
            _lane_seconds(up, operator, camera, f"lift-{number}", frames)
            for number in range(sizes.frame_passes)
        ]
    answered = [seconds for seconds in found if seconds is not None]
    return Media(
        sent=len(found),
        missed=len(found) - len(answered),
        clip_to_alert_s=Spread.of(answered) if answered else None,
        clip_length_s=sizes.clip_s,
        clip_pictures=int(sizes.clip_s * CLIP_FPS),
        clip_detector_s=Spread.of(alone),
        frames=len(frames),
        frame_fps=Spread.of(rates),
        lane_fps=Spread.of([len(frames) / seconds for seconds in lanes]),
    )


def _clip(seed: int, clip_s: float) -> Clip:
    """Render a façade from which something falls."""
    start = datetime.now(UTC)
    take = draw_throw_take(
        np.random.default_rng(seed),
        duration_s=clip_s,
        fps=CLIP_FPS,
        size_wh=CLIP_WH,
        throws=True,
        thing="box",
    )
    return Clip(device="camera", observed_at=start, video=encode_mp4(film(take, start=start).pictures))


def _frames() -> list[Frame]:
    """Render an e-bike's ride in a lift."""
    visit = render_visit(SEED, shows="ebike", size_wh=FRAME_WH)
    rendered = filmed(visit, shows="ebike", start=datetime.now(UTC))
    return [
        Frame(device="lift", observed_at=picture.at, image=encode_jpeg(picture.pixels))
        for picture in rendered.pictures
    ]


def _seconds_alone(scene: str, media: Sequence[Medium]) -> float:
    """Return how long a new worker's examiner takes in this process."""
    examiner = Examiner(DetectorOptions())
    began = time.perf_counter()
    for medium in media:
        examiner.examine(scene, medium)
    return time.perf_counter() - began


@contextmanager
def _camera(up: Up) -> Iterator[paho.Client]:
    """Connect what publishes for all cameras."""
    camera = paho.Client(CallbackAPIVersion.VERSION2)
    camera.connect("127.0.0.1", up.mqtt_port)
    camera.loop_start()
    try:
        wait_until(camera.is_connected, timeout_s=CONNECT_WITHIN_S, what="the camera connects")
        yield camera
    finally:
        camera.disconnect()
        camera.loop_stop()


def _send_clips(
    operator: Operator, camera: paho.Client, clips: Sequence[Clip], cameras: int
) -> list[float | None]:
    """Return the seconds from publish to alert, each clip from fresh cameras, one at a time."""
    names = [f"facade-{number:03d}" for number in range(len(clips) * cameras)]
    operator.register(names, scene="throwing", kind="camera")
    with operator.watching():
        return [
            _alert_after(operator, camera, name, clips[number % len(clips)])
            for number, name in enumerate(names)
        ]


def _alert_after(operator: Operator, camera: paho.Client, name: str, clip: Clip) -> float | None:
    began = time.perf_counter()
    camera.publish(f"gw/v1/{name}/clip/{_milliseconds(clip.observed_at)}", clip.video, qos=1)
    seen_at = operator.alert_of(name, timeout_s=ALERT_WITHIN_S)
    return None if seen_at is None else seen_at - began


def _lane_seconds(
    up: Up, operator: Operator, camera: paho.Client, name: str, frames: Sequence[Frame]
) -> float:
    """Return how long the frames of one lift take into the database, a few of them always waiting."""
    operator.register([name], scene="elevator", kind="camera")
    sent = 0
    with psycopg.connect(database_url(read_settings(data_dir=up.data)), autocommit=True) as books:

        def all_booked() -> bool:
            nonlocal sent
            row = books.execute(BOOKED, [name]).fetchone()
            received, stored = row or (0, 0)
            if received != stored:
                raise RuntimeError(f"{received - stored} frames of {received} were not looked at")
            for frame in frames[sent : received + IN_HAND]:
                topic = f"gw/v1/{name}/frame/{_milliseconds(frame.observed_at)}"
                camera.publish(topic, frame.image, qos=1)
                sent += 1
            return int(received) >= len(frames)

        began = time.perf_counter()
        wait_until(all_booked, timeout_s=FRAMES_WITHIN_S, step_s=LOOK_EVERY_S, what="all frames are booked")
        return time.perf_counter() - began


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def rows(found: Media) -> list[Row]:
    """Return the lines of the table."""
    alert = "no alert" if found.clip_to_alert_s is None else f"{found.clip_to_alert_s.text('.2f')} s"
    size, frame = f"{CLIP_WH[0]}×{CLIP_WH[1]}", f"{FRAME_WH[0]}×{FRAME_WH[1]}"
    cameras = int(found.lane_fps.median / USUAL_LIFT_FPS)
    return [
        Row(
            what=f"clip of {found.clip_length_s:g} s ({size}, {CLIP_FPS:g} fps) → alert at the SSE client",
            value=alert,
            note=f"{found.sent} clips, {found.missed} missed; decode, detector and evidence alone "
            f"{found.clip_detector_s.text('.2f')} s for {found.clip_pictures} pictures",
        ),
        Row(
            what=f"lift pictures ({frame}) per second and lane, camera to database",
            value=f"{found.lane_fps.text()} fps",
            note=f"one detector process, the shipped recogniser; decode and detector alone "
            f"{found.frame_fps.text()} fps; at {USUAL_LIFT_FPS:g} fps each that is {cameras} "
            "cameras for each core that does nothing else",
        ),
    ]


if __name__ == "__main__":
    show(measure, rows, full=FULL, quick=QUICK)
