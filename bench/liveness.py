"""Ten thousand devices on `gridwatch up`, of which three in a hundred fall silent: how many alerts, how soon.

Estates of 250 devices behind a gateway each. One gateway goes with all its devices, and with it single ones
elsewhere. Says how long an import takes, how many alerts there are and after what time, how long each look
for silence takes (also the first ones after a restart), and how fast the API is meanwhile. It takes a quarter
of an hour, and prints one JSON object.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, LiteralString

import aiomqtt
import psycopg
from psycopg.rows import dict_row

from bench.machine import Machine
from bench.up import PASSWORD, Up, data_folder, running
from bench.waiting import wait_until
from gridwatch.store.connection import with_session_options

BEHIND_ONE = 250
INTERVAL_S = 60
"""A channel counts as silent after three of them; a publisher sends each device once in one."""
WITHIN_S = 900.0
ASKED = ("/api/v1/alerts?state=open", "/api/v1/devices?limit=1000", "/readyz", "/metrics")
TIMES_ASKED = 20


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was measured; times in seconds."""

    devices: int
    silent: int
    import_s: float
    alerts: list[dict[str, Any]] = field(default_factory=list)
    alerted_after_s: float = 0.0
    resolved_after_s: float = 0.0
    looks_s: dict[str, float] = field(default_factory=dict)
    first_looks_after_restart_s: list[float] = field(default_factory=list)
    answers_ms: dict[str, str] = field(default_factory=dict)


class Field:
    """The devices: who of them speaks. A thread of its own publishes for all."""

    def __init__(self, port: int, devices: Sequence[str]) -> None:
        self._port = port
        self._devices = devices
        self.silent: frozenset[str] = frozenset()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._publish()), name="field")

    def __enter__(self) -> "Field":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    async def _publish(self) -> None:
        while not self._ends.is_set():
            try:
                async with aiomqtt.Client("127.0.0.1", self._port, identifier="field") as client:
                    await self._rounds(client)
            except aiomqtt.MqttError:
                await asyncio.sleep(1)  # The installation is restarted.

    async def _rounds(self, client: aiomqtt.Client) -> None:
        pause_s = INTERVAL_S / len(self._devices)
        due_s = time.monotonic()
        while not self._ends.is_set():
            for device in self._devices:
                if self._ends.is_set():
                    return
                due_s += pause_s
                if (early_s := due_s - time.monotonic()) > 0.01:
                    await asyncio.sleep(early_s)
                if device not in self.silent:
                    body = json.dumps({"t": time.time(), "values": {"co_ppm": 3}})
                    await client.publish(f"gw/v1/{device}/readings", body, qos=1)


def ask(data: Path, query: LiteralString) -> list[dict[str, Any]]:
    """Run one query on the installation's own database."""
    url = json.loads((data / "running.json").read_text())["database_url"]
    with psycopg.connect(with_session_options(url), row_factory=dict_row, autocommit=True) as connection:
        cursor = connection.execute(query)
        return cursor.fetchall() if cursor.description else []


