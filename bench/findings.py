"""A camera that sends what it found, each time with a picture of its own, until it is told to stop."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from gridwatch.media import encode_jpeg

CAMERA = "finder"
EVERY_S = 0.2
SIZE_WH = (64, 48)
FINISHED_WITHIN_S = 60.0


class Findings:
    """The camera's thread, and how many findings it sent with QoS 1."""

    def __init__(self, port: int) -> None:
        self._stop = threading.Event()
        self._acknowledged = 0
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=CAMERA, clean_session=False)
        self._client.on_publish = self._on_publish
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._sent = 0
        self._thread = threading.Thread(target=self._run, name="findings")
        self._thread.start()

    def finish(self) -> int:
        """Stop; return how many were sent and acknowledged by the broker."""
        self.close()
        if self._acknowledged < self._sent:
            raise RuntimeError(f"the broker took {self._acknowledged} of {self._sent} findings")
        return self._sent

    def close(self) -> None:
        """Stop, once the broker has all or too long a time has passed."""
        self._stop.set()
        self._thread.join()
        end = time.monotonic() + FINISHED_WITHIN_S
        while self._acknowledged < self._sent and time.monotonic() < end:
            time.sleep(EVERY_S)
        self._client.disconnect()
        self._client.loop_stop()

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            self._client.publish(f"gw/v1/{CAMERA}/finding", _finding(self._sent), qos=1)
            self._sent += 1

    def _on_publish(self, *_: object) -> None:
        self._acknowledged += 1


@contextmanager
def sending_findings(port: int) -> Iterator[Findings]:
    """Send findings for the length of the block, or until `finish`."""
    findings = Findings(port)
    try:
        yield findings
    finally:
        findings.close()


def _finding(number: int) -> bytes:
    """Return a finding that is kept and shown and alarms nobody, with a picture like no other."""
    noise = np.random.default_rng(number).integers(0, 255, (SIZE_WH[1], SIZE_WH[0], 3), dtype=np.uint8)
    picture = base64.b64encode(encode_jpeg(noise)).decode()
    body = {
        "id": str(number),
        "t": time.time(),
        "label": "bicycle",
        "confidence": 0.9,
        "box_xyxy": [8, 8, 40, 40],
        "evidence": [{"type": "image/jpeg", "base64": picture}],
    }
    return json.dumps(body).encode()
