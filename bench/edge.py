"""`gridwatch edge` on full HD cameras: pictures left out, memory, seconds to the finding."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import paho.mqtt.client as paho
import psutil
from paho.mqtt.enums import CallbackAPIVersion

from bench.servers import mosquitto
from bench.show import show
from bench.spread import Row, Spread
from bench.up import clean_environment
from bench.waiting import end, free_port, wait_until
from simulators.facade.stage import draw_stage
from simulators.facade.take import Filming, draw_take
from simulators.network_camera import Film, NetworkCamera, encode_film

MIB = 1024**2
SIZE_WH, FPS, MBIT_S, KEY_EVERY_S = (1920, 1080), 25.0, 4.0, 2.0
SEED = 50
SETTLE_S = 5.0
"""Before time and memory are counted: interpreter and libraries are loaded, the first picture is judged."""
START_WITHIN_S = 60.0
CLIP_ENDS_S = 3.0
"""After the last sight of the thing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """Up to how many cameras are judged, how long each number, and when a film begins anew."""

    cameras: int = 2
    judged_s: float = 180.0
    film_s: float = 12.0


FULL = Sizes()
QUICK = Sizes(cameras=1, judged_s=20.0, film_s=8.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """One process over some cameras; pictures are summed over them."""

    cameras: int
    seconds: float
    came: int
    judged: int
    skipped: int
    damaged: int
    detector_ms: float
    cpu_share: float
    """Cores that the process used on average, the clips of what it found included."""
    most_rss_mib: float
    throws: int
    """Times that something was thrown while the process ran; the last may have had no time to be told."""
    found: int
    shown: int
    told_after_s: Spread | None
    """From the first sight of the thing to the finding at the subscriber."""
    shown_after_s: Spread | None
    """From the clip's end to the finding with it."""
    clip_kb: Spread | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """All runs."""

    runs: list[Judged]


@dataclass(slots=True)
class Heard:
    """Findings as they came: seconds since 1970, payload."""

    findings: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    online: set[str] = field(default_factory=set)

    def take(self, _client: object, _userdata: object, message: paho.MQTTMessage) -> None:
        """Keep a message."""
        device, kind = message.topic.split("/")[2:4]
        if kind == "finding":
            self.findings.append((time.time(), json.loads(message.payload)))
        elif kind == "status" and message.payload == b"online":
            self.online.add(device)


def measure(sizes: Sizes) -> Edge:
    """Render films, then judge as many cameras as are asked for, one number after the other."""
    films = [_film(SEED + number, sizes.film_s) for number in range(sizes.cameras)]
    counts = range(1, sizes.cameras + 1)
    return Edge(runs=[_judge(films[:count], sizes.judged_s, sizes.film_s) for count in counts])


def _film(seed: int, film_s: float) -> Film:
    """Film a façade from which one thing is thrown, with what usually moves before a house."""
    rng = np.random.default_rng(seed)
    stage = draw_stage(rng, size_wh=SIZE_WH, light="day")
    take = draw_take(
        rng,
        stage,
        duration_s=film_s,
        fps=FPS,
        throws=["full_bottle"],
        disturbers={"laundry": 2, "curtain": 1, "leaf": 2, "bird": 2},
    )
    pictures = Filming(take=take, start=datetime.now(UTC)).pictures()
    return encode_film(pictures, fps=FPS, mbit_s=MBIT_S, key_every_s=KEY_EVERY_S)


def _judge(films: Sequence[Film], judged_s: float, film_s: float) -> Judged:
    cameras = [NetworkCamera(film) for film in films]
    devices = [f"wall-{number}" for number in range(len(films))]
    heard, port = Heard(), free_port()
    with TemporaryDirectory(prefix="gridwatch-bench-") as name, mosquitto(Path(name) / "broker", port):
        folder = Path(name)
        for camera in cameras:
            camera.start()
        with _listening(port, heard), _edge(folder, port, devices, cameras) as process:
            wait_until(lambda: heard.online >= set(devices), timeout_s=START_WITHIN_S, what="all are judged")
            time.sleep(SETTLE_S)
            running = psutil.Process(process.pid)
            began, cpu_before = time.monotonic(), _cpu_s(running)
            time.sleep(judged_s)
            seconds = time.monotonic() - began
            cpu_share, most_rss_mib = (_cpu_s(running) - cpu_before) / seconds, _most_rss_mib(process.pid)
        for camera in cameras:
            camera.stop()
        log = (folder / "edge.log").read_text()
    return _summed(
        log,
        heard,
        cameras=len(cameras),
        seconds=seconds,
        cpu_share=cpu_share,
        most_rss_mib=most_rss_mib,
        throws=len(cameras) * int((seconds + SETTLE_S) / film_s),
    )


SAID = re.compile(
    r"(?P<judged>\d+) of (?P<came>\d+) pictures judged, (?P<ms>[\d.]+) ms each; "
    r"(?P<skipped>\d+) skipped, (?P<damaged>\d+) damaged"
)


def _summed(log: str, heard: Heard, **known: Any) -> Judged:
    said = [match.groupdict() for match in SAID.finditer(log)]
    judged = sum(int(one["judged"]) for one in said)
    told = [(at, one) for at, one in heard.findings if _is_throw(one) and "clip_s" not in one["criteria"]]
    first = {one["id"]: (at, one) for at, one in reversed(told)}.values()
    shown = [(at, one) for at, one in heard.findings if _is_throw(one) and "clip_s" in one["criteria"]]
    return Judged(
        came=sum(int(one["came"]) for one in said),
        judged=judged,
        skipped=sum(int(one["skipped"]) for one in said),
        damaged=sum(int(one["damaged"]) for one in said),
        detector_ms=sum(float(one["ms"]) * int(one["judged"]) for one in said) / max(1, judged),
        found=len(first),
        shown=len(shown),
        told_after_s=_spread([at - one["t"] for at, one in first]),
        shown_after_s=_spread([at - one["t_end"] - CLIP_ENDS_S for at, one in shown]),
        clip_kb=_spread([len(one["evidence"][1]["base64"]) * 3 / 4 / 1000 for _, one in shown]),
        **known,
    )


def _is_throw(finding: dict[str, Any]) -> bool:
    return bool(finding["label"] == "falling_object")


def _spread(values: list[float]) -> Spread | None:
    return Spread.of(values) if values else None


@contextmanager
def _listening(port: int, heard: Heard) -> Iterator[None]:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = heard.take
    client.connect("127.0.0.1", port)
    client.subscribe("gw/v1/#", qos=1)
    client.loop_start()
    try:
        yield
    finally:
        client.disconnect()
        client.loop_stop()


@contextmanager
def _edge(
    folder: Path, port: int, devices: Sequence[str], cameras: Sequence[NetworkCamera]
) -> Iterator[subprocess.Popen[bytes]]:
    entries = [
        f'[[camera]]\ndevice = "{device}"\nscene = "throwing"\nsource = "{camera.url}"\n'
        for device, camera in zip(devices, cameras, strict=True)
    ]
    (folder / "edge.toml").write_text('gateway = "edge-1"\n' + "\n".join(entries))
    environment = clean_environment() | {
        "GRIDWATCH_MQTT_URL": f"mqtt://127.0.0.1:{port}",
        "GRIDWATCH_DATA_DIR": str(folder / "data"),
    }
    with (folder / "edge.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gridwatch", "edge", str(folder / "edge.toml")],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        end(process, signal.SIGTERM)


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _most_rss_mib(pid: int) -> float:
    """Return the most memory that a process had at any time."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else float("nan")


def rows(found: Edge) -> list[Row]:
    """Return the lines of the table."""
    return [row for run in found.runs for row in _rows(run)]


def _rows(run: Judged) -> Iterator[Row]:
    what = f"`gridwatch edge`, {run.cameras} × 1920×1080 at 25 fps, H.264 {MBIT_S:g} Mbit/s over RTSP"
    yield Row(
        what=f"{what}: pictures left out",
        value=f"{run.skipped} of {run.came:,}",
        note=f"target: 0; {run.seconds:.0f} s; {run.damaged} damaged; detector {run.detector_ms:.1f} ms a "
        f"picture; {run.cpu_share:.2f} cores, clips included",
    )
    yield Row(
        what="the same: memory of the process, at most",
        value=f"{run.most_rss_mib:.0f} MiB RSS",
        note="target: 250 MB a camera",
    )
    if run.told_after_s is not None:
        yield Row(
            what="the same: first sight of the thing → finding",
            value=f"{run.told_after_s.text('.2f')} s",
            note=f"target: 2.5 s after release, p95; {run.found} told, {run.throws} thrown; {_clips(run)}",
        )


def _clips(run: Judged) -> str:
    if run.shown_after_s is None or run.clip_kb is None:
        return "no clip was made in time"
    return f"{run.shown} clips {run.shown_after_s.text('.1f')} s after their end, {run.clip_kb.text()} kB"


if __name__ == "__main__":
    show(measure, rows, full=FULL, quick=QUICK)