def names(count: int) -> tuple[list[str], list[str]]:
    """Return the ids of gateways and of devices; a device's begins with that of its gateway."""
    gateways = [f"estate-{number:02d}" for number in range(count // BEHIND_ONE)]
    return gateways, [f"{gateway}.{n:03d}" for gateway in gateways for n in range(BEHIND_ONE)]


def import_devices(up: Up, gateways: Sequence[str], devices: Sequence[str]) -> float:
    """Import all of them from one file; return how long the command took."""
    lines = ["id,scene,kind,state,gateway,lon,lat,channels"]
    lines += [f"{gateway},fire,gateway,active,,,," for gateway in gateways]
    lines += [
        f"{device},fire,sensor,active,{device.partition('.')[0]},{103.8 + n % 200 / 1000},{30.5 + n / 1e5},"
        f"co_ppm@{INTERVAL_S}"
        for n, device in enumerate(devices)
    ]
    file = up.data / "devices.csv"
    file.write_text("\n".join(lines) + "\n")
    command = [sys.executable, "-m", "gridwatch", "devices", "import", str(file)]
    began = time.monotonic()
    subprocess.run(command, env=up.environment, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def look_times(data: Path, *, seconds: float) -> list[float]:
    """Return how long each look for silence took that ends within a time."""
    seen: dict[Any, float] = {}
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        query: LiteralString = "SELECT begun_at, finished_at FROM chore WHERE name = 'liveness'"
        for row in ask(data, query):
            if row["finished_at"] is not None and row["finished_at"] >= row["begun_at"]:
                seen[row["begun_at"]] = (row["finished_at"] - row["begun_at"]).total_seconds()
        time.sleep(1)
    return list(seen.values())


def answers(up: Up) -> dict[str, str]:
    """Return the median and the longest time of each route, in ms."""
    base = f"http://127.0.0.1:{up.port}"
    form = f"username=admin&password={PASSWORD}".encode()
    with urllib.request.urlopen(f"{base}/api/v1/token", form, timeout=30) as answer:  # noqa: S310 - loopback
        token = json.load(answer)["access_token"]
    told = {}
    for path in ASKED:
        taken = []
        for _ in range(TIMES_ASKED):
            request = urllib.request.Request(base + path, headers={"Authorization": f"Bearer {token}"})  # noqa: S310
            began = time.perf_counter()
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
                answer.read()
            taken.append(1000 * (time.perf_counter() - began))
        told[path] = f"{statistics.median(taken):.0f} ({max(taken):.0f})"
    return told


OPEN: LiteralString = "SELECT label, severity, outage FROM alert WHERE state = 'open' AND outage IS NOT NULL"
SILENT: LiteralString = "SELECT count(*) AS n FROM silence WHERE outage_id IS NOT NULL"


def measure(count: int, singles: int) -> Found:
    """Take an estate and some single devices down and up again, with a restart between."""
    gateways, devices = names(count)
    gone = frozenset(devices[:BEHIND_ONE]) | frozenset(
        devices[BEHIND_ONE :: (count - BEHIND_ONE) // singles][:singles]
    )
    with data_folder() as data:
        with running(data, "--no-simulate") as up:
            import_s = import_devices(up, gateways, devices)
            with Field(up.mqtt_port, devices) as there:
                wait_until(
                    lambda: ask(data, "SELECT count(*) AS n FROM channel_watch")[0]["n"] == count,
                    timeout_s=WITHIN_S,
                    what="all channels are watched",
                )
                time.sleep(2 * INTERVAL_S)
                there.silent, fell = gone, time.monotonic()
                looks = look_times(data, seconds=2.5 * INTERVAL_S)
                wait_until(
                    lambda: ask(data, SILENT)[0]["n"] == len(gone),
                    timeout_s=WITHIN_S,
                    what="outages",
                    step_s=1,
                )
                alerted, alerts, told = time.monotonic() - fell, ask(data, OPEN), answers(up)
                there.silent, back = frozenset(), time.monotonic()
                wait_until(lambda: not ask(data, OPEN), timeout_s=WITHIN_S, what="all is well", step_s=1)
                resolved = time.monotonic() - back
                looks += look_times(data, seconds=INTERVAL_S)
        with running(data, "--no-simulate"):
            after = look_times(data, seconds=2 * INTERVAL_S)
    return Found(
        devices=count,
        silent=len(gone),
        import_s=round(import_s, 1),
        alerts=alerts,
        alerted_after_s=round(alerted),
        resolved_after_s=round(resolved),
        looks_s={"median": round(statistics.median(looks), 2), "longest": round(max(looks), 2)},
        first_looks_after_restart_s=[round(one, 2) for one in after],
        answers_ms=told,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.liveness", description=__doc__)
    parser.add_argument("--devices", type=int, default=10_000, help=f"a multiple of {BEHIND_ONE}")
    parser.add_argument("--singles", type=int, default=50)
    given = parser.parse_args()
    machine, found = Machine.this(), measure(given.devices, given.singles)
    print(json.dumps({"machine": asdict(machine), "found": asdict(found)}, indent=2, default=str))


if __name__ == "__main__":
    main()
