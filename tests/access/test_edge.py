"""Cameras are judged at the guarded broker with the credential of the computer alone."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from gridwatch.model import Device, DeviceKind
from gridwatch.store.credentials import rotate_secret
from gridwatch.store.devices import add_devices
from simulators.network_camera import NetworkCamera
from tests.access.guarded import Guarded
from tests.ingest.edge.films import bar_film
from tests.servers import wait_until


@pytest.mark.slow
def test_a_computer_speaks_for_the_cameras_that_it_judges(guarded: Guarded, tmp_path: Path) -> None:
    gateway = Device(id="edge-1", scene="throwing", kind=DeviceKind.GATEWAY)
    cameras = [
        Device(id=f"wall-{number}", scene="throwing", kind=DeviceKind.CAMERA, gateway="edge-1")
        for number in (1, 2)
    ]
    guarded.stored(lambda store: add_devices(store, [gateway, *cameras]))
    given = guarded.stored(
        lambda store: rotate_secret(store, "edge-1", actor="test", overlap=timedelta(hours=1))
    )
    collector, camera = guarded.collector(), NetworkCamera(bar_film())
    collector.subscribe("gw/v1/#")
    camera.start()
    entries = [
        f'[[camera]]\ndevice = "{one.id}"\nscene = "throwing"\nsource = "{camera.url}"\n' for one in cameras
    ]
    (tmp_path / "edge.toml").write_text('gateway = "edge-1"\n' + "".join(entries))
    url = f"mqtts://{given.username}:{given.secret}@127.0.0.1:{guarded.passwords}"
    process = subprocess.Popen(
        [sys.executable, "-m", "gridwatch", "edge", str(tmp_path / "edge.toml")],
        env=os.environ
        | {
            "GRIDWATCH_MQTT_URL": url,
            "GRIDWATCH_DATA_DIR": str(tmp_path),
            "SSL_CERT_FILE": str(guarded.ca.certificate),
        },
    )
    try:
        online = {(f"gw/v1/{device}/status", b"online") for device in ("edge-1", "wall-1", "wall-2")}
        wait_until(lambda: online <= set(collector.heard), what="computer and cameras are online")
        process.kill()
        gone = ("gw/v1/edge-1/status", b"offline")
        wait_until(lambda: gone in collector.heard, what="the broker says that the computer is gone")
    finally:
        process.kill()
        process.wait()
        camera.stop()
        collector.leave()
